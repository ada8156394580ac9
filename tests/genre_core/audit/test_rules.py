"""Settings and verdicts of the audit."""

from itertools import combinations

import pytest

from genre_core.audit.rules import AuditConfig, Check, CheckName, Level, untested, worst_level

WORST_FIRST = [Level.FAIL, Level.WARN, Level.INCONCLUSIVE, Level.PASS]


@pytest.mark.parametrize(("worse", "better"), list(combinations(WORST_FIRST, 2)))
def test_the_verdict_is_the_worst_level(worse: Level, better: Level) -> None:
    checks = [
        Check(name=CheckName.OVERLAP, level=level, message="") for level in (better, worse, better)
    ]

    assert worst_level(checks) is worse


def test_an_audit_without_a_check_has_found_nothing() -> None:
    assert worst_level([]) is Level.PASS


def test_a_check_that_could_not_be_made_is_inconclusive_and_no_pass() -> None:
    check = untested(CheckName.LEAVE_ONE_SOURCE_OUT, "there is one source.")

    assert (check.level, check.passed) == (Level.INCONCLUSIVE, False)
    assert check.as_row()["level"] == "inconclusive"


@pytest.mark.parametrize(
    "changes", [{"leak_share": 0.0}, {"shortcut_share": 1.5}, {"n_embedding_draws": 0}]
)
def test_settings_that_make_no_sense_are_refused_by_name(changes: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"audit.{next(iter(changes))}"):
        AuditConfig(**changes)  # type: ignore[arg-type]
