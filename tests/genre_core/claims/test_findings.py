"""What an interval shows of a claim, and how sub-claims add up."""

import pytest

from genre_core.evaluation.bootstrap import Interval
from genre_core.studies.claims.findings import (
    FAILS,
    HOLDS,
    UNTESTABLE,
    Finding,
    Rule,
    SubClaim,
    TestedClaim,
    above,
    better,
    combine,
    no_better,
    same,
    share_reason,
)
from genre_core.studies.claims.statements import count_findings


def between(low: float, high: float) -> Interval:
    return Interval(value=(low + high) / 2, low=low, high=high)


def above_42(score: Interval) -> Finding:
    return above(score, 0.42)


@pytest.mark.parametrize(
    ("rule", "low", "high", "finding"),
    [
        (above_42, 0.43, 0.6, HOLDS),
        (above_42, 0.1, 0.41, FAILS),
        (above_42, 0.4, 0.5, UNTESTABLE),
        (above_42, 0.42, 0.5, UNTESTABLE),
        (better, 0.01, 0.2, HOLDS),
        (better, -0.2, -0.01, FAILS),
        (better, -0.01, 0.2, UNTESTABLE),
        (no_better, -0.2, 0.02, HOLDS),
        (no_better, 0.01, 0.02, HOLDS),
        (no_better, 0.01, 0.09, FAILS),
        (no_better, -0.05, 0.05, UNTESTABLE),
        (same, -0.02, 0.02, HOLDS),
        (same, 0.04, 0.09, FAILS),
        (same, -0.09, -0.04, FAILS),
        (same, -0.05, 0.01, UNTESTABLE),
        (same, 0.01, 0.05, UNTESTABLE),
    ],
)
def test_the_whole_interval_decides(rule: Rule, low: float, high: float, finding: Finding) -> None:
    assert rule(between(low, high)) is finding


@pytest.mark.parametrize(
    ("findings", "together"),
    [
        ([HOLDS, HOLDS], HOLDS),
        ([HOLDS, UNTESTABLE], UNTESTABLE),
        ([UNTESTABLE, FAILS, HOLDS], FAILS),
    ],
)
def test_one_sub_claim_that_fails_fails_the_claim(
    findings: list[Finding], together: Finding
) -> None:
    assert combine(findings) is together


def test_the_reason_of_a_claim_is_that_of_the_sub_claim_that_decides() -> None:
    parts = [
        SubClaim(statement="", finding=HOLDS, reason="it is"),
        SubClaim(statement="", finding=FAILS, reason="the interval lies below."),
        SubClaim(statement="", finding=UNTESTABLE, reason="too few"),
    ]

    claim = TestedClaim(claim_id="C1", sub_claims=tuple(parts))

    assert claim.finding is FAILS
    assert claim.reason == "The interval lies below."


def test_a_phrase_that_ends_several_reasons_is_given_once_above_them() -> None:
    lone = SubClaim(statement="", finding=HOLDS, reason="it is.")
    vague = SubClaim(
        statement="", finding=UNTESTABLE, reason="the interval includes zero; 9 songs are too few."
    )
    claims = [TestedClaim(claim_id=name, sub_claims=(vague, lone)) for name in ("C1", "C2")]

    shown, shared = share_reason(claims, "9 songs are too few")

    assert [part.reason for one in shown for part in one.sub_claims] == [
        "the interval includes zero.",
        "it is.",
    ] * 2
    assert shared == "Where an interval includes both answers, 9 songs are too few."


def test_a_phrase_that_ends_a_single_reason_stays_there() -> None:
    vague = SubClaim(
        statement="", finding=UNTESTABLE, reason="the interval includes zero; 9 songs are too few."
    )
    claim = TestedClaim(claim_id="C1", sub_claims=(vague,))

    assert share_reason([claim], "9 songs are too few") == ([claim], "")


@pytest.mark.parametrize(
    ("findings", "text"),
    [
        (
            (HOLDS, FAILS, FAILS, UNTESTABLE),
            "1 claim holds, 2 do not hold, 1 cannot be tested here",
        ),
        ((HOLDS, HOLDS, FAILS), "2 claims hold, 1 does not hold, 0 cannot be tested here"),
        ((UNTESTABLE, UNTESTABLE), "0 claims hold, 0 do not hold, 2 cannot be tested here"),
    ],
)
def test_findings_are_counted_in_good_english(findings: tuple[Finding, ...], text: str) -> None:
    assert count_findings(findings) == text
