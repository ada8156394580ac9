"""Previews sound like their part of the song, are equally loud, and the cache is bounded."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from genre_core.errors import GenreflowError, TrackRejected
from storage.audio import previews
from storage.audio.previews import PlayedSong, cut_preview, read_peaks
from storage.audio.probe import probe_audio
from tests.shared import run_ffmpeg

RATE = 44_100
SECOND_HZ = (300, 600, 1200, 2400)
"""The tone of each second of the song."""


def _tones(amplitude: float) -> np.ndarray:
    time_s = np.arange(RATE) / RATE
    return np.concatenate([amplitude * np.sin(2 * np.pi * hz * time_s) for hz in SECOND_HZ])


def _song(folder: Path, amplitude: float = 0.1, suffix: str = ".flac") -> PlayedSong:
    wav = folder / f"{amplitude}.wav"
    soundfile.write(wav, np.stack([_tones(amplitude)] * 2, axis=1), RATE)
    path = wav.with_suffix(suffix)
    if suffix != ".wav":
        run_ffmpeg("-i", wav, path)
    return PlayedSong(name=f"ab{round(100 * amplitude)}", path=path, facts=probe_audio(path))


def _strongest_hz(samples: np.ndarray) -> float:
    return np.abs(np.fft.rfft(samples)).argmax() * RATE / len(samples)


def test_an_excerpt_is_the_part_that_was_asked_for_and_fades(tmp_path: Path) -> None:
    preview = cut_preview(tmp_path / "cache", _song(tmp_path), start_s=2.0, length_s=1.0)
    samples, rate = soundfile.read(preview)
    assert rate == RATE
    # mp3 adds up to two frames of silence at either end
    assert 1.0 <= len(samples) / RATE < 1.1
    assert _strongest_hz(samples) == pytest.approx(SECOND_HZ[2], abs=2)
    middle = np.abs(samples[RATE // 3 : RATE // 2]).max()
    loud = np.flatnonzero(np.abs(samples) > middle / 10)
    assert np.abs(samples[loud[0] : loud[0] + 300]).max() < 0.6 * middle


def test_a_quiet_and_a_loud_song_are_equally_loud(tmp_path: Path) -> None:
    for amplitude in (0.02, 0.9):
        preview = cut_preview(tmp_path / "cache", _song(tmp_path, amplitude), 1.0, 1.0)
        samples, _ = soundfile.read(preview)
        middle = samples[RATE // 4 : 3 * RATE // 4]
        loudness_dbfs = 20 * np.log10(np.sqrt(np.mean(middle**2)))
        # mono tones of this loudness reach 0.18 of full scale, far from the limit of the peak
        assert loudness_dbfs == pytest.approx(previews.LOUDNESS_DBFS, abs=0.5)


@pytest.mark.parametrize(
    ("start_s", "length_s", "expected_s"), [(3.5, 2.0, 2.0), (-1.0, 99.0, 4.0), (None, 2.0, 2.0)]
)
def test_a_part_lies_within_the_song(
    tmp_path: Path, start_s: float | None, length_s: float, expected_s: float
) -> None:
    preview = cut_preview(tmp_path / "cache", _song(tmp_path), start_s, length_s)
    assert soundfile.info(preview).duration == pytest.approx(expected_s, abs=0.1)


def test_a_second_request_finds_the_file_and_the_oldest_go_when_there_are_too_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    song, cache = _song(tmp_path), tmp_path / "cache"
    first = cut_preview(cache, song, 0.0, 1.0)
    os.utime(first, (1, 1))
    foreign = first.with_name("notes.txt")
    foreign.write_text("not ours")
    assert cut_preview(cache, song, 0.0, 1.0) == first
    os.utime(first, (1, 1))
    monkeypatch.setattr(previews, "MAX_BYTES", first.stat().st_size + 1000)
    second = cut_preview(cache, song, 1.0, 1.0)
    assert sorted(first.parent.iterdir()) == sorted([second, foreign])


@pytest.mark.parametrize("suffix", [".wav", ".mp3", ".ogg"])
def test_the_peaks_follow_the_loudness_of_the_song(tmp_path: Path, suffix: str) -> None:
    wav = tmp_path / "song.wav"
    soundfile.write(wav, np.concatenate([0.25 * _tones(1.0), 0.75 * _tones(1.0)]), RATE)
    path = wav.with_suffix(suffix)
    if suffix != ".wav":
        run_ffmpeg("-i", wav, path)
    song = PlayedSong(name="ab", path=path, facts=probe_audio(path))
    peaks = np.array(read_peaks(tmp_path / "cache", song))
    assert len(peaks) == previews.N_PEAKS
    assert np.median(peaks[:480]) == pytest.approx(0.25, abs=0.05)
    assert np.median(peaks[520:]) == pytest.approx(0.75, abs=0.05)
    assert read_peaks(tmp_path / "cache", song) == peaks.tolist()


def test_what_cannot_be_decoded_is_an_error_of_its_excerpt_and_silent_among_the_peaks(
    tmp_path: Path,
) -> None:
    song = _song(tmp_path, suffix=".flac")
    content = song.path.read_bytes()
    song.path.write_bytes(content[: len(content) // 2] + bytes(len(content) // 2))
    with pytest.raises(TrackRejected):
        cut_preview(tmp_path / "cache", song, 3.0, 1.0)
    peaks = read_peaks(tmp_path / "cache", song)
    assert max(peaks[:400]) > 0.05
    assert max(peaks[900:]) == 0.0


def test_a_failure_of_ffmpeg_is_an_error_of_ours_and_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(previews, "SAMPLE_RATE", 12_345)  # of no mp3
    with pytest.raises(GenreflowError, match="mp3"):
        cut_preview(tmp_path / "cache", _song(tmp_path, suffix=".wav"), 0.0, 1.0)
    assert list((tmp_path / "cache").rglob("*.mp3")) == []


def test_a_full_disk_is_named_as_such() -> None:
    with pytest.raises(OSError, match="No space left"):
        previews.write_excerpt(Path("/dev/full"), _tones(0.5).astype(np.float32))


def test_a_silent_part_stays_silent(tmp_path: Path) -> None:
    path = tmp_path / "silent.wav"
    soundfile.write(path, np.zeros(2 * RATE), RATE)
    song = PlayedSong(name="ab", path=path, facts=probe_audio(path))
    samples, _ = soundfile.read(cut_preview(tmp_path / "cache", song, 0.0, 1.0))
    assert not samples.any()
    assert set(read_peaks(tmp_path / "cache", song)) == {0.0}
