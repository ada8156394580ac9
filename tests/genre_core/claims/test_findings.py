"""What an interval says of a claim, and how parts add up."""

import pytest

from genre_core.evaluation.bootstrap import Interval
from genre_core.studies.claims.findings import (
    Finding,
    Part,
    Verdict,
    above,
    alike,
    better,
    combine,
    no_better,
    say_once,
)
from genre_core.studies.claims.statements import count_verdicts

HOLDS, FAILS, OPEN = Verdict.HOLDS, Verdict.FAILS, Verdict.UNTESTABLE


def between(low: float, high: float) -> Interval:
    return Interval(value=(low + high) / 2, low=low, high=high)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(0.43, 0.6, HOLDS), (0.1, 0.41, FAILS), (0.4, 0.5, OPEN), (0.42, 0.5, OPEN)],
)
def test_a_level_is_reached_or_missed_by_the_whole_interval_alone(
    low: float, high: float, verdict: Verdict
) -> None:
    assert above(between(low, high), 0.42) is verdict


@pytest.mark.parametrize(
    ("low", "high", "verdict"), [(0.01, 0.2, HOLDS), (-0.2, -0.01, FAILS), (-0.01, 0.2, OPEN)]
)
def test_better_is_said_only_where_the_interval_excludes_zero(
    low: float, high: float, verdict: Verdict
) -> None:
    assert better(between(low, high)) is verdict


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(-0.2, 0.02, HOLDS), (0.01, 0.02, HOLDS), (0.01, 0.09, FAILS), (-0.05, 0.05, OPEN)],
)
def test_no_better_needs_a_gain_of_three_points_to_be_excluded(
    low: float, high: float, verdict: Verdict
) -> None:
    assert no_better(between(low, high)) is verdict


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-0.02, 0.02, HOLDS),
        (0.04, 0.09, FAILS),
        (-0.09, -0.04, FAILS),
        (-0.05, 0.01, OPEN),
        (0.01, 0.05, OPEN),
    ],
)
def test_the_same_needs_the_whole_interval_within_three_points(
    low: float, high: float, verdict: Verdict
) -> None:
    assert alike(between(low, high)) is verdict


@pytest.mark.parametrize(
    ("verdicts", "together"),
    [([HOLDS, HOLDS], HOLDS), ([HOLDS, OPEN], OPEN), ([OPEN, FAILS, HOLDS], FAILS)],
)
def test_one_part_that_fails_fails_the_claim(verdicts: list[Verdict], together: Verdict) -> None:
    assert combine(verdicts) is together


def test_the_reason_of_a_claim_is_that_of_the_part_that_decides() -> None:
    parts = [
        Part(says="", verdict=HOLDS, why="it is"),
        Part(says="", verdict=FAILS, why="the interval lies below."),
        Part(says="", verdict=OPEN, why="too few"),
    ]

    finding = Finding(claim_id="C1", parts=tuple(parts))

    assert finding.verdict is FAILS
    assert finding.why == "The interval lies below."


def test_a_phrase_that_ends_several_reasons_is_said_once_above_them() -> None:
    lone = Part(says="", verdict=HOLDS, why="it is.")
    vague = Part(says="", verdict=OPEN, why="the interval takes in zero; 9 songs are too few.")
    findings = [Finding(claim_id=name, parts=(vague, lone)) for name in ("C1", "C2")]

    shown, shared = say_once(findings, "9 songs are too few")

    assert [part.why for found in shown for part in found.parts] == [
        "the interval takes in zero.",
        "it is.",
    ] * 2
    assert shared == "Where an interval takes in both answers, 9 songs are too few."


def test_a_phrase_that_ends_a_single_reason_stays_there() -> None:
    vague = Part(says="", verdict=OPEN, why="the interval takes in zero; 9 songs are too few.")
    finding = Finding(claim_id="C1", parts=(vague,))

    assert say_once([finding], "9 songs are too few") == ([finding], "")


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        ((HOLDS, FAILS, FAILS, OPEN), "1 claim holds, 2 do not hold, 1 cannot be tested here"),
        ((HOLDS, HOLDS, FAILS), "2 claims hold, 1 does not hold, 0 cannot be tested here"),
        ((OPEN, OPEN), "0 claims hold, 0 do not hold, 2 cannot be tested here"),
    ],
)
def test_verdicts_are_counted_in_good_english(verdicts: tuple[Verdict, ...], said: str) -> None:
    assert count_verdicts(verdicts) == said
