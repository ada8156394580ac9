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


def test_every_band_hears_something_and_none_reaches_beyond_11_khz() -> None:
    weights = mel_weights()

    assert weights.shape == (513, 64)
    assert (weights.max(axis=0) > 0).all()
    assert mel_powers(sine(11_500.0)).max() < 1e-4 * mel_powers(sine(10_500.0)).max()
