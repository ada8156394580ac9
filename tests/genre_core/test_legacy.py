"""The published program's representation, against SciPy's spectrogram that it called."""

import numpy as np
import pytest
import scipy.signal

from genre_core.examples import Float32Array
from genre_core.representations.legacy import (
    legacy_int16_matrices,
    legacy_matrices,
    program_powers,
    wrap_int16,
)


def noise(amplitude: float) -> Float32Array:
    """Noise with an offset, in whole steps of 16 bits."""
    rng = np.random.default_rng(7)
    steps = np.rint(rng.uniform(-amplitude, amplitude, (1, 22_050)) + amplitude / 4)
    return (steps / 32_768).astype(np.float32)


def sine(amplitude: float, hz: float = 440.0) -> Float32Array:
    time_s = np.arange(13_230) / 44_100
    return (amplitude / 32_768 * np.sin(2 * np.pi * hz * time_s)).astype(np.float32)[np.newaxis]


def scipy_powers(fragments: Float32Array) -> np.ndarray:
    steps = np.rint(fragments[0].astype(np.float64) * 32_768)
    return scipy.signal.spectrogram(
        steps, 44_100, window=scipy.signal.get_window("hann", 8_820), nperseg=8_820,
        noverlap=4_410, scaling="spectrum",
    )[2]  # fmt: skip


def block_means(powers: np.ndarray) -> np.ndarray:
    return np.stack([powers[first : first + 401].mean(axis=0) for first in range(0, 4_411, 401)])


def test_the_powers_are_those_of_scipy_on_16_bit_audio() -> None:
    powers = program_powers(noise(9_000))[0].T

    expected = scipy_powers(noise(9_000))
    np.testing.assert_allclose(powers, expected, rtol=1e-3, atol=1e-6 * expected.max())


def test_the_matrix_is_the_mean_of_401_bins_scaled() -> None:
    means = block_means(scipy_powers(noise(9_000)))

    expected = (means - means.min()) / (means.max() - means.min())
    np.testing.assert_allclose(legacy_matrices(noise(9_000))[0], expected, atol=1e-4)


@pytest.mark.parametrize(
    ("power", "wrapped"),
    [
        (0.9, 0), (32_767.9, 32_767), (32_768.0, -32_768), (40_000.0, -25_536), (65_535.0, -1),
        (65_536.0, 0), (98_304.0, -32_768), (131_072.5, 0), (2.0**31 + 65_536 * 3, 0),
    ],
)  # fmt: skip
def test_a_power_keeps_its_lowest_16_bits(power: float, wrapped: int) -> None:
    assert wrap_int16(np.array([power], np.float32))[0] == wrapped


def test_a_soft_sound_survives_the_cast_and_a_loud_one_does_not() -> None:
    soft, loud = (
        [matrices(sine(amplitude))[0, :, 0].argmax() for matrices in BOTH]
        for amplitude in (200.0, 283.0)
    )

    assert soft == [0, 0]
    assert loud[0] == 0
    assert loud[1] != 0


BOTH = (legacy_matrices, legacy_int16_matrices)


@pytest.mark.parametrize("matrices", BOTH)
def test_silence_gives_zeros_where_the_program_divided_by_zero(matrices) -> None:  # noqa: ANN001
    np.testing.assert_array_equal(matrices(np.zeros((1, 13_230), np.float32)), np.zeros((1, 11, 2)))
