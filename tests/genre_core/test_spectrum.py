"""Power spectra against thesis section 2.3.1, and scaling by hand (tests/golden/README.md)."""

import cmath

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from genre_core.examples import Float32Array
from genre_core.representations.spectrum import count_frames, power_frames, scale_matrices

FRAME_SAMPLES = 8_820


def noise(n_samples: int) -> Float32Array:
    return np.random.default_rng(7).uniform(-1, 1, (1, n_samples)).astype(np.float32)


def power_by_definition(frame: Float32Array, k: int) -> float:
    """Write the transform out: ``D_k = sum of z_j exp(-2 pi i j k / N)``."""
    n = len(frame)
    turns = ((j * k) % n for j in range(n))
    terms = (
        float(z) * cmath.exp(-2j * cmath.pi * turn / n)
        for z, turn in zip(frame, turns, strict=True)
    )
    return abs(sum(terms)) ** 2


@pytest.mark.parametrize("k", [0, 1, 88, 2_205, 4_409, 4_410])
def test_the_power_of_a_bin_is_that_of_the_sum_written_out(k: int) -> None:
    fragments = noise(2 * FRAME_SAMPLES)

    powers = power_frames(fragments)

    middle = fragments[0, 4_410 : 4_410 + FRAME_SAMPLES]
    assert powers[0, 1, k] == pytest.approx(power_by_definition(middle, k), rel=1e-3)


def test_frames_start_every_hundred_milliseconds_and_last_two_hundred() -> None:
    click = np.zeros((1, 3 * 4_410 + 8_820), dtype=np.float32)
    click[0, 5_000] = 2.0

    powers = power_frames(click)

    np.testing.assert_allclose(powers[0, 0], np.full(4_411, 4.0), rtol=1e-5)
    np.testing.assert_allclose(powers[0, 1], np.full(4_411, 4.0), rtol=1e-5)
    np.testing.assert_array_equal(powers[0, 2:], np.zeros((2, 4_411)))


def test_frames_are_not_tapered_at_their_ends() -> None:
    click = np.zeros((1, 8_820), dtype=np.float32)
    click[0, 0] = 1.0

    np.testing.assert_allclose(power_frames(click), np.ones((1, 1, 4_411)), rtol=1e-6)


@pytest.mark.parametrize(
    ("fragment_s", "n_frames"),
    [(3.0, 29), (2.5, 24), (2.0, 19), (1.5, 14), (1.0, 9), (0.2, 1), (0.19, 0), (30.0, 299)],
)
def test_a_fragment_has_as_many_frames_as_fit(fragment_s: float, n_frames: int) -> None:
    assert count_frames(fragment_s) == n_frames


def test_a_fragment_shorter_than_a_frame_is_refused() -> None:
    with pytest.raises(ValueError, match=r"0\.1 s is shorter than a frame of 200 ms"):
        power_frames(noise(4_410))


POWERS = arrays.arrays(
    np.float32,
    st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 4)),
    elements=st.floats(0, 1e10, width=32),
)


def test_a_matrix_is_scaled_as_worked_by_hand() -> None:
    matrices = np.array([[[1, 3], [2, 5]]], dtype=np.float32)

    np.testing.assert_array_equal(scale_matrices(matrices), [[[0.0, 0.5], [0.25, 1.0]]])


def test_every_matrix_is_scaled_by_its_own_extremes() -> None:
    matrices = np.array([[[0, 1]], [[-100, 300]]], dtype=np.float32)

    np.testing.assert_array_equal(scale_matrices(matrices), [[[0, 1]], [[0, 1]]])


def test_a_matrix_that_is_the_same_everywhere_becomes_zeros() -> None:
    matrices = np.full((1, 12, 29), 7, dtype=np.float32)

    np.testing.assert_array_equal(scale_matrices(matrices), np.zeros((1, 12, 29)))


@given(matrices=POWERS)
def test_scaled_matrices_lie_in_0_to_1(matrices: Float32Array) -> None:
    scaled = scale_matrices(matrices)

    assert scaled.dtype == np.float32
    assert scaled.shape == matrices.shape
    assert scaled.min() >= 0
    assert scaled.max() <= 1
