"""Nightly runs with their steps, and what changed in the catalog during one."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from itertools import chain, count
from typing import Any

from genre_core.locations import mask_location
from storage.catalog.assignments import CANDIDATES
from storage.catalog.connection import Catalog, fetch_rows, fetch_values, insert_rows
from storage.catalog.query import query_rows
from storage.catalog.snapshots import Snapshot
from storage.home import DataLayout

INTERRUPTED = "The process ended before the run did; the next nightly run resumes."


class NightOutcome(StrEnum):
    """State of a nightly run or a step; ``interrupted`` after a crash or Ctrl-C."""

    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class NightStep:
    """One step of a nightly run, with a sentence on what it did or why it did not."""

    night_id: str
    position: int
    step: str
    outcome: str
    message: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NightRecord:
    """A nightly run; ``who`` triggered it, ``schedule`` or a login name."""

    night_id: str
    flow_run_id: str = ""
    who: str = ""
    started_at: datetime
    ended_at: datetime | None = None
    outcome: str = ""
    message: str = ""
    n_new_songs: int | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    steps: tuple[NightStep, ...] = ()


def find_free_name(catalog: Catalog, name: str) -> str:
    """Return ``name`` if no nightly run has it, else ``name-2`` or the next free number.

    A flow run that Prefect retries is another nightly run.
    """
    statement = "select night_id from nights where starts_with(night_id, ?)"
    taken = set(fetch_values(catalog, statement, [name]))
    names = chain([name], (f"{name}-{nth}" for nth in count(2)))
    return next(free for free in names if free not in taken)


def start_night(catalog: Catalog, night_id: str, flow_run_id: str, triggered_by: str) -> None:
    """Record the start of a nightly run."""
    row = {"night_id": night_id, "flow_run_id": flow_run_id, "who": triggered_by}
    insert_rows(catalog, "nights", [{**row, "outcome": NightOutcome.RUNNING}])


def skip_night(
    catalog: Catalog, night_id: str, flow_run_id: str, triggered_by: str, message: str
) -> None:
    """Record a nightly run that did not start, and why."""
    statement = """
        insert into nights (night_id, flow_run_id, who, ended_at, outcome, message)
        values (?, ?, ?, now(), ?, ?)
    """
    outcome = str(NightOutcome.SKIPPED)
    night_id = find_free_name(catalog, night_id)
    catalog.execute(statement, [night_id, flow_run_id, triggered_by, outcome, message])


def record_step(catalog: Catalog, step: NightStep) -> None:
    """Record the end of a step; one recorded again replaces the former."""
    replace = """
        on conflict (night_id, step) do update set position = excluded.position,
            outcome = excluded.outcome, message = excluded.message, seconds = excluded.seconds,
            ended_at = now()
    """
    insert_rows(catalog, "night_steps", [asdict(step)], replace)


def end_night(
    catalog: Catalog,
    night_id: str,
    outcome: NightOutcome,
    message: str,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Record the end of a nightly run, and the number of tracks added since its start."""
    statement = """
        update nights set ended_at = now(), outcome = ?, message = ?, facts = ?, n_new_songs = (
            select count(*) from tracks where added_at >= nights.started_at)
        where night_id = ?
    """
    document = json.dumps(dict(facts or {}))
    catalog.execute(statement, [str(outcome), message, document, night_id])


def close_abandoned_nights(catalog: Catalog) -> None:
    """Mark runs that killed processes left as interrupted. Hold the lock."""
    statement = """
        update nights set outcome = ?, message = ?, ended_at = coalesce(
            (select max(ended_at) from night_steps where night_id = nights.night_id), started_at)
        where outcome = ?
    """
    outcomes = [str(NightOutcome.INTERRUPTED), INTERRUPTED, str(NightOutcome.RUNNING)]
    catalog.execute(statement, outcomes)


def read_nights(catalog: Catalog, n_nights: int = 1000) -> list[NightRecord]:
    """Return the last nightly runs with their steps, the newest first."""
    statement = "select * from nights order by started_at desc, night_id limit ?"
    return _with_steps(partial(fetch_rows, catalog), fetch_rows(catalog, statement, [n_nights]))


def read_night(catalog: Catalog, night_id: str = "") -> NightRecord | None:
    """Return a nightly run, by default the last one that started; None if there is none."""
    statement = """
        select * from nights where night_id = $1 or ($1 = '' and outcome <> 'skipped')
        order by started_at desc limit 1
    """
    rows = fetch_rows(catalog, statement, [night_id])
    return next(iter(_with_steps(partial(fetch_rows, catalog), rows)), None)


def read_last_start(catalog: Catalog) -> datetime | None:
    """Return the start of the last nightly run that finished; None before the first."""
    statement = "select max(started_at) from nights where outcome = 'finished'"
    return fetch_values(catalog, statement)[0]


def read_published_nights(layout: DataLayout, n_nights: int) -> list[NightRecord]:
    """Return the last nightly runs from the published store, which no flow locks; no facts."""
    statement = "select *, '{}' as facts from nights order by started_at desc, night_id limit ?"
    query = partial(query_rows, layout)
    return _with_steps(query, query(statement, [n_nights]))


def _with_steps(
    query: Callable[..., Sequence[dict[str, Any]]], rows: Sequence[dict[str, Any]]
) -> list[NightRecord]:
    statement = """
        select night_id, position, step, outcome, message, seconds from night_steps
        where night_id in (select unnest(?::varchar[])) order by night_id, position
    """
    steps = query(statement, [[row["night_id"] for row in rows]])
    found = [NightStep(**step) for step in steps]
    for row in rows:
        row |= {name: _in_utc(row[name]) for name in ("started_at", "ended_at")}
        row["facts"] = json.loads(row["facts"])
        row["steps"] = tuple(step for step in found if step.night_id == row["night_id"])
    return [NightRecord(**row) for row in rows]


