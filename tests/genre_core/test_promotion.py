"""The rule of promotion, on judgements made by hand (tests/golden/README.md)."""

from dataclasses import replace

import pytest

from genre_core.evaluation.predictions import Judgements, judge_by_name
from genre_core.promotion import Contest, Decision, PromotionConfig, decide, proves_better

GENRES = ("jazz", "rock")


def judged(jazz: int, rock: int, n_songs: int = 10) -> Judgements:
    """Songs of two genres, ``n_songs`` each, of which so many are right."""
    said = ["jazz"] * jazz + ["rock"] * (n_songs - jazz)
    said += ["rock"] * rock + ["jazz"] * (n_songs - rock)
    names = [f"song {number:03}" for number in range(2 * n_songs)]
    return judge_by_name(names, names, ["jazz"] * n_songs + ["rock"] * n_songs, [said], GENRES)


def contest(ours: Judgements, theirs: Judgements | None, **changes: object) -> Contest:
    made = Contest(
        name="cnn at 3 s",
        judged_on="golden 1",
        genres=GENRES,
        challenger=ours,
        champion=theirs,
        champion_name="version 1",
    )
    return replace(made, **changes)


def decided(made: Contest, config: PromotionConfig | None = None) -> Decision:
    return decide(made, config or PromotionConfig(), "songs")


def test_where_nobody_reigns_the_challenger_is_promoted() -> None:
    decision = decided(contest(judged(8, 8), None))

    assert decision.promote
    assert (decision.champion, decision.gain, decision.n_songs) == (None, None, 20)
    assert decision.challenger.value == pytest.approx(0.8)
    assert decision.reason.startswith(
        "cnn at 3 s is promoted: there was no champion; its macro F1 is 0.80 ["
    )
    assert decision.reason.endswith("] on 20 songs (golden 1).")


def test_a_gain_whose_interval_lies_above_zero_is_promoted() -> None:
    decision = decided(contest(judged(10, 10), judged(6, 6)))

    assert decision.promote
    assert decision.gain is not None
    assert decision.gain.value == pytest.approx(0.4)
    assert decision.gain.low > 0
    assert decision.champion is not None
    assert decision.champion.value == pytest.approx(0.6)
    assert "takes the place of version 1: on 20 songs (golden 1)" in decision.reason
    assert decision.reason.endswith(", above zero.")


def test_a_gain_that_may_be_chance_is_not_promoted() -> None:
    decision = decided(contest(judged(8, 8), judged(7, 7)))

    assert not decision.promote
    assert decision.gain is not None
    assert decision.gain.value == pytest.approx(0.1)
    assert decision.gain.low <= 0
    assert "version 1 stays before cnn at 3 s" in decision.reason
    assert "a difference of +0.100 [" in decision.reason
    assert decision.reason.endswith(
        "which may be chance, and the champion's snapshot lacks 0 % of the songs."
    )


@pytest.mark.parametrize(("staleness", "promote"), [(0.19, False), (0.2, True), (1.0, True)])
def test_a_stale_champion_is_succeeded_by_one_that_is_no_worse(
    staleness: float, promote: bool
) -> None:
    decision = decided(contest(judged(8, 8), judged(8, 8), staleness=staleness))

    assert decision.promote is promote
    assert f"lacks {100 * staleness:.0f} % of the songs" in decision.reason


@pytest.mark.parametrize(("right", "promote"), [(98, True), (97, False)])
def test_a_stale_champion_is_not_succeeded_by_one_that_loses_more_than_the_margin(
    right: int, promote: bool
) -> None:
    theirs, ours = judged(100, 100, 100), judged(right, right, 100)

    decision = decided(contest(ours, theirs, staleness=1.0))

    assert decision.gain is not None
    assert decision.gain.value == pytest.approx(right / 100 - 1)
    assert decision.promote is promote


def test_a_genre_that_falls_too_far_stops_what_is_better_over_all() -> None:
    # recall of jazz 0.9 → 0.7, of rock 0.2 → 1.0
    decision = decided(contest(judged(70, 100, 100), judged(90, 20, 100)))

    assert decision.gain is not None
    assert decision.gain.low > 0
    assert not decision.promote
    assert decision.reason.endswith(", but its recall of jazz falls from 0.90 to 0.70.")


def test_a_genre_may_fall_by_the_set_amount() -> None:
    # recall of jazz 0.8 → 0.7, by exactly the amount
    decision = decided(contest(judged(70, 100, 100), judged(80, 20, 100)))

    assert decision.promote


def test_a_failed_audit_stops_whatever_is_gained() -> None:
    objection = "The audit failed."

    better = decided(contest(judged(10, 10), judged(6, 6), objection=objection))
    alone = decided(contest(judged(10, 10), None, objection=objection))

    assert (better.promote, better.reason) == (False, objection)
    assert (alone.promote, alone.reason) == (False, objection)
    assert better.gain is not None


def test_the_reason_says_why_there_is_nothing_to_compare_with() -> None:
    decision = decided(contest(judged(8, 8), None, no_champion="its champion is gone"))

    assert decision.reason.startswith("cnn at 3 s is promoted: its champion is gone;")


def test_the_same_contest_is_decided_alike() -> None:
    made = contest(judged(8, 9), judged(7, 7))

    assert decided(made) == decided(made)


def test_the_best_of_many_networks_on_the_songs_that_judge_has_to_gain_more() -> None:
    # 12 songs gained and 3 lost: McNemar's exact p is 2 * (1 + 15 + 105 + 455) / 2**15 = 0.035,
    # less than 0.05 and more than 0.05 / 15
    ours, theirs = judged(50, 47, 50), judged(38, 50, 50)

    alone = decided(contest(ours, theirs))
    chosen = decided(contest(ours, theirs, judged_on="validation", n_candidates=15))

    assert alone.promote
    assert not chosen.promote
    assert alone.gain is not None
    assert chosen.gain is not None
    assert chosen.gain.low <= 0 < alone.gain.low
    assert (chosen.gain.value, chosen.challenger) == (alone.gain.value, alone.challenger)
    assert "(at 99.7 %, because these songs chose it among 15 networks)" in chosen.reason


@pytest.mark.parametrize("name", ["margin", "largest_recall_fall", "stale_share"])
def test_an_amount_beyond_what_can_be_lost_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"promotion.{name} is 1.5; use 0 to 1"):
        PromotionConfig(**{name: 1.5})


def test_a_head_gives_way_to_a_clear_gain_alone() -> None:
    clear, doubtful = judged(10, 10), judged(7, 7)

    assert proves_better(clear, judged(4, 4), 4, "songs")
    assert not proves_better(doubtful, judged(6, 6), 4, "songs")
    assert not proves_better(clear, clear, 4, "songs")


def test_new_songs_alone_promote_no_other_network_over_a_head() -> None:
    stale = contest(judged(7, 7), judged(7, 7), staleness=0.9)

    assert decided(stale).promote
    kept = decided(replace(stale, is_other_than_head=True))
    assert not kept.promote
    assert "a head gives way to a gain above zero alone" in kept.reason


def test_a_gain_above_zero_promotes_over_a_head() -> None:
    proven = contest(judged(10, 10), judged(4, 4), is_other_than_head=True)

    assert decided(proven).promote


def test_a_head_takes_the_place_of_another_network_within_the_margin() -> None:
    equal = contest(judged(7, 7), judged(7, 7), is_head_over_other=True)
    worse = contest(judged(6, 6), judged(8, 8), is_head_over_other=True)

    assert decided(equal).promote
    assert not decided(worse).promote
