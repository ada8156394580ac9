"""The end of a run names next steps by the state of the home, with commands that exist."""

import shlex
from typing import Any

import pytest
import typer

from flows.cli.main import app
from flows.cli.run import next_steps
from genre_core.audit.rules import Level

SETTLED: dict[str, Any] = {"reasons": {}, "unlabelled": 0, "champion": {"provisional": False}}


def commands(verdict: Level | None = Level.PASS, n_suspects: int = 0, **state: object) -> list[str]:
    return [command for _, command in next_steps(SETTLED | state, verdict, n_suspects)]


@pytest.mark.parametrize(
    ("verdict", "n_suspects", "state", "first"),
    [
        (Level.PASS, 0, {}, "genreflow classify SONG"),
        (None, 0, {}, "genreflow classify SONG"),
        (Level.WARN, 0, {}, "genreflow audit"),
        (Level.FAIL, 0, {"champion": None}, "genreflow audit"),
        (Level.PASS, 0, {"champion": None}, "genreflow promote"),
        (Level.PASS, 0, {"champion": {"provisional": True}}, "genreflow run MUSIC"),
        (Level.PASS, 0, {"reasons": {"label_conflict": 2}}, "genreflow conflicts"),
        (Level.PASS, 0, {"reasons": {"duplicate_id": 2}}, "genreflow classify SONG"),
        (Level.PASS, 1, {}, "genreflow suspects"),
        (Level.PASS, 0, {"unlabelled": 3}, "genreflow next"),
    ],
)
def test_the_state_decides_what_comes_first(
    verdict: Level | None, n_suspects: int, state: dict[str, Any], first: str
) -> None:
    assert commands(verdict, n_suspects, **state)[0] == first


def test_songs_that_are_too_short_are_counted_and_can_be_listed() -> None:
    why, command = next_steps(SETTLED | {"reasons": {"too_short": 1}}, None, 0)[0]

    assert why == "1 song left out: too_short."
    assert "where reason = 'too_short'" in shlex.split(command)[2]


def test_every_step_is_a_command_that_exists_and_fits_80_columns() -> None:
    state = {
        "reasons": {"label_conflict": 1, "too_short": 1},
        "unlabelled": 1,
        "champion": {"provisional": True},
    }
    found = [*commands(Level.FAIL, 1, **state), *commands(champion=None)]

    known = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    assert {shlex.split(command)[1] for command in found} <= set(known)
    assert max(map(len, found)) < 80
