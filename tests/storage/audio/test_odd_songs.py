"""Odd but valid songs: every rate, depth, number of channels, cover art, name and length."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from genre_core.errors import TrackRejected
from genre_core.records import Reason, Source, Track
from storage.audio.decode import read_fragments
from storage.audio.probe import probe_audio
from storage.audio.resample import Segment
from storage.audio.stream import stream_segments
from storage.fetch.download import fetch_song
from storage.fetch.limits import DownloadLimits
from storage.home import DataLayout

Encode = Callable[..., Path]

RATES = [8_000, 11_025, 22_050, 44_100, 48_000, 96_000, 192_000]
DEPTHS = [
    ("song.wav", "PCM_U8", 1 / 128),
    ("song.wav", "PCM_16", 1e-4),
    ("song.wav", "PCM_24", 1e-6),
    ("song.wav", "PCM_32", 1e-6),
    ("song.wav", "FLOAT", 1e-6),
    ("song.wav", "DOUBLE", 1e-6),
    ("song.flac", "PCM_24", 1e-6),
    ("song.flac", "PCM_S8", 1 / 128),
]


def tone(sample_rate: int, duration_s: float = 4.0) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * 440 * np.arange(round(duration_s * sample_rate)) / sample_rate)


def fetch(song: Path, home: Path) -> Track:
    source = Source(location=str(song), genre="odd")
    return fetch_song(source, DataLayout(home), DownloadLimits())


@pytest.mark.parametrize("sample_rate", RATES)
@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_a_tone_of_any_rate_is_the_same(tmp_path: Path, sample_rate: int, suffix: str) -> None:
    song = tmp_path / f"song{suffix}"
    soundfile.write(song, tone(sample_rate), sample_rate)
    facts = probe_audio(song)

    fragment = read_fragments(song, facts, [1.0], 1.0)[0]

    assert (facts.sample_rate, facts.channels) == (sample_rate, 1)
    assert facts.duration_s == pytest.approx(4.0, abs=1e-6)
    np.testing.assert_allclose(fragment, tone(44_100)[44_100:88_200], atol=2e-3)


@pytest.mark.parametrize(
    ("name", "sample_rate"),
    [("low.mp3", 8_000), ("low.mp3", 11_025), ("low.ogg", 22_050), ("high.m4a", 96_000)],
)
def test_lossy_songs_of_any_rate_keep_their_tone(
    encode: Encode, tmp_path: Path, name: str, sample_rate: int
) -> None:
    soundfile.write(tmp_path / "tone.wav", tone(sample_rate), sample_rate)
    song = encode(name, "-i", str(tmp_path / "tone.wav"), "-map", "1:a")
    facts = probe_audio(song)

    fragment = read_fragments(song, facts, [1.0], 1.0)[0]

    assert facts.sample_rate == sample_rate
    assert np.abs(np.fft.rfft(fragment)).argmax() == 440
    assert np.abs(fragment).max() == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(("name", "subtype", "step"), DEPTHS)
def test_samples_of_any_depth_are_read_as_they_were_written(
    tmp_path: Path, name: str, subtype: str, step: float
) -> None:
    song = tmp_path / name
    soundfile.write(song, tone(44_100), 44_100, subtype=subtype)
    facts = probe_audio(song)

    sought = read_fragments(song, facts, [1.0], 1.0)[0]
    streamed = stream_segments(song, facts, [Segment(start=44_100, stop=88_200)])[0].signal

    np.testing.assert_allclose(sought, tone(44_100)[44_100:88_200], atol=step)
    np.testing.assert_allclose(streamed, sought, atol=1e-6)


SIX = np.array([0.6, 0.1, 0.3, -0.2, -0.3, 0.4])
EIGHT = np.array([0.8, 0, 0, 0, 0, 0, 0, 0.8])


@pytest.mark.parametrize(
    ("name", "options", "levels", "tolerance"),
    [
        ("song.wav", [], SIX, 1e-4),
        ("song.flac", [], SIX, 1e-4),
        ("song.m4a", ["-c:a", "alac"], SIX, 1e-4),
        ("song.mka", ["-c:a", "flac"], SIX, 1e-4),
        ("song.wv", [], SIX, 1e-4),
        ("song.m4a", [], EIGHT, 0.02),
        ("song.ogg", [], EIGHT, 0.02),
        ("song.opus", [], EIGHT, 0.02),
        ("song.wv", [], EIGHT, 0.02),
    ],
)
def test_many_channels_are_mixed_by_their_mean_in_every_container(
    encode: Encode, tmp_path: Path, name: str, options: list[str], levels: np.ndarray,
    tolerance: float,
) -> None:  # fmt: skip
    soundfile.write(tmp_path / "many.wav", np.outer(tone(48_000), levels), 48_000)

    song = encode(name, "-i", str(tmp_path / "many.wav"), "-map", "1:a", *options)

    facts = probe_audio(song)
    fragment = read_fragments(song, facts, [1.0], 1.0)[0]
    assert facts.channels == len(levels)
    expected = levels.mean() * tone(44_100)[44_100:88_200]
    np.testing.assert_allclose(fragment, expected, atol=tolerance)


NAMES = [
    "Ünïcode 歌 песня أغنية 🎵.mp3",
    "a" * 251 + ".mp3",
    "two\nlines.mp3",
    "'single' \"double\" `back`.mp3",
    "-y -i nothing.mp3",
    "file:song.mp3",
    "concat:one.mp3|two.mp3",
    "100 %d %s %05d.mp3",
    "pipe:0.mp3",
    "song*?[x]{a,b}$HOME;true&.mp3",
    " spaces .mp3",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_song_of_any_name_is_fetched_and_read(sweep_mp3: Path, tmp_path: Path, name: str) -> None:
    song = tmp_path / "folder" / name
    song.parent.mkdir()
    song.write_bytes(sweep_mp3.read_bytes())

    track = fetch(song, tmp_path / "home")

    assert track.location == str(song)
    assert track.duration_s == pytest.approx(12.0, abs=1e-6)
    np.testing.assert_array_equal(
        read_fragments(song, track.facts, [1.0], 1.0),
        read_fragments(sweep_mp3, track.facts, [1.0], 1.0),
    )


# 20 MB, but for FLAC, whose blocks hold 16 MiB at most
@pytest.mark.parametrize(
    ("name", "width"), [("song.mp3", 2_600), ("song.m4a", 2_600), ("song.flac", 2_300)]
)
def test_a_large_cover_is_ignored(encode: Encode, tmp_path: Path, name: str, width: int) -> None:
    art = tmp_path / "cover.png"  # noise, which nothing makes smaller
    noise = np.random.default_rng(0).integers(0, 256, (width, width, 3), np.uint8)
    Image.fromarray(noise).save(art, compress_level=0)
    song = encode(name)
    copied = ("-map", "1:a", "-map", "2:v", "-c", "copy", "-disposition:v", "attached_pic")
    covered = encode(name, "-i", str(song), "-i", str(art), *copied)

    facts = probe_audio(covered)

    assert covered.stat().st_size > 3 * width * width
    assert replace(facts, title="") == replace(probe_audio(song), title="")
    fragments = read_fragments(covered, facts, [5.0], 1.0)
    np.testing.assert_array_equal(fragments, read_fragments(song, facts, [5.0], 1.0))


_PEAK = """
import resource, sys
from pathlib import Path
from genre_core.signal.fragments import FragmentConfig
from genre_core.records import Source
from storage.audio.decode import cut_song
from storage.fetch.download import fetch_song
from storage.fetch.limits import DownloadLimits
from storage.home import DataLayout

