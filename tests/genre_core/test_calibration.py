"""Calibration and abstaining against scikit-learn and numbers worked by hand."""

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, top_k_accuracy_score
from sklearn.metrics import log_loss as sklearn_log_loss

from genre_core.evaluation.bootstrap import interval_rng
from genre_core.evaluation.calibration import (
    brier_score,
    calibration_error,
    fit_temperature,
    log_loss,
    reliability,
    risk_coverage,
    temper,
    top_accuracy,
)
from genre_core.examples import Float32Array, Int64Array

PROBABILITIES = np.array([[0.9, 0.1], [0.1, 0.9], [0.6, 0.4], [1.0, 0.0]])
LABELS = np.array([0, 0, 0, 0])
IDS = ["a", "b", "c", "d"]


def some_songs(n_songs: int = 50) -> tuple[Float32Array, Int64Array]:
    rng = np.random.default_rng(5)
    probabilities = rng.dirichlet(np.full(4, 0.7), n_songs).astype(np.float32)
    return probabilities, rng.integers(0, 4, n_songs)


def test_the_calibration_error_is_that_worked_by_hand() -> None:
    found = calibration_error(PROBABILITIES, LABELS, IDS, interval_rng("a"))

    assert reliability(PROBABILITIES, LABELS).error == pytest.approx(0.3)
    assert found.value == pytest.approx(0.3)
    assert 0 <= found.low < found.value < found.high <= 1


def test_bins_are_of_equal_width_and_hold_their_upper_edge() -> None:
    found = reliability(PROBABILITIES, LABELS)

    assert np.flatnonzero(found.n_songs).tolist() == [8, 13, 14]
    assert found.n_songs[[8, 13, 14]].tolist() == [1, 2, 1]
    np.testing.assert_allclose(found.confidence[[8, 13, 14]], [0.6, 0.9, 1.0])
    np.testing.assert_allclose(found.accuracy[[8, 13, 14]], [1, 0.5, 1])
    assert np.isnan(found.accuracy[0])


def test_a_confidence_of_nine_tenths_with_three_quarters_right_has_temperature_two() -> None:
    probabilities = np.tile([0.9, 0.1], (40, 1))
    labels = np.repeat([0, 1], [30, 10])

    temperature = fit_temperature(probabilities, labels)

    assert temperature == pytest.approx(2, abs=1e-4)
    np.testing.assert_allclose(temper(probabilities, temperature)[0], [0.75, 0.25], atol=1e-4)


@pytest.mark.parametrize(
    ("probability", "n_right", "n_wrong", "temperature"),
    [(0.9, 5, 0, 1.0), (0.9, 0, 5, 10.0), (0.51, 999, 1, 0.1)],
)
def test_the_temperature_stays_within_its_bounds_and_is_one_without_an_error(
    probability: float, n_right: int, n_wrong: int, temperature: float
) -> None:
    probabilities = np.tile([probability, 1 - probability], (n_right + n_wrong, 1))
    labels = np.repeat([0, 1], [n_right, n_wrong])

    assert fit_temperature(probabilities, labels) == pytest.approx(temperature, rel=1e-3)


def test_a_temperature_keeps_the_order_of_genres_and_one_changes_nothing() -> None:
    probabilities, _ = some_songs()

    np.testing.assert_allclose(temper(probabilities, 1), probabilities, atol=1e-6)
    np.testing.assert_array_equal(
        temper(probabilities, 3.0).argsort(axis=1), probabilities.argsort(axis=1)
    )


def test_no_temperature_makes_the_labels_likelier_than_the_fitted_one() -> None:
    probabilities, labels = some_songs()

    fitted = log_loss(temper(probabilities, fit_temperature(probabilities, labels)), labels)

    others = [log_loss(temper(probabilities, t), labels) for t in np.geomspace(0.1, 10, 50)]
    assert fitted <= min(others) + 1e-6


def test_losses_are_those_of_scikit_learn() -> None:
    probabilities, labels = some_songs()
    exact = temper(probabilities, 1)

    assert log_loss(exact, labels) == pytest.approx(sklearn_log_loss(labels, exact))
    assert brier_score(exact, labels) == pytest.approx(
        brier_score_loss(labels, exact, labels=range(4), scale_by_half=False)
    )


@pytest.mark.parametrize("n_named", [1, 2, 3])
def test_the_top_accuracy_is_that_of_scikit_learn(n_named: int) -> None:
    probabilities, labels = some_songs()
    ids = [str(place) for place in range(len(labels))]

    found = top_accuracy(probabilities, labels, ids, interval_rng("a"), n_named)

    assert found.value == pytest.approx(
        top_k_accuracy_score(labels, probabilities, k=n_named, labels=range(4))
    )
    assert found.low < found.value < found.high


def test_accuracy_against_coverage_is_that_worked_by_hand() -> None:
    probabilities = np.array([[0.7, 0.3], [0.9, 0.1], [0.4, 0.6], [0.2, 0.8]])

    found = risk_coverage(probabilities, np.array([0, 0, 1, 0]))

    np.testing.assert_allclose(found.coverage, [0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(found.accuracy, [1, 1 / 2, 2 / 3, 3 / 4])
    assert found.area == pytest.approx(13 / 48)


def test_equally_confident_songs_share_their_errors_whatever_their_order() -> None:
    probabilities = np.tile([0.8, 0.2], (2, 1))

    for labels in ([0, 1], [1, 0]):
        found = risk_coverage(probabilities, np.array(labels))
        np.testing.assert_allclose(found.accuracy, [0.5, 0.5])


def test_no_song_is_refused() -> None:
    with pytest.raises(ValueError, match="do not fit 0 labels"):
        reliability(np.empty((0, 2)), np.array([], np.int64))
