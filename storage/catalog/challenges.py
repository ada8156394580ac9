"""Challenges of the champion: who was judged on which songs, and what was decided."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from storage.catalog.connection import fetch_rows, insert_rows, open_catalog
from storage.catalog.runs import Prediction, Promotion, Run
from storage.layout import DataLayout


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """One judged challenge, promoted or not; the columns are those of `Promotion`."""

    run_id: str
    previous_run_id: str | None
    snapshot_id: str
    promoted: bool
    reason: str
    who: str
    judged_on: str
    n_songs: int
    macro_f1: float | None
    macro_f1_low: float | None
    macro_f1_high: float | None
    previous_macro_f1: float | None
    previous_macro_f1_low: float | None
    previous_macro_f1_high: float | None
    gain: float | None
    gain_low: float | None
    gain_high: float | None
    audit_id: str
    audit_verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedSong:
    """A song that champion and challenger are judged on."""

    track_id: str
    genre: str
    group_id: str
    split: str


def record_challenge(layout: DataLayout, challenge: Challenge) -> None:
    """Add a challenge, unless the last one of the same two says the same."""
    row = asdict(challenge)
    last = read_last_challenge(layout, challenge.run_id, challenge.previous_run_id)
    same = ("promoted", "judged_on", "reason", "audit_id", "audit_verdict")
    if last and all(getattr(last, name) == row[name] for name in same):
        return
    with open_catalog(layout) as catalog:
        insert_rows(catalog, "challenges", [row])


def read_last_challenge(
    layout: DataLayout, run_id: str, previous_run_id: str | None
) -> Challenge | None:
    """Give what was decided last of a challenger and a champion."""
    statement = """
        select * exclude (challenge_id, judged_at) from challenges
        where run_id = ? and previous_run_id is not distinct from ?
        order by challenge_id desc limit 1
    """
    with open_catalog(layout) as catalog:
        rows = fetch_rows(catalog, statement, [run_id, previous_run_id])
    return Challenge(**rows[0]) if rows else None


def read_validation_songs(
    layout: DataLayout, snapshot_id: str, former_id: str = ""
) -> list[JudgedSong]:
    """Give the validation songs of a snapshot.

    Those of a former snapshot are added whose genre the snapshot lacks, as far as they are still
    in the store under that genre.
    """
    statement = """
        with own as (select * from snapshot_tracks where snapshot_id = $1)
        select track_id, genre, group_id, split from own where split = 'validation'
        union all
        select track_id, genre, group_id, split from snapshot_tracks
            semi join tracks using (track_id, genre) anti join own using (genre)
        where snapshot_id = $2 and split = 'validation' order by track_id
    """
    with open_catalog(layout) as catalog:
        rows = fetch_rows(catalog, statement, [snapshot_id, former_id])
    return [JudgedSong(**row) for row in rows]


def read_golden_songs(layout: DataLayout, version: int, genres: Sequence[str]) -> list[JudgedSong]:
    """Give the songs of a frozen version that are of these genres and still in the store.

    One that another copy stands for, perhaps where it is learned from, judges no more.
    """
    statement = """
        select track_id, golden_songs.genre, group_id, split
        from golden_songs join assignments using (track_id) semi join tracks using (track_id)
        where version = ? and golden_songs.genre in (select unnest(?))
            and track_id not in (select track_id from aside) order by track_id
    """
    with open_catalog(layout) as catalog:
        return [JudgedSong(**r) for r in fetch_rows(catalog, statement, [version, list(genres)])]


def read_judgeable(layout: DataLayout, run_id: str, track_ids: Sequence[str]) -> set[str]:
    """Give those of these songs that have examples under the feature key of a run."""
    statement = """
        select track_id from extracted where track_id in (select unnest($2)) and feature_key = (
            select feature_key from runs join snapshots using (snapshot_id) where run_id = $1)
    """
    with open_catalog(layout) as catalog:
        rows = fetch_rows(catalog, statement, [run_id, list(track_ids)])
    return {row["track_id"] for row in rows}


def read_said(layout: DataLayout, run_id: str, track_ids: Sequence[str]) -> dict[str, str]:
    """Give what a run was recorded to take these songs for."""
    statement = """
        select track_id, predicted from predictions
        where run_id = ? and track_id in (select unnest(?))
    """
    with open_catalog(layout) as catalog:
        rows = fetch_rows(catalog, statement, [run_id, list(track_ids)])
    return {row["track_id"]: row["predicted"] for row in rows}


def record_said(layout: DataLayout, predictions: Sequence[Prediction]) -> None:
    """Record what a run says of songs; what was recorded before stays."""
    rows = [prediction.as_row() for prediction in predictions]
    with open_catalog(layout) as catalog:
        insert_rows(catalog, "predictions", rows, "on conflict do nothing")


def read_staleness(layout: DataLayout, new_id: str, old_id: str) -> float:
    """Give the share of the songs of a new snapshot that an old one lacks."""
    statement = """
        select coalesce(avg((track_id not in (
            select track_id from snapshot_tracks where snapshot_id = $2))::integer), 0) as share
        from snapshot_tracks where snapshot_id = $1
    """
    with open_catalog(layout) as catalog:
        return float(fetch_rows(catalog, statement, [new_id, old_id])[0]["share"])


def read_candidate_runs(layout: DataLayout) -> list[Run]:
    """Give the runs on the library used last that may challenge: none from before a rollback.

    Who rolls back is content with no run that there was; the next challenger is a new training.
    """
    statement = """
        select runs.* from runs join snapshots using (snapshot_id)
        where library_id = (select arg_max(library_id, used_at) from snapshots)
            and (started_at > coalesce((select max(promoted_at) from promotions
                    where kind = 'rollback'), '-infinity'::timestamptz)
                or run_id = (select arg_max(run_id, promotion_id) from promotions))
        order by started_at
    """
    with open_catalog(layout) as catalog:
        return [Run(**row) for row in fetch_rows(catalog, statement)]


def read_promotion_of(layout: DataLayout, version: int) -> Promotion | None:
    """Give the last promotion, not rollback, that put a version in use."""
    statement = """
        select * exclude (promotion_id, promoted_at) from promotions
        where version = ? and kind = 'promotion' order by promotion_id desc limit 1
    """
    with open_catalog(layout) as catalog:
        rows: list[dict[str, Any]] = fetch_rows(catalog, statement, [version])
    return Promotion(**rows[0]) if rows else None
