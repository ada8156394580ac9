"""Fragments against the whole song, the two libraries and the lossless original."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from genre_core.errors import TrackRejected
from genre_core.records import Reason
from genre_core.representations.features import FeatureConfig, matrices_of
from genre_core.signal.fragments import SAMPLE_RATE, FragmentConfig
from storage.audio.decode import DECODER_VERSION, cut_song, read_fragments
from storage.audio.probe import probe_audio
from storage.audio.resample import Segment, mix_down
from storage.audio.seek import can_seek, seek_segments
from storage.audio.stream import stream_segments
from storage.audio.wav import read_wav, round_samples, write_wav

Encode = Callable[..., Path]
FEATURES = FeatureConfig(fragments=FragmentConfig(protocol="thesis", margin_s=0.5, min_track_s=5.0))

STARTS_S = (7.3, 0.0, 1.234567, 7.9)


def _cut(whole: np.ndarray, fragment_s: float) -> np.ndarray:
    """Cut the fragments at STARTS_S out of a song at 44.1 kHz."""
    starts = [round(start_s * 44_100) for start_s in STARTS_S]
    return np.stack([whole[start : start + round(fragment_s * 44_100)] for start in starts])


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("song.mp3", ["-b:a", "192k"]),
        ("song.mp3", ["-b:a", "48k", "-ac", "1"]),
        ("song.mp3", ["-q:a", "3"]),
        ("song.mp3", ["-b:a", "128k", "-ar", "48000"]),
        ("song.mp3", ["-b:a", "192k", "-write_xing", "0"]),
        ("song.flac", []),
        ("song.wav", []),
    ],
)
def test_both_libraries_give_the_same_samples_at_the_same_place(
    encode: Encode, name: str, options: list[str]
) -> None:
    song = encode(name, *options)
    facts = probe_audio(song)
    places = (0, 1, 40_000, 123_457, 234_567, 350_000)
    segments = [Segment(start=place, stop=place + 20_000) for place in places]

    sought = np.stack([one.signal for one in seek_segments(song, facts, segments)])
    streamed = np.stack([one.signal for one in stream_segments(song, facts, segments)])

    assert can_seek(song, facts)
    np.testing.assert_allclose(sought, streamed, atol=1e-5)


@pytest.mark.parametrize(("rate", "kbps"), [(44_100, 32), (22_050, 16), (22_050, 8), (8_000, 8)])
def test_a_seek_is_exact_even_at_the_lowest_bit_rates(encode: Encode, rate: int, kbps: int) -> None:
    song = encode("song.mp3", "-b:a", f"{kbps}k", "-ar", str(rate))
    facts = probe_audio(song)
    whole, _ = soundfile.read(song, dtype="float32")
    places = range(rate, 9 * rate, rate // 3)
    segments = [Segment(start=place, stop=place + rate) for place in places]

    sought = np.stack([one.signal for one in seek_segments(song, facts, segments)])

    expected = [whole[segment.start : segment.stop].mean(axis=1) for segment in segments]
    np.testing.assert_allclose(sought, np.stack(expected), atol=2e-6)


def test_a_variable_rate_mp3_without_header_is_read_to_its_end(encode: Encode) -> None:
    song = encode("song.mp3", "-q:a", "3", "-write_xing", "0")
    plain = encode("song.mp3", "-q:a", "3")
    facts = probe_audio(song)

    fragments = read_fragments(song, facts, [9.0], 2.0)

    assert not can_seek(song, facts)
    # Without the header the delay of the encoder is unknown: 1105 samples come before the song.
    expected = read_fragments(plain, probe_audio(plain), [9.0 - 1105 / 44_100], 2.0)
    np.testing.assert_allclose(fragments, expected, atol=1e-5)


@pytest.mark.parametrize("sample_rate", [48_000, 22_050, 96_000, 32_000, 44_099])
def test_fragments_equal_those_of_the_resampled_song(tmp_path: Path, sample_rate: int) -> None:
    rng = np.random.default_rng(7)
    signal = (0.2 * rng.standard_normal(12 * sample_rate)).astype(np.float32)
    song = tmp_path / "song.wav"
    soundfile.write(song, signal, sample_rate, subtype="FLOAT")

    fragments = read_fragments(song, probe_audio(song), STARTS_S, 2.0)

    whole = soxr.resample(signal, sample_rate, 44_100, quality="HQ")
    np.testing.assert_allclose(fragments, _cut(whole, 2.0), atol=1e-4)


def test_a_fragment_may_end_with_the_song(encode: Encode) -> None:
    song = encode("song.opus", "-c:a", "libopus")

    fragments = read_fragments(song, probe_audio(song), [9.0], 3.0)

    assert fragments.shape == (1, 132_300)
    assert np.abs(fragments[0, -4410:]).max() > 0.1


def test_each_channel_is_clipped_to_full_scale_before_the_mean(tmp_path: Path) -> None:
    song = tmp_path / "loud.wav"
    soundfile.write(song, np.tile([1.5, 0.5], (44_100, 1)), 44_100, subtype="FLOAT")

    fragments = read_fragments(song, probe_audio(song), [0.2], 0.5)

    np.testing.assert_allclose(fragments, 0.75, atol=1e-7)


@pytest.mark.parametrize("sample", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_are_rejected(tmp_path: Path, sample: float) -> None:
    signal = np.zeros(44_100, dtype=np.float32)
    signal[20_000] = sample
    song = tmp_path / "song.wav"
    soundfile.write(song, signal, 44_100, subtype="FLOAT")

    with pytest.raises(TrackRejected) as rejection:
        read_fragments(song, probe_audio(song), [0.2], 0.5)

    assert rejection.value.reason == Reason.NAN


@pytest.mark.parametrize("name", ["song.mp3", "song.m4a", "song.opus"])
def test_a_fragment_beyond_the_end_is_truncated(encode: Encode, name: str) -> None:
    song = encode(name)
    facts = replace(probe_audio(song), duration_s=60.0)

    with pytest.raises(TrackRejected, match=r"ends 1\.\d+ s after 11\.0 s") as rejection:
        read_fragments(song, facts, [1.0, 11.0], 3.0)

    assert rejection.value.reason == Reason.TRUNCATED


@pytest.mark.parametrize(("starts_s", "fragment_s"), [([-1.0], 3.0), ([1.0], 0.0)])
def test_a_fragment_outside_any_song_is_a_wrong_argument(
    sweep_wav: Path, starts_s: list[float], fragment_s: float
) -> None:
    with pytest.raises(ValueError, match="no fragments"):
        read_fragments(sweep_wav, probe_audio(sweep_wav), starts_s, fragment_s)


def test_the_version_of_the_decoder_names_both_libraries() -> None:
    assert soundfile.__libsndfile_version__ in DECODER_VERSION
    assert "avcodec" in DECODER_VERSION


@pytest.mark.parametrize("n_channels", [1, 2, 3, 6, 7])
def test_the_mix_is_the_sum_of_the_channels_in_order_by_their_number(n_channels: int) -> None:
    woven = np.random.default_rng(0).uniform(-1, 1, (5_000, n_channels)).astype(np.float32)

    mixed = mix_down(woven.T)

    in_order = np.add.accumulate(woven, axis=1)[:, -1] / np.float32(n_channels)
    np.testing.assert_array_equal(mixed, in_order)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("song.wav", []),
        ("song.flac", []),
        ("song.mp3", ["-b:a", "128k"]),
        ("song.mp3", ["-b:a", "320k"]),
        ("song.mp3", ["-q:a", "3"]),
    ],
)
def test_the_fast_path_gives_the_very_matrices_of_the_slow_one(
    encode: Encode, tmp_path: Path, name: str, options: list[str]
) -> None:
    song = encode(name, *options)
    facts = probe_audio(song)
    whole, _ = soundfile.read(song, dtype="float32", always_2d=True)
    signal, n_samples = mix_down(whole.T), round(FEATURES.fragment_s * SAMPLE_RATE)

    cut = cut_song(song, "a track", facts, FEATURES.fragments)
    write_wav(tmp_path / "cache.wav", cut.fragments)
    fast = matrices_of(read_wav(tmp_path / "cache.wav", len(cut.starts_s)), FEATURES)

    starts = [round(start_s * SAMPLE_RATE) for start_s in cut.starts_s]
    slow = np.stack([signal[start : start + n_samples] for start in starts])
    assert can_seek(song, facts)
    np.testing.assert_array_equal(fast, matrices_of(round_samples(slow), FEATURES))
