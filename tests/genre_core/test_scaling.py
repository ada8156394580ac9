"""Scaling by the minimum and maximum of each matrix: eq. 2.6, worked by hand."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from genre_core.examples import Float32Array
from genre_core.representations.spectrum import scale_matrices

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