def read_new_songs(catalog: Catalog, since: datetime) -> list[dict[str, Any]]:
    """Return the sources that are new since a moment, with the outcome of each.

    ``source`` is without credentials and tokens; ``like`` is the title or place of the song that a
    duplicate repeats. A song that was retryable and came in is new.
    """
    return [_mask(row) for row in fetch_rows(catalog, _NEW_SONGS, [since])]


def read_conflicts(catalog: Catalog, since: datetime) -> list[dict[str, Any]]:
    """Return every claim of the recordings that wait for a decision, new ones marked ``is_new``."""
    return [_mask(row) for row in fetch_rows(catalog, _CONFLICTS, [since])]


def count_library(catalog: Catalog) -> list[dict[str, Any]]:
    """Count all songs by ``genre`` and ``outcome``, in ``n``."""
    statement = "select genre, outcome, count(*) as n from outcomes group by all order by all"
    return fetch_rows(catalog, statement)


def read_challenges(catalog: Catalog, since: datetime) -> list[dict[str, Any]]:
    """Return what challenged the champion since a moment, the last one first."""
    statement = "select * from challenges where judged_at >= ? order by challenge_id desc"
    return fetch_rows(catalog, statement, [since])


def read_promotions(catalog: Catalog) -> list[dict[str, Any]]:
    """Return every change of the champion, the first one first, with the network it brought.

    ``n_validation_songs`` counts those of its snapshot.
    """
    statement = """
        select promotions.*, coalesce(network, '') as network,
            coalesce(fragment_s, 0) as fragment_s,
            (select count(*) from snapshot_tracks where split = 'validation'
                and snapshot_tracks.snapshot_id = promotions.snapshot_id) as n_validation_songs
        from promotions left join runs using (run_id) order by promotion_id
    """
    return [
        {**row, "promoted_at": _in_utc(row["promoted_at"])}
        for row in fetch_rows(catalog, statement)
    ]


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
    from outcomes left join tracks using (track_id) left join excluded_tracks using (track_id)
        left join tracks as kept on outcome = 'duplicate'
            and kept.track_id = coalesce(nullif(duplicate_of, ''), outcomes.track_id)
    where first_at >= $1 or (tracks.added_at >= $1 and outcome <> 'duplicate')
        or (excluded_tracks.reason = 'duplicate_recording' and outcome = 'duplicate'
            and kept.added_at >= $1)
    order by outcomes.genre, source
"""

_CONFLICTS = """
    select duplicate_of as recording, source, track_id, outcomes.genre, artist, title,
        stage, max(first_at) over (partition by duplicate_of) >= $1 as is_new
    from outcomes join tracks using (track_id) join excluded_tracks using (track_id)
    where excluded_tracks.reason = 'label_conflict' and outcomes.reason = 'label_conflict'
        and stage <> 'sources'
    union all
    select source_id as recording, source, track_id, outcomes.genre,
        coalesce(artist, ''), coalesce(title, ''), stage,
        max(first_at) over (partition by source_id) >= $1 as is_new
    from outcomes left join tracks using (track_id)
    where reason = 'label_conflict' and stage = 'sources'
    order by recording, source
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTracks:
    """Tracks added since a snapshot, tracks of it that are gone, and tracks of it."""

    n_new: int
    n_gone: int
    n_known: int


def count_new_tracks(
    catalog: Catalog, snapshot: Snapshot, feature_keys: Sequence[str], genres: Sequence[str]
) -> NewTracks:
    """Compare the candidates for a training with the tracks of a snapshot.

    A track with another genre than in the snapshot is new. One that ties two splits or is golden
    is not: no training can use it.
    """
    keys = [list(feature_keys), list(genres), snapshot.snapshot_id]
    ((n_new, n_gone),) = catalog.execute(_COUNT_NEW, keys).fetchall()
    return NewTracks(n_new=n_new, n_gone=n_gone, n_known=snapshot.n_tracks)


_COUNT_NEW = f"""
    with unusable as (
        select track_id from outcomes where reason = 'split_conflict'
        union select track_id from assignments where split = 'golden'
    ),
    usable as (from ({CANDIDATES}) anti join unusable using (track_id)),
    known as (select track_id, genre from snapshot_tracks where snapshot_id = $3)
    select (select count(*) from usable anti join known using (track_id, genre)),
        (select count(*) from known anti join usable using (track_id))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftSong:
    """A new song, or a validation song of the champion's snapshot, with examples under its key.

    ``loudness_db`` and ``cutoff_hz`` are not a number where the sound was not measured.
    """

    track_id: str
    is_new: bool
    is_trained_on: bool
    loudness_db: float
    cutoff_hz: float


def read_drift_songs(
    catalog: Catalog, run_id: str, since: datetime, most_songs: int
) -> tuple[list[DriftSong], list[str]]:
    """Return songs added from ``since`` on, validation songs of a run before, and their shards.

    At most ``most_songs`` of each kind, chosen by the digest of their ids.
    """
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
        where track_id not in (select track_id from excluded_tracks)
            and track_id in (select track_id from outcomes where outcome = 'ok')
    )
    select track_id, is_new, split = 'train' as is_trained_on, shard,
        coalesce(loudness_db, 'nan'::double) as loudness_db,
        coalesce(cutoff_hz, 'nan'::double) as cutoff_hz
    from there left join sound using (track_id) where is_new or split = 'validation'
    qualify row_number() over (partition by is_new order by md5(track_id)) <= $3
    order by track_id
"""
