"""Log-mel spectrograms against librosa 0.11 (tests/golden/README.md)."""

import numpy as np
import pytest

from genre_core.examples import Float32Array
from genre_core.representations.mel import logmel_matrices, mel_powers, mel_weights

# band → power in the frames 0, 1 and 2 of `rumble`, and the first frame scaled
LIBROSA = {
    0: ([3.92014, 5.61516, 7.59962], 0.62086),
    1: ([12.0277, 17.2312, 23.3193], 0.81635),
    14: ([5.50404, 7.99222, 10.9933], 0.68004),
    31: ([10.8653, 15.5946, 21.1532], 0.79862),
    47: ([2.16491, 3.10538, 4.20945], 0.51733),
    63: ([4.25340, 6.11999, 8.32672], 0.63509),
}


def rumble() -> Float32Array:
    """Squares modulo a prime, louder and louder: 4,096 samples that any language can make."""
    n = np.arange(4_096)
    return ((n * n * 7 % 1_009 / 1_009 - 0.5) * (1 + n / 4_096)).astype(np.float32)[np.newaxis]


def sine(hz: float, amplitude: float = 0.5) -> Float32Array:
    time_s = np.arange(4_096) / 44_100
    return (amplitude * np.sin(2 * np.pi * hz * time_s)).astype(np.float32)[np.newaxis]


@pytest.mark.parametrize("band", LIBROSA)
def test_the_powers_of_a_band_are_those_of_librosa(band: int) -> None:
    powers, _ = LIBROSA[band]

    np.testing.assert_allclose(mel_powers(rumble())[0, band], powers, rtol=1e-4)


@pytest.mark.parametrize("band", LIBROSA)
def test_the_scaled_decibels_of_a_band_are_those_of_librosa(band: int) -> None:
    _, scaled = LIBROSA[band]

    assert logmel_matrices(rumble())[0, band, 0] == pytest.approx(scaled, abs=2e-5)


def test_three_seconds_are_64_bands_of_128_frames() -> None:
    fragments = np.random.default_rng(0).uniform(-1, 1, (2, 132_300)).astype(np.float32)

    assert logmel_matrices(fragments).shape == (2, 64, 128)


def test_every_band_hears_something_and_none_reaches_beyond_11_khz() -> None:
    weights = mel_weights()

    assert weights.shape == (513, 64)
    assert (weights.max(axis=0) > 0).all()
    assert mel_powers(sine(11_500.0)).max() < 1e-4 * mel_powers(sine(10_500.0)).max()


def test_a_higher_sine_stands_in_a_higher_band() -> None:
    loudest = [mel_powers(sine(hz))[0].sum(axis=1).argmax() for hz in (60, 500, 3_000, 10_000)]

    assert loudest == sorted(set(loudest))


def test_loudness_changes_nothing() -> None:
    np.testing.assert_allclose(
        logmel_matrices(rumble() * np.float32(0.01)), logmel_matrices(rumble()), atol=1e-5
    )


def test_a_silent_fragment_gives_zeros() -> None:
    silence = np.zeros((2, 4_096), np.float32)

    np.testing.assert_array_equal(logmel_matrices(silence), np.zeros((2, 64, 3)))


def test_a_fragment_shorter_than_a_frame_is_refused() -> None:
    with pytest.raises(ValueError, match=r"0\.02.* s is shorter than a frame of 46\.4 ms"):
        mel_powers(np.zeros((1, 1_000), np.float32))
