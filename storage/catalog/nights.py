"""Nights: when each began and ended, who started it, and how each of its steps went."""

from __future__ import annotations  # DuckDB's types, kept alive, are told as leaks at exit

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from storage.catalog.connection import fetch_rows, insert_rows, open_catalog
from storage.layout import DataLayout

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

INTERRUPTED = "Its process ended in the middle; the next night goes on from what it left."


class NightOutcome(StrEnum):
    """How a night or a step stands; ``interrupted`` is the work of a crash or of Ctrl-C."""

    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class NightStep:
    """One step of a night, with a sentence that says what it did or why it did not."""

    night_id: str
    position: int
    step: str
    outcome: NightOutcome
    message: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NightRecord:
    """A night as recorded; ``who`` is ``schedule`` or a login, ``flow_run_id`` leads to Prefect."""

    night_id: str
    flow_run_id: str
    who: str
    started_at: datetime
    ended_at: datetime | None
    outcome: NightOutcome
    message: str
    n_new_songs: int | None
    facts: dict[str, Any]
    steps: tuple[NightStep, ...]


def start_night(layout: DataLayout, night_id: str, flow_run_id: str, who: str) -> None:
    """Record that a night has begun."""
    row = {"night_id": night_id, "flow_run_id": flow_run_id, "who": who}
    with open_catalog(layout) as catalog:
        insert_rows(catalog, "nights", [{**row, "outcome": str(NightOutcome.RUNNING)}])


def skip_night(layout: DataLayout, night_id: str, flow_run_id: str, who: str, message: str) -> None:
    """Record a night that did not begin, and why."""
    statement = """
        insert into nights (night_id, flow_run_id, who, ended_at, outcome, message)
        values (?, ?, ?, now(), ?, ?)
    """
    with open_catalog(layout) as catalog:
        catalog.execute(statement, [night_id, flow_run_id, who, str(NightOutcome.SKIPPED), message])


def record_step(layout: DataLayout, step: NightStep) -> None:
    """Record how a step of a night has ended; a step recorded again takes its own place."""
    statement = """
        insert or replace into night_steps (night_id, position, step, outcome, message, seconds)
        values (?, ?, ?, ?, ?, ?)
    """
    row = {**asdict(step), "outcome": str(step.outcome)}
    with open_catalog(layout) as catalog:
        catalog.execute(statement, list(row.values()))


def end_night(
    layout: DataLayout,
    night_id: str,
    outcome: NightOutcome,
    message: str,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Record how a night has ended, and how many tracks have come since it began."""
    statement = """
        update nights set ended_at = now(), outcome = ?, message = ?, facts = ?, n_new_songs = (
            select count(*) from tracks where added_at >= nights.started_at)
        where night_id = ?
    """
    document = json.dumps(dict(facts or {}))
    with open_catalog(layout) as catalog:
        catalog.execute(statement, [str(outcome), message, document, night_id])


def close_abandoned_nights(layout: DataLayout) -> int:
    """Close what killed processes left running; give how many.

    Only who holds the night's lock may ask for it: then nobody else is at a night.
    """
    statement = """
        update nights set outcome = ?, message = ?, ended_at = coalesce(
            (select max(ended_at) from night_steps where night_id = nights.night_id), started_at)
        where outcome = ? returning night_id
    """
    outcomes = [str(NightOutcome.INTERRUPTED), INTERRUPTED, str(NightOutcome.RUNNING)]
    with open_catalog(layout) as catalog:
        return len(fetch_rows(catalog, statement, outcomes))


def read_nights(layout: DataLayout, n_nights: int = 1000) -> list[NightRecord]:
    """Give the last nights with their steps, the newest first."""
    statement = "select * from nights order by started_at desc, night_id limit ?"
    with open_catalog(layout) as catalog:
        rows = fetch_rows(catalog, statement, [n_nights])
        steps = _read_steps(catalog, [row["night_id"] for row in rows])
    return [
        NightRecord(
            **{
                **row,
                "outcome": NightOutcome(row["outcome"]),
                "facts": json.loads(row["facts"]),
                "steps": tuple(step for step in steps if step.night_id == row["night_id"]),
            }
        )
        for row in rows
    ]


def read_last_start(layout: DataLayout) -> datetime | None:
    """Give when the last night that finished began; none before the first."""
    statement = "select max(started_at) as started_at from nights where outcome = ?"
    with open_catalog(layout) as catalog:
        return fetch_rows(catalog, statement, [str(NightOutcome.FINISHED)])[0]["started_at"]


def _read_steps(catalog: DuckDBPyConnection, night_ids: Sequence[str]) -> list[NightStep]:
    statement = """
        select night_id, position, step, outcome, message, seconds from night_steps
        where night_id in (select unnest(?::varchar[])) order by night_id, position
    """
    rows = fetch_rows(catalog, statement, [list(night_ids)])
    return [NightStep(**{**row, "outcome": NightOutcome(row["outcome"])}) for row in rows]
