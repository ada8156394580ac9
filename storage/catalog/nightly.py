"""Nights: when each began and ended, who started it, and how each of its steps went."""

from __future__ import annotations  # DuckDB's types, kept alive, are told as leaks at exit

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from genre_core.locations import mask_location
from storage.catalog.connection import fetch_rows, insert_rows, open_catalog
from storage.catalog.snapshots import Snapshot, read_candidates, read_placements
from storage.home import DataLayout

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


@dataclass(frozen=True, slots=True, kw_only=True)
class MorningNight:
    """The night that a page tells of; ``steps`` are empty where none was recorded."""

    night_id: str
    started_at: datetime
    ended_at: datetime | None = None
    who: str = ""
    outcome: str = ""
    message: str = ""
    steps: tuple[dict[str, Any], ...] = ()


def read_night(layout: DataLayout, night_id: str = "") -> MorningNight | None:
    """Give a night with its steps, or the last one that began; none if there is no such night."""
    statement = """
        select night_id, started_at, ended_at, who, outcome, message from nights
        where night_id = $1 or ($1 = '' and outcome <> 'skipped')
        order by started_at desc limit 1
    """
    steps = """
        select step, outcome, message, seconds from night_steps where night_id = ?
        order by position
    """
    with open_catalog(layout) as catalog:
        rows = fetch_rows(catalog, statement, [night_id])
        if not rows:
            return None
        told = fetch_rows(catalog, steps, [rows[0]["night_id"]])
    times = {name: _in_utc(rows[0][name]) for name in ("started_at", "ended_at")}
    return MorningNight(**{**rows[0], **times, "steps": tuple(told)})


def read_new_songs(layout: DataLayout, since: datetime) -> list[dict[str, Any]]:
    """Give the sources that came to light since a moment, with what became of each.

    Returns
    -------
    list of dict
        ``source`` without credentials and tokens, ``track_id``, ``genre``, ``outcome``, ``stage``,
        ``reason``, ``message``, ``artist``, ``title``, and ``like``, the title or place of the
        song that a duplicate is a copy of. A song that was to be tried again and came in is new.
    """
    return [_mask(row) for row in _read(layout, _NEW_SONGS, [since])]


def read_conflicts(layout: DataLayout, since: datetime) -> list[dict[str, Any]]:
    """Give every claim of the recordings that wait for a decision, new ones marked ``is_new``."""
    return [_mask(row) for row in _read(layout, _CONFLICTS, [since])]


def count_library(layout: DataLayout) -> list[dict[str, Any]]:
    """Count all songs by ``genre`` and ``outcome``, in ``n``."""
    statement = "select genre, outcome, count(*) as n from outcomes group by all order by all"
    return _read(layout, statement, [])


def read_challenges(layout: DataLayout, since: datetime) -> list[dict[str, Any]]:
    """Give what challenged the champion since a moment, the last one first."""
    statement = "select * from challenges where judged_at >= ? order by challenge_id desc"
    return _read(layout, statement, [since])


def read_promotions(layout: DataLayout) -> list[dict[str, Any]]:
    """Give every change of the champion, the first one first, with the network it brought."""
    statement = """
        select promotions.*, coalesce(network, '') as network, coalesce(fragment_s, 0) as fragment_s
        from promotions left join runs using (run_id) order by promotion_id
    """
    return [
        {**row, "promoted_at": _in_utc(row["promoted_at"])} for row in _read(layout, statement, [])
    ]


def _read(layout: DataLayout, statement: str, parameters: Sequence[object]) -> list[dict[str, Any]]:
    with open_catalog(layout) as catalog:
        return fetch_rows(catalog, statement, parameters)


def _mask(row: dict[str, Any]) -> dict[str, Any]:
    """Hide credentials and tokens wherever a row may hold an address."""
    masked = {"source", "recording", "like"} & row.keys()
    return row | {name: mask_location(row[name]) for name in masked if row[name]}


def _in_utc(moment: datetime | None) -> datetime | None:
    return moment.astimezone(UTC) if moment else None


_NEW_SONGS = """
    select source, outcomes.track_id, outcomes.genre, outcome, stage,
        outcomes.reason, outcomes.message, coalesce(tracks.artist, '') as artist,
        coalesce(tracks.title, '') as title,
        coalesce(nullif(kept.title, ''), kept.location, '') as "like"
    from outcomes left join tracks using (track_id) left join aside using (track_id)
        left join tracks as kept on outcome = 'duplicate'
            and kept.track_id = coalesce(nullif(duplicate_of, ''), outcomes.track_id)
    where first_at >= $1 or (tracks.added_at >= $1 and outcome <> 'duplicate')
        or (aside.reason = 'duplicate_recording' and outcome = 'duplicate'
            and kept.added_at >= $1)
    order by outcomes.genre, source
"""

