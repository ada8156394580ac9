"""Windows at the rate of an embedding are those of the whole song at that rate."""

import numpy as np
import pytest
import soxr

from genre_core.examples import Float32Array
from genre_core.representations.embeddings import Embedding
from storage.embeddings.embedder import require_rate, resample_windows

CONTEXT = 2205


def embedding_at(sample_rate: int, window_s: float = 0.5) -> Embedding:
    lengths_s = {"window_s": window_s, "hop_s": window_s}
    return Embedding(name="mine", digest="", sample_rate=sample_rate, n_features=1, **lengths_s)


def made_song(seconds: float = 3.0) -> Float32Array:
    return np.random.default_rng(5).uniform(-1, 1, round(seconds * 44_100)).astype(np.float32)


def fragment_of(song: Float32Array, start_s: float, window_s: float = 0.5) -> Float32Array:
    start, n_samples = round(start_s * 44_100), round(window_s * 44_100)
    return song[None, start - CONTEXT : start + n_samples + CONTEXT]


@pytest.mark.parametrize("sample_rate", [8_000, 11_025, 16_000, 22_050, 32_000, 48_000])
def test_a_window_is_the_same_segment_of_the_full_song_resampled(sample_rate: int) -> None:
    song = made_song()
    whole = soxr.resample(song, 44_100, sample_rate, quality="HQ")

    windows = resample_windows(fragment_of(song, 1.2), embedding_at(sample_rate))

    start, n_samples = round(1.2 * sample_rate), round(0.5 * sample_rate)
    assert windows.shape == (1, n_samples)
    np.testing.assert_allclose(windows[0], whole[start : start + n_samples], atol=2e-5)


def test_a_model_at_44_100_hz_gets_the_sound_as_it_is() -> None:
    song = made_song()

    windows = resample_windows(fragment_of(song, 1.0), embedding_at(44_100))

    np.testing.assert_array_equal(windows[0], song[44_100 : 44_100 + 22_050])


def test_a_window_does_not_depend_on_those_beside_it_and_is_exact_in_length() -> None:
    song, embedding = made_song(), embedding_at(16_000, 0.975)
    fragments = np.concatenate([fragment_of(song, s, 0.975) for s in (0.5, 1.7)])

    together = resample_windows(fragments, embedding)

    np.testing.assert_array_equal(together[1:], resample_windows(fragments[1:], embedding))
    assert together.shape == (2, 15_600)


@pytest.mark.parametrize("sample_rate", [0, -16_000, 800, 16_001, 44_101])
def test_a_rate_that_never_meets_44_100_hz_within_10_ms_is_refused(sample_rate: int) -> None:
    with pytest.raises(ValueError, match=f"sample_rate is {sample_rate}"):
        require_rate(sample_rate)
