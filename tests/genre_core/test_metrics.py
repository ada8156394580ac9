"""Scores against numbers worked by hand (tests/golden/README.md)."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from genre_core.evaluation.metrics import score_predictions

GENRES = ("jazz", "rock", "techno")
LABELS = np.array([0, 0, 0, 1, 1, 2])
PREDICTED = np.array([0, 0, 1, 1, 2, 2])


def test_the_scores_are_those_worked_by_hand() -> None:
    scores = score_predictions(LABELS, PREDICTED, GENRES)

    np.testing.assert_array_equal(scores.confusion, [[2, 1, 0], [0, 1, 1], [0, 0, 1]])
    np.testing.assert_array_equal(scores.support, [3, 2, 1])
    np.testing.assert_allclose(scores.precision, [1, 1 / 2, 1 / 2])
    np.testing.assert_allclose(scores.recall, [2 / 3, 1 / 2, 1])
    np.testing.assert_allclose(scores.f1, [4 / 5, 1 / 2, 2 / 3])
    assert scores.accuracy == pytest.approx(4 / 6)
    assert scores.macro_precision == pytest.approx(2 / 3)
    assert scores.macro_recall == pytest.approx(13 / 18)
    assert scores.macro_f1 == pytest.approx(59 / 90)


def test_a_genre_without_labels_is_left_out_of_the_macro_means() -> None:
    labels, predicted = np.array([0, 0, 1, 1]), np.array([0, 2, 1, 1])

    scores = score_predictions(labels, predicted, GENRES)

    assert scores.macro_f1 == pytest.approx(5 / 6)
    assert scores.macro_precision == pytest.approx(1)
    assert scores.macro_recall == pytest.approx(3 / 4)
    assert scores.f1[2] == 0


def test_a_genre_that_is_never_predicted_counts_as_zero() -> None:
    scores = score_predictions(np.array([0, 1]), np.array([0, 0]), ("jazz", "rock"))

    np.testing.assert_allclose(scores.precision, [1 / 2, 0])
    assert scores.macro_f1 == pytest.approx(1 / 3)


@given(
    pairs=arrays.arrays(
        np.int64, st.tuples(st.integers(1, 40), st.just(2)), elements=st.integers(0, 4)
    )
)
def test_every_pair_is_counted_once(pairs: npt.NDArray[np.int64]) -> None:
    labels, predicted = pairs.T

    scores = score_predictions(labels, predicted, ("a", "b", "c", "d", "e"))

    expected = [[int(((labels == t) & (predicted == p)).sum()) for p in range(5)] for t in range(5)]
    np.testing.assert_array_equal(scores.confusion, expected)
    np.testing.assert_array_equal(scores.support, np.bincount(labels, minlength=5))
    assert scores.accuracy == pytest.approx(np.trace(scores.confusion) / len(labels))


@given(
    pairs=arrays.arrays(
        np.int64, st.tuples(st.integers(1, 40), st.just(2)), elements=st.integers(0, 4)
    )
)
def test_f1_is_the_harmonic_mean_of_precision_and_recall(pairs: npt.NDArray[np.int64]) -> None:
    labels, predicted = pairs.T

    scores = score_predictions(labels, predicted, ("a", "b", "c", "d", "e"))

    both = scores.precision + scores.recall
    np.testing.assert_allclose(scores.f1 * both, 2 * scores.precision * scores.recall)
    assert scores.macro_f1 == pytest.approx(scores.f1[np.unique(labels)].mean())


def test_metrics_are_flat_and_named_by_prefix_measure_and_genre() -> None:
    metrics = score_predictions(LABELS, PREDICTED, GENRES).as_metrics("test_song_mean")

    assert metrics["test_song_mean_macro_f1"] == pytest.approx(59 / 90)
    assert metrics["test_song_mean_f1_jazz"] == pytest.approx(4 / 5)
    assert metrics["test_song_mean_n_genres"] == 3
    assert len(metrics) == 5 + 3 * 3


def test_metrics_say_nothing_of_a_genre_without_labels() -> None:
    metrics = score_predictions(np.array([0, 1]), np.array([0, 2]), GENRES).as_metrics("test")

    assert "test_recall_techno" not in metrics
    assert metrics["test_n_genres"] == 2


def test_genres_are_spelt_so_that_a_tracker_accepts_them_and_none_is_lost() -> None:
    genres = ("R&B", "r+b", "Hip-Hop", "drum & bass")
    labels = np.arange(4)

    metrics = score_predictions(labels, labels, genres).as_metrics("x")

    assert {name for name in metrics if name.startswith("x_f1_")} == {
        "x_f1_r_b_0",
        "x_f1_r_b_1",
        "x_f1_hip-hop",
        "x_f1_drum_bass",
    }


def test_nothing_to_score_is_refused() -> None:
    with pytest.raises(ValueError, match="0 labels and 0 predictions"):
        score_predictions(np.array([], dtype=np.int64), np.array([], dtype=np.int64), GENRES)


def test_labels_and_predictions_of_different_number_are_refused() -> None:
    with pytest.raises(ValueError, match="2 labels and 1 predictions"):
        score_predictions(np.array([0, 1]), np.array([0]), GENRES)


@pytest.mark.parametrize("index", [-1, 3])
def test_an_index_that_names_no_genre_is_refused(index: int) -> None:
    with pytest.raises(ValueError, match=r"must lie in 0\.\.2"):
        score_predictions(np.array([0]), np.array([index]), GENRES)
