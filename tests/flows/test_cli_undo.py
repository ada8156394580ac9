"""Undo of `decide`: what held before holds again, and the log keeps both."""

import getpass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from storage.catalog.query import query_rows
from storage.home import DataLayout
from storage.lock import hold_home
from tests.flows.conftest import Call
from tests.flows.test_cli_decide import FAILURE, USAGE, home

__all__ = ["home"]  # the fixture


def facts(layout: DataLayout) -> dict[str, list[dict[str, Any]]]:
    """Everything that a decision may change."""
    return {
        "tracks": query_rows(layout, "from tracks order by all"),
        "outcomes": query_rows(layout, "select * exclude (updated_at) from outcomes order by all"),
        "conflicts": query_rows(layout, "from label_conflicts order by all"),
    }


def log(layout: DataLayout) -> list[tuple[int, str, bool]]:
    statement = """
        select distinct decision_id, genre, undone_at is null as holds from decisions order by all
    """
    return [tuple(row.values()) for row in query_rows(layout, statement)]


@pytest.mark.parametrize("song", ["abcdabcd", "/music/soul/2345.mp3"])  # a conflict; a single song
def test_undo_leaves_the_store_as_it_was_before_the_decision(
    genreflow: Call, home: DataLayout, song: str
) -> None:
    before = facts(home)
    genreflow("decide", song, "rock")
    decided = facts(home)

    result = genreflow("decide", "--undo")

    assert (result.code, result.err) == (0, "")
    assert "Undid decision 1 (rock for " in result.out
    assert decided != before
    assert facts(home) == before
    assert log(home) == [(1, "rock", False)]


def test_undo_brings_an_earlier_decision_back(genreflow: Call, home: DataLayout) -> None:
    genreflow("decide", "abcdabcd", "jazz")
    first = facts(home)
    genreflow("decide", "ef01ef01", "soul")

    genreflow("decide", "--undo")

    assert facts(home) == first
    assert log(home) == [(1, "jazz", True), (2, "soul", False)]


def test_a_later_decision_holds_when_an_earlier_one_is_undone(
    genreflow: Call, home: DataLayout
) -> None:
    before = facts(home)
    genreflow("decide", "abcdabcd", "jazz")
    genreflow("decide", "abcdabcd", "soul")
    second = facts(home)

    assert genreflow("decide", "--undo", "1").code == 0
    undone = facts(home)
    genreflow("decide", "--undo")

    assert undone == second
    assert facts(home) == before


def test_the_log_names_who_and_when_and_what_the_label_was(
    genreflow: Call, home: DataLayout
) -> None:
    genreflow("decide", "ef01ef01", "soul")
    genreflow("decide", "--undo")

    rows = query_rows(home, "from decisions order by track_id")

    assert [(r["track_id"][:4], r["genre_before"], r["genre"]) for r in rows] == [
        ("abcd", "jazz", "soul"),
        ("ef01", "rock", "soul"),
    ]
    assert {(r["decision_id"], r["who"], r["undone_by"]) for r in rows} == {
        (1, getpass.getuser(), getpass.getuser())
    }
    recently = datetime.now(UTC) - timedelta(minutes=10)
    assert all(recently < r["decided_at"] < r["undone_at"] for r in rows)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--undo",), "There is no decision to undo."),
        (("--undo", "7"), "There is no decision 7."),
        (("--undo", "abcdabcd"), "Name the number of a decision"),
        (("--undo", "1", "jazz"), "Name the number of a decision"),
        (("--undo", "99999999999"), "There is no decision 99999999999."),
        (("abcdabcd",), "Name a song and a genre"),
        ((), "Name a song and a genre"),
    ],
)
def test_what_cannot_be_undone_is_refused(
    genreflow: Call, home: DataLayout, words: tuple[str, ...], sentence: str
) -> None:
    result = genreflow("decide", *words)

    assert (result.code, result.out) == (USAGE, "")
    assert sentence in result.err


def test_a_decision_is_undone_once(genreflow: Call, home: DataLayout) -> None:
    genreflow("decide", "abcdabcd", "jazz")
    genreflow("decide", "--undo", "1")

    again = genreflow("decide", "--undo", "1")

    assert (again.code, again.err.strip()) == (USAGE, "genreflow: Decision 1 was undone before.")


def test_a_home_in_use_loses_no_decision(genreflow: Call, home: DataLayout) -> None:
    genreflow("decide", "abcdabcd", "jazz")
    before = facts(home)
    with hold_home(home):
        refused = genreflow("decide", "--undo")

    assert refused.code == FAILURE
    assert "Another run of genreflow is at work" in refused.err
    assert (facts(home), log(home)) == (before, [(1, "jazz", True)])
