"""Numbers behind the claims, against scikit-learn and cases worked by hand."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix

from genre_core.evaluation.predictions import predictions_by_name
from genre_core.evaluation.songs import FragmentedSongs
from genre_core.representations.features import FeatureConfig
from genre_core.studies.claims.evidence import (
    Ballad,
    Difference,
    accuracy_difference,
    aggregation_of,
    ballad_difference,
    loudness_of,
    score_network,
)
from tests.conftest import chords

SURE, UNSURE = (0.9, 0.1), (0.4, 0.6)


def songs(*fragments: tuple[float, float]) -> FragmentedSongs:
    """20 songs of the first genre that all have the same fragments."""
    ids = np.array([f"{place:02}" for place in range(20)], dtype=object)
    rows, labels = np.array(fragments, np.float64), np.zeros(20, np.int64)
    return FragmentedSongs(track_ids=ids, group_ids=ids, labels=labels, fragments=(rows,) * 20)


def test_one_fragment_counts_with_each_in_turn_and_many_by_the_surest() -> None:
    seed = songs(SURE, UNSURE, UNSURE)

    voted = aggregation_of([seed], "cnn", "library")

    assert voted.n_fragments == 3
    assert voted.one.value == pytest.approx(1 / 3)
    assert voted.many.value == 1.0
    assert voted.difference.value == pytest.approx(2 / 3)
    assert voted.difference.low > 0


def test_the_confusion_of_fragments_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    ids = np.array([f"{place:02}" for place in range(12)], dtype=object)
    labels = np.repeat(np.arange(3), 4)
    seeds = [
        FragmentedSongs(
            track_ids=ids,
            group_ids=ids,
            labels=labels,
            fragments=tuple(rng.dirichlet(np.ones(3), size=5) for _ in ids),
        )
        for _ in range(2)
    ]

    found = score_network(("cnn", 3.0), seeds, "library", ["a", "b"], 1000, 1.0)

    true = np.repeat(labels, 5)
    predicted = [np.concatenate(seed.fragments).argmax(axis=1) for seed in seeds]
    expected = sum(confusion_matrix(true, one) for one in predicted)
    assert np.array_equal(np.array(found.confusion), expected)
    accuracy = np.mean([accuracy_score(true, one) for one in predicted])
    assert found.by_fragment.value == pytest.approx(accuracy)


def test_the_difference_by_fragment_is_that_of_the_accuracies() -> None:
    found = accuracy_difference([songs(SURE, SURE)], [songs(SURE, UNSURE)], "library")

    assert isinstance(found, Difference)
    assert found.by_fragment.value == pytest.approx(0.5)


def test_sides_with_other_fragments_are_not_paired() -> None:
    found = accuracy_difference([songs(SURE, SURE)], [songs(SURE)], "library")

    assert "cannot be paired" in str(found)


@pytest.mark.parametrize(("representation", "same"), [("thesis", True), ("getec_int16", False)])
def test_a_gain_changes_matrices_only_where_powers_wrap_around(
    representation: str, same: bool
) -> None:
    time_s = np.arange(3 * 44_100) / 44_100
    fragment = chords(np.random.default_rng(1), time_s).astype(np.float32)[np.newaxis]

    change = loudness_of(fragment, FeatureConfig(representation=representation))

    assert (change < 1e-4) is same


def test_only_songs_that_both_sides_have_predicted_are_compared() -> None:
    ids = [f"{place:02}" for place in range(30)]
    labels = ["jazz", "rock", "ballad"] * 10
    rows = [genre if genre != "ballad" else "rock" for genre in labels]
    genres = ("ballad", "jazz", "rock")
    kept = [place for place, genre in enumerate(labels) if genre != "ballad"]
    others, true, wrong = [ids[i] for i in kept], [labels[i] for i in kept], ["rock"] * len(kept)
    ours = predictions_by_name(ids, ids, labels, [rows], genres)
    theirs = predictions_by_name(others, others, true, [wrong], genres)

    found = ballad_difference(ours, theirs, "library")

    assert isinstance(found, Ballad)
    assert found.n_songs == 20
    assert found.difference.value == pytest.approx(1 - accuracy_score(true, wrong))
