"""Twelve bands by maximum, against sines whose power is known (tests/golden/README.md)."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest
import scipy.fft
from hypothesis import given, settings
from hypothesis import strategies as st

from genre_core.examples import Float32Array
from genre_core.representations.bands import (
    band_bins,
    band_edges_hz,
    band_powers,
    decibel_matrices,
    thesis_matrices,
)

Matrices = Callable[[Float32Array], Float32Array]
BOTH = pytest.mark.parametrize("matrices", [thesis_matrices, decibel_matrices])


def sines(amplitude_of_hz: dict[float, float], fragment_s: float = 0.5) -> Float32Array:
    time_s = np.arange(round(fragment_s * 44_100)) / 44_100
    tones = [a * np.sin(2 * np.pi * hz * time_s) for hz, a in amplitude_of_hz.items()]
    return np.sum(tones, axis=0, dtype=np.float64)[np.newaxis].astype(np.float32)


def noise(seed: int) -> Float32Array:
    return np.random.default_rng(seed).uniform(-0.01, 0.01, (1, 13_230)).astype(np.float32)


def test_the_edges_are_those_worked_by_hand() -> None:
    low = [20.0, 37.60603, 70.71068, 132.95739]
    mid = [250.0, 500.0, 1_000.0, 2_000.0]
    high = [4_000.0, 5_981.39512, 8_944.27191, 13_374.80610, 20_000.0]

    np.testing.assert_allclose(band_edges_hz(), low + mid + high, atol=5e-6)


def test_the_first_bins_are_those_worked_by_hand() -> None:
    assert band_bins() == [4, 8, 15, 27, 50, 100, 200, 400, 800, 1_197, 1_789, 2_675, 4_001]


@pytest.mark.parametrize(
    ("hz", "band"),
    [
        (20, 0), (35, 0), (40, 1), (75, 2), (135, 3), (245, 3), (250, 4), (495, 4), (500, 5),
        (1_995, 6), (2_000, 7), (4_000, 8), (5_985, 9), (8_945, 10), (13_375, 11), (20_000, 11),
    ],
)  # fmt: skip
def test_a_sine_stands_in_its_band(hz: float, band: int) -> None:
    powers = band_powers(sines({hz: 1.0}))[0, :, 0]

    assert powers[band] == pytest.approx(4_410.0**2, rel=1e-5)
    assert np.delete(powers, band).max() < 1.0


@pytest.mark.parametrize("hz", [10, 15, 20_005, 21_000])
def test_what_lies_outside_20_hz_to_20_khz_stands_in_no_band(hz: float) -> None:
    assert band_powers(sines({hz: 1.0})).max() < 1.0


def test_a_band_is_the_maximum_of_its_bins_not_their_mean() -> None:
    powers = band_powers(sines({600: 0.5, 700: 0.4, 800: 0.3}))

    np.testing.assert_allclose(powers[0, 5], np.full(4, 2_205.0**2), rtol=1e-5)


def test_the_thesis_matrix_is_power_in_parts_of_the_loudest() -> None:
    matrix = thesis_matrices(sines({100: 1.0, 600: 0.5, 10_000: 0.1}))[0]

    expected = np.zeros((12, 4))
    expected[[2, 5, 10]] = [[1.0], [0.25], [0.01]]
    np.testing.assert_allclose(matrix, expected, atol=1e-5)


def test_the_decibel_matrix_counts_from_80_db_below_the_loudest() -> None:
    matrix = decibel_matrices(sines({100: 1.0, 600: 0.5, 10_000: 0.1}))[0]

    expected = np.zeros((12, 4))
    expected[[2, 5, 10]] = [[1.0], [(80 - 6.0206) / 80], [(80 - 20) / 80]]
    np.testing.assert_allclose(matrix, expected, atol=1e-5)


def test_what_is_more_than_80_db_below_the_loudest_lies_on_the_floor() -> None:
    audible = decibel_matrices(sines({100: 1.0, 1_500: 0.001}))[0]
    inaudible = decibel_matrices(sines({100: 1.0, 1_500: 0.00005}))[0]

    np.testing.assert_allclose(audible[6], np.full(4, 20 / 80), atol=1e-3)
    np.testing.assert_array_equal(inaudible[6], np.zeros(4))


@BOTH
def test_a_silent_fragment_gives_zeros(matrices: Matrices) -> None:
    silence = np.zeros((2, 13_230), dtype=np.float32)

    np.testing.assert_array_equal(matrices(silence), np.zeros((2, 12, 2)))


@BOTH
def test_a_silent_fragment_changes_nothing_beside_it(matrices: Matrices) -> None:
    both = np.concatenate([noise(3), np.zeros((1, 13_230), np.float32)])

    np.testing.assert_array_equal(matrices(both)[0], matrices(noise(3))[0])


@BOTH
@settings(max_examples=25)
@given(seed=st.integers(0, 1_000))
def test_a_matrix_lies_in_0_to_1_and_reaches_both(matrices: Matrices, seed: int) -> None:
    matrix = matrices(noise(seed))

    assert matrix.dtype == np.float32
    assert (matrix.min(), matrix.max()) == (0.0, 1.0)


def test_fragments_have_the_bits_of_squares_summed_over_all_of_them_at_once() -> None:
    fragments = np.concatenate([noise(seed) for seed in range(15)])
    frames = np.stack([fragments[:, start : start + 8_820] for start in (0, 4_410)], axis=1)
    spectra = scipy.fft.rfft(frames, axis=-1)
    powers = spectra.real**2 + spectra.imag**2

    bands = band_powers(fragments)

    edges = band_bins()
    expected = [powers[..., a:b].max(axis=-1) for a, b in itertools.pairwise(edges)]
    np.testing.assert_array_equal(bands, np.stack(expected, axis=1))
