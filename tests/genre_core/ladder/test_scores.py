"""Scores of rungs: counted by hand, averaged over seeds, with intervals by group."""

import pytest

from genre_core.studies.ladder.rungs import RUNGS
from genre_core.studies.ladder.scores import RungScore, TrialCounts, largest_share, measure_accuracy

GROUPS = {"a": "Ada", "b": "Ada", "c": "Bach"}


def counts(n_right: tuple[int, ...], song_right: tuple[int, ...] = ()) -> TrialCounts:
    return TrialCounts(
        track_ids=("a", "b", "c"), n_right=n_right, n_predicted=(4, 4, 2), song_right=song_right
    )


def test_fragments_are_counted_over_all_seeds() -> None:
    found = measure_accuracy([counts((4, 1, 2)), counts((3, 0, 2))], GROUPS, "library")

    assert found.fragment.value == pytest.approx(12 / 20)
    assert found.song is None


def test_songs_weigh_alike_whatever_their_fragments() -> None:
    found = measure_accuracy([counts((4, 1, 0), (1, 0, 0))], GROUPS, "library")

    assert found.song is not None
    assert found.song.value == pytest.approx(1 / 3)
    assert 0 <= found.song.low <= 1 / 3 <= found.song.high <= 1


def test_songs_of_one_group_are_drawn_together() -> None:
    pairs = {f"{n}": f"artist {n // 5}" for n in range(20)}
    alone = {name: name for name in pairs}
    one = TrialCounts(
        track_ids=tuple(pairs),
        n_right=(1,) * 10 + (0,) * 10,
        n_predicted=(1,) * 20,
        song_right=(),
    )

    grouped = measure_accuracy([one], pairs, "library").fragment
    single = measure_accuracy([one], alone, "library").fragment

    assert grouped.high - grouped.low > 1.5 * (single.high - single.low)


def test_the_largest_genre_is_counted_among_the_fragments_that_are_scored() -> None:
    genres = {"a": "jazz", "b": "jazz", "c": "rock"}

    assert largest_share([counts((0, 0, 0))], genres) == pytest.approx(8 / 10)


def test_a_rung_that_cannot_be_tested_says_so_in_its_document() -> None:
    score = RungScore(
        rung=RUNGS[8], true=None, random=None, largest=0.5, chance=0.25, n_songs=0, note="why"
    )

    document = score.as_document()

    assert (document["rung"], document["true_labels"], document["note"]) == (8, None, "why")
