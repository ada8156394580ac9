"""The WAV of fragments, and ffmpeg's decoding of full songs against read_fragments."""

import resource
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from genre_core.examples import Float32Array
from storage.audio.decode import read_fragments
from storage.audio.probe import probe_audio
from storage.audio.wav import read_note, read_wav, round_samples, wav_bytes, write_wav
from tests.shared import run_ffmpeg

Encode = Callable[..., Path]


def test_fragments_are_joined_rounded_and_clipped_in_an_int16_wav(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "track.wav"
    levels = np.array([[0.6, -0.6, 1.4], [-1.6, 32_768.0, -40_000.0]], dtype=np.float32)

    write_wav(path, levels / np.float32(32_768), b"a note")

    samples, sample_rate = soundfile.read(path, dtype="int16")
    assert sample_rate == 44_100
    assert samples.tolist() == [1, -1, 1, -2, 32_767, -32_768]
    assert read_note(path) == b"a note"
    assert [entry.name for entry in path.parent.iterdir()] == ["track.wav"]


@pytest.mark.parametrize("place", [44, 5_000, 19_000])
def test_a_wav_with_a_hole_of_zeros_is_refused(tmp_path: Path, place: int) -> None:
    path = tmp_path / "track.wav"
    write_wav(path, np.full((2, 5_000), 0.5, np.float32), b"a note")
    content = bytearray(path.read_bytes())
    content[place : place + 512] = bytes(512)
    path.write_bytes(content)

    assert read_note(path) == b"a note"
    with pytest.raises(ValueError, match="is damaged"):
        read_wav(path, 2)


def test_the_crc_of_the_samples_stands_before_the_note(tmp_path: Path) -> None:
    path = tmp_path / "track.wav"
    write_wav(path, np.array([[0.5, 0.25], [-0.5, 0.0]], np.float32), b"a note")

    content = path.read_bytes()
    assert content[44 + 8 :] == struct.pack("<4sII", b"note", 10, zlib.crc32(content[44:52])) + (
        b"a note"
    )


def test_a_disk_that_takes_no_more_is_an_error(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            write_wav(tmp_path / "track.wav", np.zeros((1, 8_000), np.float32))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert not list(tmp_path.iterdir())


def test_the_bytes_of_a_wav_are_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "track.wav"
    path.write_bytes(wav_bytes(np.zeros((2, 5), np.float32)))

    assert soundfile.info(path).frames == 10
    assert path.stat().st_size == 8 + struct.unpack_from("<I", path.read_bytes(), 4)[0]


@settings(max_examples=30)
@given(
    fragments=arrays.arrays(
        np.float32, st.tuples(st.integers(1, 3), st.just(8)), elements=st.floats(-2, 2, width=32)
    )
)
def test_rounded_samples_are_those_that_a_wav_gives_back(
    tmp_path_factory: pytest.TempPathFactory, fragments: Float32Array
) -> None:
    path = tmp_path_factory.getbasetemp() / "rounded.wav"

    write_wav(path, fragments)

    rounded = round_samples(fragments)
    assert rounded.dtype == np.float32
    np.testing.assert_array_equal(rounded, read_wav(path, len(fragments)))


@pytest.mark.parametrize(
    ("sample_rate", "n_fragments", "words"),
    [
        (44_100, 3, "does not hold 3 fragments"),
        (48_000, 2, r"not 44\.1 kHz"),
        (0, 2, "no WAV file"),
    ],
)
def test_a_file_that_is_no_such_wav_is_refused(
    tmp_path: Path, sample_rate: int, n_fragments: int, words: str
) -> None:
    path = tmp_path / "track.wav"
    path.write_bytes(b"RIFF")
    if sample_rate:
        soundfile.write(path, np.zeros(10), sample_rate)

    with pytest.raises(ValueError, match=words):
        read_wav(path, n_fragments)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("song.mp3", ["-b:a", "192k"]),
        ("song.mp3", ["-b:a", "192k", "-af", "volume=12dB"]),
        ("song.mp3", ["-q:a", "4", "-ar", "48000"]),
        ("song.ogg", ["-c:a", "libvorbis"]),
        ("song.oga", ["-c:a", "flac"]),
        ("song.opus", ["-c:a", "libopus"]),
        ("song.m4a", ["-c:a", "aac", "-b:a", "96k"]),
        ("song.webm", ["-c:a", "libopus"]),
        ("song.wma", []),
        ("song.aac", []),
        ("song.flac", []),
        *((f"song.{suffix}", []) for suffix in ("wav", "aiff", "au")),
    ],
)
def test_read_fragments_gives_the_samples_of_a_full_decode_by_ffmpeg(
    encode: Encode, tmp_path: Path, name: str, options: list[str]
) -> None:
    song = encode(name, *options)
    run_ffmpeg("-i", song, "-c:a", "pcm_s16le", tmp_path / "full.wav")
    channels, sample_rate = soundfile.read(tmp_path / "full.wav", dtype="float32")

    fragments = read_fragments(song, probe_audio(song), [0.5, 4.321, 8.0], 3.0)

    full = soxr.resample(channels.mean(axis=1), sample_rate, 44_100, quality="HQ")
    starts = [22_050, 190_556, 352_800]
    cut = np.stack([full[start : start + 132_300] for start in starts])
    # One step for int16 out of ffmpeg, and what its resampling rings over.
    np.testing.assert_allclose(fragments, np.clip(cut, -1, 1), atol=2 / 32_768)
