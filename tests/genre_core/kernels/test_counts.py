"""Accuracy by number of kernels: means, intervals and epochs, worked by hand."""

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

CURVES = np.array([[0.2, 0.5, 0.4, 0.8], [0.3, 0.3, 0.6, 0.6], [0.1, 0.2, 0.3, 0.4]])


def test_the_interval_over_seeds_is_that_of_student() -> None:
    values = [0.7, 0.8, 0.9]

    mean = mean_over_seeds(values)

    # mean 0.8, standard deviation 0.1, t(0.975, 2) = 4.302653
    assert mean.value == pytest.approx(0.8)
    assert mean.high - mean.value == pytest.approx(4.302653 * 0.1 / np.sqrt(3), rel=1e-6)
    bounds = scipy.stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (mean.low, mean.high) == pytest.approx((bounds.low, bounds.high))


@pytest.mark.parametrize("values", [[0.5], [0.4, 0.6]])
def test_fewer_than_three_seeds_have_a_mean_and_no_interval(values: list[float]) -> None:
    mean = mean_over_seeds(values)

    assert mean.value == pytest.approx(0.5)
    assert np.isnan([mean.low, mean.high]).all()


def test_the_best_accuracy_never_falls() -> None:
    np.testing.assert_array_equal(best_so_far(CURVES)[0], [0.2, 0.5, 0.5, 0.8])


@pytest.mark.parametrize(("level", "n_reached", "epochs"), [(0.5, 2, 2.5), (0.9, 0, None)])
def test_epochs_are_counted_until_a_level_is_first_reached(
    level: float, n_reached: int, epochs: float | None
) -> None:
    reached = epochs_to_reach(CURVES, level)

    assert reached.n_reached == n_reached
    assert (reached.epochs and reached.epochs.value) == epochs


def test_the_band_of_an_epoch_is_the_interval_of_its_seeds() -> None:
    mean, half = seed_band(CURVES)

    last = mean_over_seeds(CURVES[:, 3])
    assert (mean[3], mean[3] + half[3]) == pytest.approx((last.value, last.high))


def test_levels_are_round_and_lie_between_the_first_epoch_and_the_best() -> None:
    history = CountHistory(
        network="cnn_4_8", n_first=4, n_second=8, n_parameters=35_030, accuracies=CURVES
    )

    # from 0.2 + 0.4 / 3 = 0.333 to 0.6 in four steps, rounded down to 5 %
    assert levels_between([history]) == [0.3, 0.4, 0.5, 0.6]
