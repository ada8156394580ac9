"""Rungs: from all faults to none, one at a time; scores counted by hand, intervals by group."""

import itertools

import pytest

from genre_core.errors import UsageError
from genre_core.studies.ladder.rungs import RUNGS, Axis, Division, LadderConfig
from genre_core.studies.ladder.scores import RungScore, TrialCounts, largest_share, measure_accuracy

PROTOCOL = ("representation", "division", "n_softmaxes", "axis")
GROUPS = {"a": "Ada", "b": "Ada", "c": "Bach"}


def counts(n_right: tuple[int, ...], song_right: tuple[int, ...] = ()) -> TrialCounts:
    return TrialCounts(
        track_ids=("a", "b", "c"), n_right=n_right, n_predicted=(4, 4, 2), song_right=song_right
    )


def test_the_first_rung_is_as_published_and_each_other_fixes_one_fault_more() -> None:
    protocols = [tuple(getattr(rung, name) for name in PROTOCOL) for rung in RUNGS]

    assert protocols[0] == ("getec_int16", Division.RESHUFFLED, 2, Axis.FREQUENCY)
    assert protocols[8] == ("thesis", Division.SOURCE, 1, Axis.TIME)
    for before, after in itertools.pairwise(protocols):
        assert sum(old != new for old, new in zip(before, after, strict=True)) == 1
    assert [rung.number for rung in RUNGS] == list(range(9))
    assert [rung.number for rung in RUNGS if rung.by_song] == [6, 7, 8]


def test_a_network_that_is_not_recurrent_has_no_rung_of_recurrence() -> None:
    rungs = LadderConfig(network="cnn").rungs

    assert [rung.number for rung in rungs] == [0, 1, 2, 4, 5, 6, 7, 8]
    assert {rung.axis for rung in rungs} == {Axis.TIME}


@pytest.mark.parametrize(
    "wrong",
    [{"network": "none"}, {"seeds": ()}, {"seeds": (-1,)}, {"epochs": 0}, {"n_folds": 1}],
)
def test_a_ladder_that_cannot_be_measured_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        LadderConfig(**wrong)  # type: ignore[arg-type]


def test_fragments_are_counted_over_all_seeds() -> None:
    found = measure_accuracy([counts((4, 1, 2)), counts((3, 0, 2))], GROUPS, "library")

    assert set(found) == {"fragment"}
    assert found["fragment"].value == pytest.approx(12 / 20)


def test_songs_weigh_alike_whatever_their_fragments() -> None:
    song = measure_accuracy([counts((4, 1, 0), (1, 0, 0))], GROUPS, "library")["song"]

    assert song.value == pytest.approx(1 / 3)
    assert 0 <= song.low <= 1 / 3 <= song.high <= 1


def test_songs_of_one_group_are_drawn_together() -> None:
    pairs = {f"{n}": f"artist {n // 5}" for n in range(20)}
    one = TrialCounts(
        track_ids=tuple(pairs),
        n_right=(1,) * 10 + (0,) * 10,
        n_predicted=(1,) * 20,
        song_right=(),
    )

    grouped = measure_accuracy([one], pairs, "library")["fragment"]
    single = measure_accuracy([one], {name: name for name in pairs}, "library")["fragment"]

    assert grouped.high - grouped.low > 1.5 * (single.high - single.low)


def test_the_largest_genre_is_counted_among_the_fragments_that_are_scored() -> None:
    genres = {"a": "jazz", "b": "jazz", "c": "rock"}

    assert largest_share([counts((0, 0, 0))], genres) == pytest.approx(8 / 10)


def test_a_rung_that_cannot_be_tested_has_no_scores_in_its_document() -> None:
    score = RungScore(rung=RUNGS[8], accuracies={}, largest=0.5, chance=0.25, n_songs=0, note="why")

    document = score.as_document()

    assert (document["rung"], document["true_labels"], document["note"]) == (8, None, "why")
    assert score.as_metrics() == {}
