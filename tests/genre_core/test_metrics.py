"""Scores against numbers worked by hand (tests/golden/README.md)."""

import numpy as np
import pytest

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
    metrics = scores.as_metrics("test")
    assert "test_recall_techno" not in metrics
    assert metrics["test_n_genres"] == 2


def test_a_genre_that_is_never_predicted_counts_as_zero() -> None:
    scores = score_predictions(np.array([0, 1]), np.array([0, 0]), ("jazz", "rock"))

    np.testing.assert_allclose(scores.precision, [1 / 2, 0])
    assert scores.macro_f1 == pytest.approx(1 / 3)


def test_metrics_are_flat_and_named_by_prefix_measure_and_genre() -> None:
    metrics = score_predictions(LABELS, PREDICTED, GENRES).as_metrics("test_song_mean")

    assert metrics["test_song_mean_macro_f1"] == pytest.approx(59 / 90)
    assert metrics["test_song_mean_f1_jazz"] == pytest.approx(4 / 5)
    assert metrics["test_song_mean_n_genres"] == 3
    assert len(metrics) == 5 + 3 * 3


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


@pytest.mark.parametrize(
    ("labels", "predicted", "message"),
    [
        ([], [], "0 labels and 0 predictions"),
        ([0, 1], [0], "2 labels and 1 predictions"),
        ([0], [-1], r"must lie in 0\.\.2"),
        ([3], [0], r"must lie in 0\.\.2"),
    ],
)
def test_what_cannot_be_scored_is_refused(
    labels: list[int], predicted: list[int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        score_predictions(np.array(labels, np.int64), np.array(predicted, np.int64), GENRES)
