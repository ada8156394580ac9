"""Similarity of kernels: the cosine, and what as many untrained kernels would have."""

import numpy as np
import pytest

from genre_core.studies.kernels.similarity import (
    N_DRAWS,
    as_vectors,
    cosines,
    nearest_within,
    similarity_between,
    similarity_within,
)


def test_the_cosine_is_the_product_over_both_lengths() -> None:
    some, others = np.array([[3.0, 4.0]]), np.array([[4.0, 3.0], [-6.0, -8.0], [4.0, -3.0]])

    between = cosines(some, others)

    np.testing.assert_allclose(between, [[24 / 25, -1, 0]], atol=1e-12)


def test_a_kernel_of_zeros_is_like_no_other() -> None:
    np.testing.assert_array_equal(cosines(np.zeros((1, 2)), np.ones((2, 2))), [[0, 0]])


def test_kernels_of_different_layers_are_refused() -> None:
    with pytest.raises(ValueError, match="kernels of 9 and of 288 values"):
        cosines(np.ones((2, 9)), np.ones((2, 288)))


def test_a_row_holds_the_weights_of_one_kernel() -> None:
    weights = np.arange(3 * 3 * 2 * 4, dtype=np.float32).reshape(3, 3, 2, 4)

    rows = as_vectors(weights)

    assert rows.shape == (4, 18)
    np.testing.assert_array_equal(rows[1], weights[:, :, :, 1].ravel())


def test_the_nearest_kernel_is_never_the_kernel_itself() -> None:
    kernels = np.array([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]])

    np.testing.assert_allclose(nearest_within(kernels), [0.6, 0.8, 0.8])


def test_one_kernel_alone_has_no_nearest() -> None:
    with pytest.raises(ValueError, match="one kernel alone"):
        nearest_within(np.ones((1, 9)))


def test_the_same_kernels_in_another_order_are_similar_beyond_chance() -> None:
    rng = np.random.default_rng(0)
    kernels = rng.normal(size=(16, 9))

    found = similarity_between(kernels, 3 * rng.permutation(kernels), rng)

    assert found.similarity == pytest.approx(1)
    assert found.p_value == pytest.approx(1 / (1 + N_DRAWS))
    assert found.chance_high < 0.9


def test_untrained_kernels_are_within_chance() -> None:
    rng = np.random.default_rng(1)

    found = similarity_within(rng.uniform(-0.1, 0.1, (32, 9)), rng)

    assert found.chance_low < found.similarity < found.chance_high
    assert found.p_value > 0.05


def test_the_chance_of_two_numbers_is_that_of_two_directions_in_the_plane() -> None:
    found = similarity_between(np.ones((1, 1)), -np.ones((1, 1)), np.random.default_rng(0))

    # one weight has two directions: alike in half of the draws, opposite in the others
    assert found.similarity == -1
    assert abs(found.chance) < 0.2
    assert (found.chance_low, found.chance_high) == (-1, 1)
    assert found.p_value == 1
