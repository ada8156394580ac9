"""Sites that a run gives up after some failures in a row."""

import pickle

import pytest

from genre_core.errors import TransientError
from genre_core.records import Reason
from storage.fetch.sites.access import Circuits

DOWN = TransientError(Reason.UNREACHABLE, "a.example answers 500.")


def test_failures_in_a_row_open_the_circuit_of_their_site_alone() -> None:
    circuits = Circuits(2)

    for _ in range(2):
        circuits.note_failure("a.example", DOWN)
        circuits.note_failure("b.example", DOWN)
        circuits.note_success("b.example")

    with pytest.raises(TransientError, match=r"a.example was given up .* answers 500") as refusal:
        circuits.require_closed("a.example")
    assert refusal.value.reason == "site_broken"
    circuits.require_closed("b.example")


@pytest.mark.parametrize(
    ("site", "error"),
    [
        ("", DOWN),
        ("a.example", TransientError("the disk is full")),
        ("a.example", TransientError(Reason.INTERRUPTED, "stopped")),
    ],
)
def test_what_the_site_is_not_to_blame_for_is_not_counted(site: str, error: TransientError) -> None:
    circuits = Circuits(1)

    circuits.note_failure(site, error)

    assert circuits.given_up == {}


def test_a_circuit_that_another_process_opened_is_open_here() -> None:
    here, there = Circuits(1), pickle.loads(pickle.dumps(Circuits(1)))

    there.note_failure("a.example", DOWN)
    here.give_up(there.given_up)

    assert "a.example" in here.given_up
