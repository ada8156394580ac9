"""Rungs: from all faults to none, one at a time."""

from dataclasses import fields

import pytest

from genre_core.errors import UsageError
from genre_core.studies.ladder.rungs import RUNGS, Axis, Division, LadderConfig

PROTOCOL = ("representation", "division", "n_softmaxes", "axis")


def test_the_first_rung_has_every_fault_of_the_published_program() -> None:
    first = RUNGS[0]

    assert (first.number, first.representation) == (0, "getec_int16")
    assert (first.division, first.n_softmaxes, first.axis) == (
        Division.RESHUFFLED,
        2,
        Axis.FREQUENCY,
    )


@pytest.mark.parametrize("number", range(1, 9))
def test_each_rung_fixes_one_fault_and_keeps_what_was_fixed(number: int) -> None:
    rung, before = RUNGS[number], RUNGS[number - 1]

    changed = [name for name in PROTOCOL if getattr(rung, name) != getattr(before, name)]

    assert rung.number == number
    assert len(changed) == 1


def test_only_the_last_three_rungs_are_scored_by_song() -> None:
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
    assert set(wrong) <= {field.name for field in fields(LadderConfig)}

    with pytest.raises(UsageError):
        LadderConfig(**wrong)  # type: ignore[arg-type]