_CONFLICTS = """
    select duplicate_of as recording, source, outcomes.genre, artist, title,
        stage, max(first_at) over (partition by duplicate_of) >= $1 as is_new
    from outcomes join tracks using (track_id) join aside using (track_id)
    where aside.reason = 'label_conflict' and outcomes.reason = 'label_conflict'
        and stage <> 'sources'
    union all
    select source_id as recording, source, outcomes.genre,
        coalesce(artist, ''), coalesce(title, ''), stage,
        max(first_at) over (partition by source_id) >= $1 as is_new
    from outcomes left join tracks using (track_id)
    where reason = 'label_conflict' and stage = 'sources'
    order by recording, source
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomers:
    """How many songs have come since a snapshot, how many of its own have gone, how many it has."""

    n_new: int
    n_gone: int
    n_known: int


def read_newest_snapshots(layout: DataLayout, feature_keys: Sequence[str]) -> list[Snapshot]:
    """Give the snapshot used last under each key, in their order; a key may have none."""
    statement = """
        select snapshot_id, feature_key, library_id, genres, seed, n_tracks, n_examples
        from snapshots where feature_key in (select unnest(?::varchar[]))
        qualify row_number() over (partition by feature_key order by used_at desc) = 1
    """
    with open_catalog(layout) as catalog:
        rows = fetch_rows(catalog, statement, [list(feature_keys)])
    found = {
        row["feature_key"]: Snapshot(**{**row, "genres": tuple(row["genres"])}) for row in rows
    }
    return [found[key] for key in feature_keys if key in found]


def count_newcomers(
    layout: DataLayout, snapshot: Snapshot, feature_keys: Sequence[str], genres: Sequence[str]
) -> Newcomers:
    """Count the songs that a training could use now and a snapshot lacks, and the other way round.

    A song with another genre than in the snapshot is new; one that ties two splits or has a
    golden place is not, for no training can use it. Those of genres that are not asked for any
    more are gone, as removed ones are.
    """
    statement = """
        select track_id from outcomes where reason = 'split_conflict'
        union select track_id from assignments where split = 'golden'
    """
    with open_catalog(layout) as catalog:
        unusable = {row["track_id"] for row in fetch_rows(catalog, statement)}
    placements = read_placements(layout, snapshot.snapshot_id)
    known = {(place.track_id, place.genre) for place in placements}
    usable = {(song.track_id, song.genre) for song in read_candidates(layout, feature_keys, genres)}
    new = {track_id for track_id, _ in usable - known} - unusable
    gone = {track_id for track_id, _ in known} - ({track_id for track_id, _ in usable} - unusable)
    return Newcomers(n_new=len(new), n_gone=len(gone), n_known=snapshot.n_tracks)


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftSong:
    """A song that has examples under the champion's feature key.

    Attributes
    ----------
    is_new : bool
        Whether it came in this night; else it is a validation song of the champion's snapshot.
    is_trained_on : bool
        Whether the champion was trained on it.
    loudness_db, cutoff_hz : float
        Not a number where its sound was not measured.
    """

    track_id: str
    is_new: bool
    is_trained_on: bool
    loudness_db: float
    cutoff_hz: float


def read_drift_songs(
    layout: DataLayout, run_id: str, since: datetime, most_songs: int
) -> tuple[list[DriftSong], list[str]]:
    """Give the new songs, and some validation songs of a run's snapshot that came before.

    Parameters
    ----------
    run_id : str
        That of the champion.
    since : datetime
        Songs that were added from then on are new.
    most_songs : int
        So many songs of each side at most, spread by the digest of their ids.

    Returns
    -------
    tuple
        The songs, and the shards that hold their examples.
    """
    with open_catalog(layout) as catalog:
        rows = fetch_rows(catalog, _SONGS, [run_id, since, most_songs])
    shards = sorted({row.pop("shard") for row in rows})
    return [DriftSong(**row) for row in rows], shards


_SONGS = """
    with trained as (
        select snapshot_id, feature_key from runs join snapshots using (snapshot_id)
        where run_id = $1
    ),
    placed as (select track_id, split from snapshot_tracks semi join trained using (snapshot_id)),
    there as (
        select track_id, shard, added_at >= $2 as is_new, coalesce(split, '') as split
        from extracted semi join trained using (feature_key) join tracks using (track_id)
            left join placed using (track_id)
        where track_id not in (select track_id from aside)
            and track_id in (select track_id from outcomes where outcome = 'ok')
    )
    select track_id, is_new, split = 'train' as is_trained_on, shard,
        coalesce(loudness_db, 'nan'::double) as loudness_db,
        coalesce(cutoff_hz, 'nan'::double) as cutoff_hz
    from there left join sound using (track_id) where is_new or split = 'validation'
    qualify row_number() over (partition by is_new order by md5(track_id)) <= $3
    order by track_id
"""
