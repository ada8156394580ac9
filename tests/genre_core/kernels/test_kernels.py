"""Kernels by number, similarity and removal: worked by hand, and against SciPy."""

import numpy as np
import pytest
import scipy.stats

from genre_core.studies.kernels.counts import (
    CountHistory,
    best_so_far,
    epochs_to_reach,
    levels_between,
    mean_over_seeds,
    seed_band,
)
from genre_core.studies.kernels.similarity import (
    N_DRAWS,
    Choice,
    KernelLayer,
    cosines,
    kept_after,
    most_similar_first,
    nearest_within,
    random_first,
    random_without_twin,
    removals,
    similarity_between,
    similarity_within,
)

CURVES = np.array([[0.2, 0.5, 0.4, 0.8], [0.3, 0.3, 0.6, 0.6], [0.1, 0.2, 0.3, 0.4]])


def layer(rows: list[list[float]], outgoing: list[list[float]]) -> KernelLayer:
    return KernelLayer(
        name="conv", rows=np.array(rows, np.float32), outgoing=np.array(outgoing, np.float32)
    )


TWINS = layer([[1, 0], [0, 2], [0, 6]], [[1, 1], [2, 4], [5, 0]])
"""The last kernel is three times the second; it weighs 6 × 5 = 30, the second 2 × √20 = 8.9."""


def test_the_interval_over_seeds_is_that_of_student() -> None:
    values = [0.7, 0.8, 0.9]

    mean = mean_over_seeds(values)

    bounds = scipy.stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert mean.as_list() == pytest.approx([0.8, bounds.low, bounds.high])


@pytest.mark.parametrize("values", [[0.5], [0.4, 0.6]])
def test_fewer_than_three_seeds_have_a_mean_and_no_interval(values: list[float]) -> None:
    mean = mean_over_seeds(values)

    assert mean.value == pytest.approx(0.5)
    assert np.isnan([mean.low, mean.high]).all()


def test_the_best_accuracy_never_falls_and_its_band_is_the_interval_of_each_epoch() -> None:
    mean, half = seed_band(CURVES)

    last = mean_over_seeds(CURVES[:, 3])
    assert (mean[3], mean[3] + half[3]) == pytest.approx((last.value, last.high))
    np.testing.assert_array_equal(best_so_far(CURVES)[0], [0.2, 0.5, 0.5, 0.8])


@pytest.mark.parametrize(("level", "n_reached", "epochs"), [(0.5, 2, 2.5), (0.9, 0, None)])
def test_epochs_are_counted_until_a_level_is_first_reached(
    level: float, n_reached: int, epochs: float | None
) -> None:
    reached = epochs_to_reach(CURVES, level)

    assert reached.n_reached == n_reached
    assert (reached.epochs and reached.epochs.value) == epochs


def test_levels_are_round_and_lie_between_the_first_epoch_and_the_best() -> None:
    history = CountHistory(
        network="cnn_4_8", n_first=4, n_second=8, n_parameters=35_030, accuracies=CURVES
    )

    # from 0.2 + 0.4 / 3 = 0.333 to 0.6 in four steps, rounded down to 5 %
    assert levels_between([history]) == [0.3, 0.4, 0.5, 0.6]


def test_the_cosine_is_the_product_over_both_lengths_and_zero_for_a_kernel_of_zeros() -> None:
    some, others = [[3.0, 4.0], [0.0, 0.0]], [[4.0, 3.0], [-6.0, -8.0], [4.0, -3.0]]

    between = cosines(np.array(some), np.array(others))

    np.testing.assert_allclose(between, [[24 / 25, -1, 0], [0, 0, 0]], atol=1e-12)


def test_kernels_that_cannot_be_compared_are_refused() -> None:
    with pytest.raises(ValueError, match="kernels of 9 and of 288 values"):
        cosines(np.ones((2, 9)), np.ones((2, 288)))
    with pytest.raises(ValueError, match="one kernel alone"):
        nearest_within(np.ones((1, 9)))


def test_the_nearest_kernel_is_never_the_kernel_itself() -> None:
    kernels = np.array([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]])

    np.testing.assert_allclose(nearest_within(kernels), [0.6, 0.8, 0.8])


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


def test_the_chance_of_two_numbers_is_that_of_two_directions() -> None:
    found = similarity_between(np.ones((1, 1)), -np.ones((1, 1)), np.random.default_rng(0))

    # one weight has two directions: alike in half of the draws, opposite in the others
    assert (found.similarity, found.p_value) == (-1, 1)
    assert abs(found.chance) < 0.2
    assert (found.chance_low, found.chance_high) == (-1, 1)


@pytest.mark.parametrize(
    ("before", "removed", "similarity", "share", "outgoing"),
    [
        # of twins the one of less weight goes; the other gets a third of its outgoing weights
        (TWINS, (1, 2), 1, 1 / 3, [[1, 1], [0, 0], [5 + 2 / 3, 4 / 3]]),
        # the share is the projection on the twin
        (layer([[1, 1], [2, 0]], [[1], [9]]), (0, 1), 1 / np.sqrt(2), 0.5, [[0], [9.5]]),
        # nothing is folded into an opposite kernel
        (layer([[1, 0], [-1, 0]], [[3], [7]]), (0, 1), -1, 0, [[0], [7]]),
    ],
)
def test_the_most_similar_pair_loses_one_which_is_folded_into_the_other(
    before: KernelLayer,
    removed: tuple[int, int],
    similarity: float,
    share: float,
    outgoing: list[list[float]],
) -> None:
    removal, after = next(removals(before, most_similar_first))

    assert (removal.dropped, removal.twin) == removed
    assert (removal.similarity, removal.share) == pytest.approx((similarity, share))
    np.testing.assert_allclose(after.outgoing, outgoing, rtol=1e-6)
    np.testing.assert_array_equal(after.rows, before.rows)


@pytest.mark.parametrize(
    "choose",
    [
        most_similar_first,
        random_first(np.random.default_rng(0)),
        random_without_twin(np.random.default_rng(0)),
    ],
)
def test_kernels_go_one_by_one_until_one_is_left(choose: Choice) -> None:
    rng = np.random.default_rng(2)
    rows, outgoing = rng.normal(size=(6, 10)), rng.normal(size=(6, 4))

    steps = list(removals(layer(rows.tolist(), outgoing.tolist()), choose))

    kept = kept_after(6, [removal for removal, _ in steps])
    assert len({removal.dropped for removal, _ in steps}) == 5
    assert len(kept) == 1
    assert np.flatnonzero(np.abs(steps[-1][1].outgoing).sum(axis=1)).tolist() == kept


def test_without_a_twin_outgoing_weights_are_lost() -> None:
    removal, after = next(removals(TWINS, random_without_twin(np.random.default_rng(0))))

    expected = TWINS.outgoing.copy()
    expected[removal.dropped] = 0
    np.testing.assert_array_equal(after.outgoing, expected)


def test_a_random_kernel_is_folded_into_the_most_similar_one() -> None:
    twins = {0: {1, 2}, 1: {2}, 2: {1}}

    found = [next(removals(TWINS, random_first(np.random.default_rng(s))))[0] for s in range(20)]

    assert {removal.dropped for removal in found} == {0, 1, 2}
    assert all(removal.twin in twins[removal.dropped] for removal in found)
