"""Segments decoded from an excerpt against the full song, to the last bit."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from genre_core.examples import Float32Array
from storage.audio.excerpt import excerpt_segments
from storage.audio.mp3_frames import find_frames
from storage.audio.probe import probe_audio
from storage.audio.resample import DecodedSegment, Segment, count_full_scale, mix_down
from tests.shared import run_ffmpeg

Encode = Callable[..., Path]
STARTS_S = (7.3, 0.02, 1.234567, 7.9, 4.0, 4.001, 10.9)


def excerpt(
    song: Path, starts_s: tuple[float, ...] = STARTS_S, n_threads: int = 1
) -> list[DecodedSegment] | None:
    facts = probe_audio(song)
    wanted = segments(facts.sample_rate, starts_s)
    return excerpt_segments(song, facts, wanted, n_threads=n_threads)


def segments(sample_rate: int, starts_s: tuple[float, ...] = STARTS_S) -> list[Segment]:
    """Segments of a second; the last of STARTS_S reaches beyond the end of the sweep."""
    starts = [round(start_s * sample_rate) for start_s in starts_s]
    return [Segment(start=start, stop=start + sample_rate) for start in starts]


def read_full(song: Path) -> Float32Array:
    """All samples of a song, (n_channels, n_samples)."""
    samples, _ = soundfile.read(song, dtype="float32", always_2d=True)
    return samples.T


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize(
    "options",
    [
        ["-b:a", "192k"],
        ["-b:a", "320k", "-ar", "48000"],
        ["-q:a", "3"],
        ["-q:a", "9"],
        ["-b:a", "128k", "-joint_stereo", "0"],
        ["-b:a", "128k", "-reservoir", "0"],
        ["-b:a", "40k", "-ar", "32000"],
        ["-b:a", "32k", "-ac", "1"],
        ["-b:a", "192k", "-write_xing", "0"],
    ],
)
def test_an_excerpt_gives_the_bits_of_the_full_song(
    encode: Encode, options: list[str], n_threads: int
) -> None:
    song = encode("song.mp3", *options)
    samples = read_full(song)
    mono = mix_down(samples)

    decoded = excerpt(song, n_threads=n_threads)

    assert decoded is not None
    for one, segment in zip(decoded, segments(probe_audio(song).sample_rate), strict=True):
        cut = samples[:, segment.start : segment.stop]
        np.testing.assert_array_equal(one.signal, mono[segment.start : segment.stop])
        assert one.full_scale_share == count_full_scale(cut) / cut.size
        assert one.fault is None


def test_a_song_whose_tag_names_no_padding_is_read_to_its_end(
    sweep_mp3: Path, tmp_path: Path
) -> None:
    song = tmp_path / "copied.mp3"
    run_ffmpeg("-i", sweep_mp3, "-c", "copy", song)
    mono = mix_down(read_full(song))

    decoded = excerpt(song, (10.9,))

    assert decoded is not None
    np.testing.assert_array_equal(decoded[0].signal, mono[round(10.9 * 44_100) :][:44_100])


def test_a_segment_behind_the_end_is_empty(sweep_mp3: Path) -> None:
    decoded = excerpt(sweep_mp3, (60.0, 3.0))

    assert decoded is not None
    assert [len(one.signal) for one in decoded] == [0, 44_100]


def test_without_an_information_frame_the_first_samples_are_read_otherwise(encode: Encode) -> None:
    song = encode("song.mp3", "-b:a", "192k", "-write_xing", "0")

    assert excerpt(song, (0.0, 3.0)) is None


@pytest.mark.parametrize("rate", [22_050, 11_025])
def test_shorter_frames_than_those_of_mpeg_1_are_read_otherwise(encode: Encode, rate: int) -> None:
    assert excerpt(encode("song.mp3", "-ar", str(rate))) is None


@pytest.mark.parametrize("seconds", [-1.0, 0.01])
def test_a_song_of_another_length_than_its_packets_is_read_otherwise(
    sweep_mp3: Path, seconds: float
) -> None:
    facts = probe_audio(sweep_mp3)
    longer = replace(facts, duration_s=facts.duration_s + seconds)

    assert excerpt_segments(sweep_mp3, longer, segments(44_100)) is None


@pytest.mark.parametrize(
    ("offset", "value"),
    [
        (-35, b"\xfa"),  # the header says that a checksum follows
        (-1, b"\x01"),  # there is something in the frame that should hold nothing
        (10, b"\x07"),  # another number of frames
    ],
)
def test_an_odd_information_frame_is_read_otherwise(
    sweep_mp3: Path, tmp_path: Path, offset: int, value: bytes
) -> None:
    sound = bytearray(sweep_mp3.read_bytes())
    place = max(sound.find(b"Info"), sound.find(b"Xing")) + offset
    sound[place : place + 1] = value
    song = tmp_path / "odd.mp3"
    song.write_bytes(sound)

    assert excerpt_segments(song, probe_audio(sweep_mp3), segments(44_100)) is None


def test_a_song_cut_short_after_it_was_measured_is_read_otherwise(
    sweep_mp3: Path, tmp_path: Path
) -> None:
    song = tmp_path / "short.mp3"
    song.write_bytes(sweep_mp3.read_bytes()[:100_000])

    assert excerpt_segments(song, probe_audio(sweep_mp3), segments(44_100)) is None


def test_with_another_libsndfile_than_the_checked_one_a_song_is_read_otherwise(
    sweep_mp3: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert excerpt(sweep_mp3, (3.0,)) is not None

    monkeypatch.setattr("storage.audio.excerpt.CHECKED_LIBSNDFILE", "1.2.1")

    assert excerpt(sweep_mp3, (3.0,)) is None


def test_a_song_with_checksums_is_read_otherwise(sweep_mp3: Path, tmp_path: Path) -> None:
    song = tmp_path / "checked.mp3"
    song.write_bytes(sweep_mp3.read_bytes().replace(b"\xff\xfb\xb0", b"\xff\xfa\xb0"))

    assert excerpt_segments(song, probe_audio(sweep_mp3), segments(44_100)) is None


def test_two_threads_give_the_bits_of_one_where_a_frame_of_the_first_half_is_damaged(
    sweep_mp3: Path, tmp_path: Path
) -> None:
    starts_s = (1.0, 4.8, 7.0, 9.0)
    song = damage_frame(sweep_mp3, tmp_path, 200)  # at 5.2 s
    sound = excerpt(sweep_mp3, starts_s)

    in_one, in_two = excerpt(song, starts_s), excerpt(song, starts_s, n_threads=2)

    assert sound is not None
    assert in_one is not None
    assert in_two is not None
    assert not np.array_equal(in_one[-1].signal, sound[-1].signal)  # the ring is turned
    for one, other in zip(in_one, in_two, strict=True):
        np.testing.assert_array_equal(one.signal, other.signal)
        assert one.full_scale_share == other.full_scale_share


def damage_frame(song: Path, folder: Path, nth: int) -> Path:
    """Copy a song whose nth frame is empty."""
    sound = bytearray(song.read_bytes())
    place = find_frames(bytes(sound))[nth] + 40
    sound[place : place + 300] = bytes(300)
    damaged = folder / "damaged.mp3"
    damaged.write_bytes(sound)
    return damaged


def test_a_damaged_frame_elsewhere_changes_no_more_than_the_last_bits(
    sweep_mp3: Path, tmp_path: Path
) -> None:
    song = damage_frame(sweep_mp3, tmp_path, 200)
    mono = mix_down(read_full(song))

    decoded = excerpt(song, (1.0, 9.0))

    assert decoded is not None
    for one, segment in zip(decoded, segments(44_100, (1.0, 9.0)), strict=True):
        np.testing.assert_allclose(one.signal, mono[segment.start : segment.stop], atol=1e-6)
