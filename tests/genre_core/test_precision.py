"""Precision by confidence: counted by hand, its interval against SciPy, its words."""

import pytest
from scipy.stats import binomtest

from genre_core.evaluation.precision import MOST_SONGS, Precision, precision_near

NAMES = [f"artist {nth}" for nth in range(300)]


def test_songs_of_about_the_same_confidence_are_counted_and_their_artists() -> None:
    right = [True, True, False, True, True]
    found = precision_near(0.8, [0.69, 0.7, 0.75, 0.9, 0.91], right, ["C", "A", "A", "B", "D"])
    assert found == Precision(n_right=2, n_songs=3, n_artists=2, lowest=0.7, highest=0.9)


def test_of_many_songs_the_nearest_count_and_those_as_near_as_the_last() -> None:
    near, far = [0.8] * (MOST_SONGS - 1) + [0.81] * 3, [0.85] * 50
    right = [False] * 50 + [True] * len(near)
    found = precision_near(0.8, [*far, *near], right, NAMES[: len(right)])
    assert (found.n_right, found.n_songs) == (MOST_SONGS + 2, MOST_SONGS + 2)


def test_without_a_song_of_that_confidence_nothing_is_known() -> None:
    for songs in ([], [0.1, 0.2]):
        found = precision_near(0.9, songs, [True] * len(songs), NAMES[: len(songs)])
        assert (found.n_songs, found.is_known, found.basis) == (0, False, "")
        assert found.sentence == "How often such a prediction is right is not known yet."


@pytest.mark.parametrize(("n_right", "n_songs"), [(0, 7), (9, 10), (18, 24), (30, 30)])
def test_the_interval_is_wilsons(n_right: int, n_songs: int) -> None:
    expected = binomtest(n_right, n_songs).proportion_ci(method="wilson")
    found = Precision(n_right=n_right, n_songs=n_songs, n_artists=n_songs).interval
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_songs_of_few_artists_say_as_little_as_so_many_songs() -> None:
    low, high = (binomtest(n, 5).proportion_ci(method="wilson") for n in (4, 5))
    found = Precision(n_right=90, n_songs=100, n_artists=5).interval  # 4.5 of 5
    assert (found.low, found.high) == pytest.approx((low.low, high.high))


def test_the_sentence_is_in_tenths_and_in_songs_where_they_are_few() -> None:
    many = Precision(n_right=27, n_songs=30, n_artists=30, lowest=0.8, highest=0.97)
    few = Precision(n_right=6, n_songs=8, n_artists=8, lowest=0.6, highest=0.6)
    one = Precision(n_right=1, n_songs=1, n_artists=1, lowest=0.6, highest=0.6)
    assert many.sentence == "In 9 of 10 songs like this the prediction is right."
    assert "30 songs by 30 artists" in many.basis
    assert "80 to 97 %" in many.basis
    assert many.basis.endswith("anything from 74 to 97 %.")  # Wilson: 0.744 to 0.965
    assert few.sentence == "In 6 of 8 songs like this the prediction was right."
    assert few.basis.endswith("anything from 40 to 93 %.")  # Wilson: 0.409 to 0.929
    assert one.sentence.startswith("Only 1 song like this is known")


@pytest.mark.parametrize(
    ("n_right", "words"),
    [
        (0, "0 of 10"),
        (4, "fewer than 1 of 10"),
        (6, "1 of 10"),
        (94, "9 of 10"),
        (96, "more than 9 of 10"),
        (100, "10 of 10"),
    ],
)
def test_none_and_all_are_said_only_if_they_are(n_right: int, words: str) -> None:
    assert Precision(n_right=n_right, n_songs=100, n_artists=100).words == words


def test_lists_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="2 confidences, 1 results, 1 artists"):
        precision_near(0.5, [0.4, 0.5], [True], ["A"])