layout = DataLayout(Path(sys.argv[2]))
track = fetch_song(Source(location=sys.argv[1], genre="mix"), layout, DownloadLimits())
song = layout.song(track.track_id, track.suffix)
assert len(cut_song(song, track.track_id, track.facts, FragmentConfig()).starts_s) == 15
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def test_a_mix_of_two_hours_takes_no_more_memory(encode: Encode, tmp_path: Path) -> None:
    part = encode("part.mp3", "-b:a", "32k", "-write_xing", "0").read_bytes()
    peaks_mb = []
    for n_parts in (15, 600):  # of twelve seconds
        song = tmp_path / f"{n_parts}.mp3"
        song.write_bytes(part[part.index(b"\xff\xfb") :] * n_parts)
        command = [sys.executable, "-c", _PEAK, str(song), str(tmp_path / "home")]
        peaks_mb.append(float(subprocess.run(command, check=True, capture_output=True).stdout))

    assert peaks_mb[1] - peaks_mb[0] < 60


def _content(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


def _link(target: str) -> Callable[[Path], object]:
    return lambda path: path.symlink_to(target)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (_content(b""), Reason.NOT_AUDIO),
        (_content(b"no music at all\n" * 100), Reason.NOT_AUDIO),
        (_content(b"\x89PNG\r\n\x1a\n" + bytes(2000)), Reason.NOT_AUDIO),
        (_content(bytes(100_000)), Reason.NOT_AUDIO),
        (Path.mkdir, Reason.NOT_AUDIO),
        (os.mkfifo, Reason.NOT_AUDIO),
        (_link("/dev/zero"), Reason.NOT_AUDIO),
        (_link("song.mp3"), Reason.NOT_FOUND),
        (_link("nowhere.mp3"), Reason.NOT_FOUND),
        (lambda _path: None, Reason.NOT_FOUND),
    ],
)
def test_what_is_no_audio_file_has_its_reason_at_once(
    tmp_path: Path, make: Callable[[Path], object], reason: Reason
) -> None:
    path = tmp_path / "song.mp3"
    make(path)

    with pytest.raises(TrackRejected, match=r"song\.mp3") as rejection:
        fetch(path, tmp_path / "home")
    with pytest.raises(TrackRejected, match=r"song\.mp3") as opened:
        probe_audio(path)

    assert rejection.value.reason == opened.value.reason == reason
