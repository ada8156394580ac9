"""The rule of promotion, on predictions made by hand (tests/golden/README.md)."""

import math
from dataclasses import replace

import pytest

from genre_core.evaluation.predictions import SongPredictions, predictions_by_name
from genre_core.promotion import (
    Contest,
    Decision,
    PromotionConfig,
    corrected_level,
    decide,
    is_proven_better,
)

GENRES = ("jazz", "rock")


def right(jazz: int, rock: int, n_songs: int = 10) -> SongPredictions:
    """Songs of two genres, ``n_songs`` each, of which so many are right."""
    predicted = ["jazz"] * jazz + ["rock"] * (n_songs - jazz)
    predicted += ["rock"] * rock + ["jazz"] * (n_songs - rock)
    names = [f"song {number:03}" for number in range(2 * n_songs)]
    labels = ["jazz"] * n_songs + ["rock"] * n_songs
    return predictions_by_name(names, names, labels, [predicted], GENRES)


def contest(ours: SongPredictions, theirs: SongPredictions | None, **changes: object) -> Contest:
    made = Contest(
        name="cnn at 3 s",
        song_set="golden 1",
        genres=GENRES,
        challenger=ours,
        champion=theirs,
        champion_name="version 1",
    )
    return replace(made, **changes)


def decided(made: Contest) -> Decision:
    return decide(made, PromotionConfig(), "songs")


def test_without_a_champion_the_challenger_is_promoted_and_the_reason_says_so() -> None:
    decision = decided(contest(right(8, 8), None, no_champion="its champion is gone"))

    assert decision.promote
    assert (decision.champion, decision.gain, decision.n_songs) == (None, None, 20)
    assert decision.challenger.value == pytest.approx(0.8)
    assert decision.reason.startswith(
        "cnn at 3 s is promoted: its champion is gone; its macro F1 is 0.80 ["
    )
    assert decision.reason.endswith("] on 20 songs (golden 1).")


def test_a_gain_whose_interval_lies_above_zero_is_promoted() -> None:
    decision = decided(contest(right(10, 10), right(6, 6)))

    assert decision.promote
    assert decision.gain is not None
    assert decision.gain.value == pytest.approx(0.4)
    assert decision.gain.low > 0
    assert decision.champion is not None
    assert decision.champion.value == pytest.approx(0.6)
    assert "cnn at 3 s replaces version 1: on 20 songs (golden 1)" in decision.reason


def test_a_gain_that_is_not_significant_is_rejected() -> None:
    decision = decided(contest(right(8, 8), right(7, 7)))

    assert not decision.promote
    assert decision.gain is not None
    assert decision.gain.value == pytest.approx(0.1)
    assert decision.gain.low <= 0
    assert "cnn at 3 s does not replace version 1" in decision.reason
    assert "a difference of +0.100 [" in decision.reason


@pytest.mark.parametrize(("staleness", "promote"), [(0.19, False), (0.2, True), (1.0, True)])
def test_a_stale_champion_is_replaced_by_one_that_is_no_worse(
    staleness: float, promote: bool
) -> None:
    decision = decided(contest(right(8, 8), right(8, 8), staleness=staleness))

    assert decision.promote is promote
    assert f"lacks {100 * staleness:.0f} % of the songs" in decision.reason


@pytest.mark.parametrize(("n_right", "promote"), [(98, True), (97, False)])
def test_a_stale_champion_is_not_replaced_by_one_that_loses_more_than_the_margin(
    n_right: int, promote: bool
) -> None:
    made = contest(right(n_right, n_right, 100), right(100, 100, 100), staleness=1.0)

    decision = decided(made)

    assert decision.gain is not None
    assert decision.gain.value == pytest.approx(n_right / 100 - 1)
    assert decision.promote is promote


