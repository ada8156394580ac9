"""Scores of benchmarks, leaks of official splits, and genres in common."""

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from genre_core.evaluation.bootstrap import Interval
from genre_core.evaluation.predictions import predictions_by_name
from genre_core.records import Split
from genre_core.studies.benchmark import (
    SplitSong,
    against,
    find_common,
    find_crossings,
    keep_songs,
    predict_among,
    score_songs,
)

GENRES = ("blues", "jazz", "rock")


def test_mean_recall_is_that_of_another_library_averaged_over_seeds() -> None:
    rng = np.random.default_rng(0)
    labels = np.array(GENRES)[rng.integers(0, 3, 60)]
    rows = [np.where(rng.random(60) < 0.6, labels, "jazz") for _ in range(2)]
    ids = [f"song {n:02}" for n in range(60)]
    predictions = predictions_by_name(ids, ids, labels, rows, GENRES)

    scores = score_songs(predictions, GENRES, "library")

    expected = np.mean([balanced_accuracy_score(labels, row) for row in rows])
    assert scores.mean_recall.value == pytest.approx(expected)
    assert scores.mean_recall.low < expected < scores.mean_recall.high
    assert scores.accuracy.value == pytest.approx(np.mean([labels == row for row in rows]))
    assert (scores.n_songs, scores.n_groups, scores.n_seeds) == (60, 60, 2)
    assert scores.as_document()["chance"] == pytest.approx(1 / 3)


def test_songs_of_one_artist_are_drawn_together() -> None:
    ids = [f"song {n:02}" for n in range(40)]
    labels = ["blues", "jazz"] * 20
    predicted = labels[:20] + ["rock"] * 20
    alone = predictions_by_name(ids, ids, labels, [predicted], GENRES)
    by_artist = predictions_by_name(
        ids, [f"artist {n // 10}" for n in range(40)], labels, [predicted], GENRES
    )

    narrow, wide = (score_songs(one, GENRES, "x").accuracy for one in (alone, by_artist))

    assert narrow.value == wide.value == 0.5
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


def test_kept_songs_are_scored_alone() -> None:
    predictions = predictions_by_name(
        ["a", "b", "c"],
        ["a", "b", "c"],
        ["blues", "jazz", "rock"],
        [["blues", "rock", "rock"]],
        GENRES,
    )

    kept = keep_songs(predictions, [True, False, True])

    assert kept.track_ids.tolist() == ["a", "c"]
    assert score_songs(kept, GENRES, "x").accuracy.value == 1.0


def test_only_genres_in_common_can_be_predicted() -> None:
    probabilities = np.array([[[0.5, 0.2, 0.3], [0.1, 0.2, 0.7]]])

    assert predict_among(probabilities, GENRES, GENRES) == [["blues", "rock"]]
    assert predict_among(probabilities, GENRES, ("rock", "jazz")) == [["rock", "rock"]]


def test_genres_without_a_counterpart_are_dropped_on_both_sides() -> None:
    names = {"Hip-Hop": "hiphop", "Rock": "rock", "Jazz": "jazz"}

    common = find_common(names, ("blues", "hiphop", "rock"), ("Folk", "Hip-Hop", "Jazz", "Rock"))

    assert common.trained_name == {"Hip-Hop": "hiphop", "Rock": "rock"}
    assert common.dropped_trained == ("blues",)
    assert common.dropped_tested == ("Folk", "Jazz")


def song(subset: Split, *keys: str) -> SplitSong:
    return SplitSong(subset=subset, keys=keys)


def test_artists_in_two_subsets_are_named_with_the_test_songs_that_they_touch() -> None:
    songs = [
        song(Split.TRAIN, "ada"),
        song(Split.VALIDATION, "bo"),
        song(Split.TEST, "ada", "cy"),
        song(Split.TEST, "bo"),
        song(Split.TEST, "cy"),
        song(Split.TEST),
    ]

    found = find_crossings("artist", songs)

    assert found.keys == ("ada", "bo")
    assert (found.n_tested, found.n_known, found.n_songs) == (2, 5, 6)
    assert found.sentence == (
        "2 artists are in two subsets (known of 5 songs): ada, bo. 2 test songs share one with "
        "training or validation."
    )


def test_unknown_artists_prove_nothing() -> None:
    found = find_crossings("artist", [song(Split.TRAIN), song(Split.TEST)])

    assert found.sentence == "The artists are not known, so nothing can be said of them."


@pytest.mark.parametrize(
    ("published", "comparison"),
    [(0.5, "ours is higher"), (0.6, "within our interval"), (0.9, "ours is lower")],
)
def test_a_published_figure_is_set_against_our_interval(published: float, comparison: str) -> None:
    assert against(published, Interval(value=0.7, low=0.6, high=0.8)) == comparison
