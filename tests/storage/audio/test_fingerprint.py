"""Fingerprints of real files: those of Chromaprint, and what the same recording keeps."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
import soundfile

from genre_core.errors import TrackRejected
from genre_core.examples import Float32Array
from genre_core.records import Reason
from genre_core.signal.fingerprints import (
    SAME_RECORDING,
    Items,
    find_candidates,
    index_keys,
    select_keys,
    similarity,
)
from storage.audio.fingerprint import fingerprint_song
from storage.audio.probe import probe_audio

SAMPLE_RATE = 44_100
SONG_S = 30.0
N_OTHERS = 12

Reencode = Callable[..., Path]


def play(rng: np.random.Generator, duration_s: float = SONG_S) -> Float32Array:
    """Notes of three tones with overtones, each beat another chord, and a burst of noise."""
    beat_s = rng.uniform(0.25, 0.5)
    beat = np.arange(round(beat_s * SAMPLE_RATE)) / SAMPLE_RATE
    decay = np.exp(-4 * beat / beat_s)
    beats = []
    for _ in range(int(duration_s / beat_s)):
        tones_hz = 110 * 2 ** (rng.integers(0, 36, 3) / 12)
        tones = [np.sin(2 * np.pi * k * f * beat) / k for f in tones_hz for k in (1, 2, 3)]
        beats.append(decay * (sum(tones) / 6 + 0.05 * rng.standard_normal(len(beat))))
    return 0.4 * np.concatenate(beats).astype(np.float32)


def write_music(path: Path, seed: int, duration_s: float = SONG_S) -> Path:
    soundfile.write(path, play(np.random.default_rng(seed), duration_s), SAMPLE_RATE)
    return path


def ffmpeg(*arguments: str | Path) -> bytes:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *map(str, arguments)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout


def chromaprint(song: Path, *options: str) -> Items:
    """Fingerprint of the first two minutes by the Chromaprint inside ffmpeg."""
    raw = ("-f", "chromaprint", "-fp_format", "raw", "-")
    return np.frombuffer(ffmpeg("-t", "120", "-i", song, *options, *raw), np.uint32)


def fingerprint(song: Path) -> Items:
    return fingerprint_song(song, probe_audio(song))


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_music(tmp_path_factory.mktemp("music") / "song.wav", seed=0)


@pytest.fixture
def reencode(song: Path, tmp_path: Path) -> Reencode:
    def encode(suffix: str, *options: str, start_s: float = 0.0) -> Path:
        target = tmp_path / f"copy{suffix}"
        ffmpeg("-ss", str(start_s), "-i", song, *options, target)
        return target

    return encode


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> list[Items]:
    """Fingerprints of songs that are not the song."""
    folder = tmp_path_factory.mktemp("others")
    return [fingerprint(write_music(folder / f"{n}.wav", n)) for n in range(1, N_OTHERS)]


@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        (".wav", []),
        (".mp3", ["-b:a", "128k"]),
        (".mp3", ["-ac", "1", "-ar", "22050"]),
        (".flac", ["-ar", "48000", "-ac", "2"]),
        (".opus", ["-c:a", "libopus"]),
        (".m4a", ["-c:a", "aac"]),
    ],
)
def test_items_are_those_of_chromaprint(
    reencode: Reencode, suffix: str, options: list[str]
) -> None:
    song = reencode(suffix, *options)

    items, expected = fingerprint(song), chromaprint(song)

    assert items.dtype == np.uint32
    assert items.shape == expected.shape
    assert np.mean(items == expected) > 0.95  # the rest differ in a bit, by another resampler
    assert similarity(items, expected).similarity > 0.998
    assert similarity(items, expected).offset_items == 0


@pytest.mark.parametrize(("duration_s", "n_items"), [(150.0, 967 - 4 - 15), (1.0, 0)])
def test_at_most_two_minutes_are_read(tmp_path: Path, duration_s: float, n_items: int) -> None:
    # 1 + (120 x 11025 - 4096) / 1365 = 967 spectra, less 4 of the filter, less 15 of the window
    song = write_music(tmp_path / "song.flac", seed=1, duration_s=duration_s)

    assert fingerprint(song).size == n_items


@pytest.mark.parametrize(
    ("suffix", "options", "start_s"),
    [
        (".mp3", ["-b:a", "64k"], 0.0),
        (".mp3", ["-b:a", "320k"], 0.0),
        (".ogg", ["-c:a", "libvorbis"], 0.0),
        (".opus", ["-c:a", "libopus"], 0.0),
        (".m4a", ["-c:a", "aac"], 0.0),
        (".mp3", ["-af", "volume=-6dB"], 0.0),
        (".mp3", ["-ac", "1", "-ar", "22050"], 0.0),
        (".mp3", ["-b:a", "128k"], 5.0),
    ],
)
def test_a_copy_of_a_recording_is_found_among_others(
    reencode: Reencode, song: Path, others: list[Items], suffix: str, options: list[str],
    start_s: float,
) -> None:  # fmt: skip
    original = fingerprint(song)
    copy = fingerprint(reencode(suffix, *options, start_s=start_s))

    index = index_keys([select_keys(items) for items in [*others, original]])
    match = similarity(original, copy)

    assert find_candidates(index, select_keys(copy)).tolist() == [len(others)]
    assert match.similarity > SAME_RECORDING
    assert match.offset_items == pytest.approx(start_s / 0.1238, abs=1)


def test_different_songs_are_not_the_same_recording(song: Path, others: list[Items]) -> None:
    original = fingerprint(song)

    assert max(similarity(original, other).similarity for other in others) < SAME_RECORDING


def test_the_name_of_a_song_is_no_option_and_no_protocol(song: Path, tmp_path: Path) -> None:
    odd = tmp_path / "-i http:‖'; touch x %d.wav"
    odd.write_bytes(song.read_bytes())

    assert fingerprint(odd).tolist() == fingerprint(song).tolist()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no music at all\n" * 100,
        bytes(100_000),
        b"#EXTM3U\n#EXTINF:30,\n%s\n#EXT-X-ENDLIST\n",
    ],
)
def test_what_is_no_audio_is_rejected(song: Path, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "song.mp3"
    path.write_bytes(content.replace(b"%s", bytes(song)))

    with pytest.raises(TrackRejected, match=r"(is no audio file|holds no sound)") as rejection:
        fingerprint_song(path, probe_audio(song))

    assert rejection.value.reason == Reason.NOT_AUDIO


def test_what_cannot_be_decoded_is_silence(reencode: Reencode, tmp_path: Path) -> None:
    song = reencode(".mp3", "-b:a", "128k")
    content = bytearray(song.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 2_000] = bytes(2_000)
    damaged = tmp_path / "damaged.mp3"
    damaged.write_bytes(content)

    match = similarity(fingerprint(damaged), fingerprint(song))

    assert match.similarity > 0.9
    assert abs(match.offset_items) <= 1