# recall of rock 0.2 → 1.0, of jazz 0.9 → 0.7, or 0.8 → 0.7, which is the allowed amount
@pytest.mark.parametrize(("jazz_before", "promote"), [(90, False), (80, True)])
def test_a_genre_that_falls_too_far_stops_what_is_better_over_all(
    jazz_before: int, promote: bool
) -> None:
    decision = decided(contest(right(70, 100, 100), right(jazz_before, 20, 100)))

    assert decision.gain is not None
    assert decision.gain.low > 0
    assert decision.promote is promote
    assert promote or "its recall of jazz falls from 0.90 to 0.70." in decision.reason


@pytest.mark.parametrize("theirs", [right(6, 6), None])
def test_an_objection_stops_whatever_is_gained(theirs: SongPredictions | None) -> None:
    decision = decided(contest(right(10, 10), theirs, objection="The audit failed."))

    assert (decision.promote, decision.reason) == (False, "The audit failed.")
    assert (decision.gain is None) is (theirs is None)


# 12 songs gained and 3 lost: McNemar's exact p is 2 * (1 + 15 + 105 + 455) / 2**15 = 0.035,
# less than 0.05, and more than 0.05 / 15 and 0.05 * 6 / pi**2 = 0.0304
@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"n_candidates": 15}, "(at 99.67 %: these songs chose it among 15 models)"),
        ({"n_challenges": 3}, "(at 99.66 %: challenge 3 on these songs)"),
    ],
)
def test_repeated_use_of_the_songs_demands_a_larger_gain(
    changes: dict[str, int], note: str
) -> None:
    made = contest(right(50, 47, 50), right(38, 50, 50))

    once, repeated = decided(made), decided(replace(made, **changes))

    assert (once.promote, repeated.promote) == (True, False)
    assert once.gain is not None
    assert repeated.gain is not None
    assert repeated.gain.low <= 0 < once.gain.low
    assert (repeated.gain.value, repeated.challenger) == (once.gain.value, once.challenger)
    assert note in repeated.reason


def test_the_alpha_of_all_challenges_on_one_golden_version_sums_to_five_percent() -> None:
    spent = [1 - corrected_level(n_challenges=k) for k in range(1, 366)]

    assert spent[0] == pytest.approx(0.05 * 6 / math.pi**2)
    assert spent[1] == pytest.approx(spent[0] / 4)
    assert spent == sorted(spent, reverse=True)
    # the tail of the series of 1 / k**2 behind 365 is about 1 / 365.5
    assert sum(spent) == pytest.approx(0.05 * (1 - 6 / math.pi**2 / 365.5), abs=1e-9)


def test_candidates_and_challenges_both_raise_the_level() -> None:
    assert corrected_level() == pytest.approx(0.95)
    assert corrected_level(n_candidates=3) == pytest.approx(1 - 0.05 / 3)
    assert corrected_level(2, 1) == pytest.approx(1 - 0.05 * 3 / math.pi**2)


@pytest.mark.parametrize("name", ["margin", "largest_recall_fall", "stale_share"])
def test_an_amount_beyond_what_can_be_lost_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"promotion.{name} is 1.5; use 0 to 1"):
        PromotionConfig(**{name: 1.5})


def test_only_a_significant_gain_is_preferred_to_a_head() -> None:
    assert is_proven_better(right(10, 10), right(4, 4), 4, "songs")
    assert not is_proven_better(right(7, 7), right(6, 6), 4, "songs")


def test_another_model_replaces_a_head_only_with_a_significant_gain() -> None:
    stale = contest(right(7, 7), right(7, 7), staleness=0.9)

    assert decided(stale).promote
    assert not decided(replace(stale, is_other_than_head=True)).promote
    assert decided(contest(right(10, 10), right(4, 4), is_other_than_head=True)).promote


def test_a_head_replaces_another_model_within_the_margin() -> None:
    equal = contest(right(7, 7), right(7, 7), is_head_over_other=True)
    worse = contest(right(6, 6), right(8, 8), is_head_over_other=True)

    assert (decided(equal).promote, decided(worse).promote) == (True, False)
