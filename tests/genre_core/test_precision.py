"""Precision by confidence: counted by hand, its interval against SciPy, its words."""

import pytest
from scipy.stats import binomtest

from genre_core.evaluation.precision import MOST_SONGS, Precision, precision_near


def test_songs_of_about_the_same_confidence_are_counted() -> None:
    found = precision_near(0.8, [0.69, 0.7, 0.75, 0.9, 0.91], [True, True, False, True, True])
    assert found == Precision(n_right=2, n_songs=3, lowest=0.7, highest=0.9)


def test_of_many_songs_the_nearest_count_and_those_as_near_as_the_last() -> None:
    near, far = [0.8] * (MOST_SONGS - 1) + [0.81] * 3, [0.85] * 50
    found = precision_near(0.8, [*far, *near], [False] * 50 + [True] * len(near))
    assert (found.n_right, found.n_songs) == (MOST_SONGS + 2, MOST_SONGS + 2)


def test_without_a_song_of_that_confidence_nothing_is_known() -> None:
    for songs in ([], [0.1, 0.2]):
        found = precision_near(0.9, songs, [True] * len(songs))
        assert (found.n_songs, found.is_known, found.basis) == (0, False, "")
        assert found.sentence == "How often such a prediction is right is not known yet."


@pytest.mark.parametrize(("n_right", "n_songs"), [(0, 7), (9, 10), (18, 24), (30, 30)])
def test_the_interval_is_wilsons(n_right: int, n_songs: int) -> None:
    expected = binomtest(n_right, n_songs).proportion_ci(method="wilson")
    share = Precision(n_right=n_right, n_songs=n_songs).share
    assert (share.low, share.high) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_the_sentence_is_in_tenths_and_says_so_where_songs_are_few() -> None:
    many = Precision(n_right=53, n_songs=60, lowest=0.8, highest=0.97)
    few = Precision(n_right=6, n_songs=8, lowest=0.6, highest=0.6)
    one = Precision(n_right=1, n_songs=1, lowest=0.6, highest=0.6)
    assert many.sentence == "In 9 of 10 songs like this the prediction is right."
    assert "60 songs" in many.basis
    assert "80 to 97 %" in many.basis
    assert few.sentence == "In 6 of 8 songs like this the prediction was right."
    assert few.basis.endswith("anything from 4 to 10 of 10.")  # Wilson: 0.41 to 0.93
    assert one.sentence.startswith("Only 1 song like this is known")


def test_lists_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="2 confidences, 1 results"):
        precision_near(0.5, [0.4, 0.5], [True])
