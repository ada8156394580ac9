"""Places in the split, kept for ever, and the snapshots that trainings are made from."""

from __future__ import annotations  # DuckDB's types, kept alive, are told as leaks at exit

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from genre_core.dataset.groups import Candidate, join_artists
from genre_core.dataset.splits import Assignment
from genre_core.errors import CatalogMismatch, UsageError
from genre_core.records import LEARNING_SPLITS, Reason, Result, Split, Stage
from genre_core.representations.features import FeatureConfig
from storage.catalog.connection import fetch_rows, insert_rows, open_catalog
from storage.catalog.recordings import recording_keys
from storage.home import DataLayout

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The tracks, genres, splits and feature key of a training set.

    ``library_id`` digests tracks, genres and splits alone: snapshots of several lengths or
    representations that share it hold the same songs on the same sides.
    """

    snapshot_id: str
    feature_key: str
    library_id: str
    genres: tuple[str, ...]
    seed: int
    n_tracks: int
    n_examples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """A track of a snapshot: its genre and its side."""

    track_id: str
    genre: str
    split: Split


IN_LIBRARY = """
    tracks.genre <> '' and is_builtin = not exists (select 1 from tracks as other
        where not other.is_builtin and other.genre <> '' and other.track_id in (
            select track_id from extracted union all select track_id from assignments))
"""
"""What can be learned from: labelled songs, of the built-in library only if there are no others."""


def read_candidates(
    layout: DataLayout, feature_keys: Sequence[str], genres: Sequence[str]
) -> list[Candidate]:
    """Give the tracks with examples under all the keys; ``genres`` narrows them if not empty.

    The built-in library steps back as soon as the store has other labelled music. A song whose
    label is of no genre any more is left aside, and so are unlabelled songs and one whose
    recording another copy stands for.
    """
    with open_catalog(layout) as catalog:
        rows = fetch_rows(catalog, _CANDIDATES, [list(feature_keys), list(genres)])
        keys = recording_keys(catalog)
    return [Candidate(**row, recordings=keys.get(row["track_id"], ())) for row in rows]


def read_settled(layout: DataLayout) -> list[Candidate]:
    """Give the tracks that have a place, whatever their examples and genres, copies included.

    Those of the built-in library have no say in the split of other music, unlabelled songs in none.
    """
    statement = f"""
        select track_id, genre, artist from tracks semi join assignments using (track_id)
        where {IN_LIBRARY}
    """
    with open_catalog(layout) as catalog:
        rows, keys = fetch_rows(catalog, statement), recording_keys(catalog)
    return [Candidate(**row, recordings=keys.get(row["track_id"], ())) for row in rows]


def read_assignments(layout: DataLayout) -> dict[str, Assignment]:
    """Give the place of every track that has one, but for those that `read_settled` leaves out."""
    statement = f"""
        select track_id, tracks.genre, split, group_id, split_level
        from assignments join tracks using (track_id) where {IN_LIBRARY}
    """
    with open_catalog(layout) as catalog:
        rows = fetch_rows(catalog, statement)
    return {row["track_id"]: Assignment(**{**row, "split": Split(row["split"])}) for row in rows}


def record_assignments(
    layout: DataLayout, assignments: Sequence[Assignment], conflicts: Mapping[str, str]
) -> None:
    """Record new places, and quarantine the tracks that tie two splits."""
    rows = [{**asdict(a), "split": str(a.split)} for a in assignments]
    with open_catalog(layout) as catalog:
        insert_rows(catalog, "assignments", rows, "on conflict do nothing")
        for track_id, sentence in conflicts.items():
            catalog.execute(
                """
                update outcomes set outcome = ?, stage = ?, reason = ?, message = ?,
                    updated_at = now() where track_id = ? and outcome = 'ok'
                """,
                [Result.QUARANTINED, Stage.SPLIT, Reason.SPLIT_CONFLICT, sentence, track_id],
            )


def record_snapshot(
    layout: DataLayout, feature_key: str, track_ids: Sequence[str], seed: int
) -> Snapshot:
    """Freeze those of the tracks that have a place and examples under a feature key.

    The same tracks on the same sides give the same snapshot, however often it is asked for.
    Golden songs are never among them.
    """
    with open_catalog(layout) as catalog:
        rows = fetch_rows(catalog, _MEMBERS, [feature_key, list(track_ids)])
        library_id = _digest(f"{r['track_id']} {r['genre']} {r['split']}" for r in rows)
        snapshot = Snapshot(
            snapshot_id=_digest([library_id, feature_key]),
            feature_key=feature_key,
            library_id=library_id,
            genres=tuple(sorted({row["genre"] for row in rows})),
            seed=seed,
            n_tracks=len(rows),
            n_examples=sum(row.pop("n_fragments") for row in rows),
        )
        _insert_snapshot(catalog, snapshot, rows)
    return snapshot


def read_snapshot(layout: DataLayout, snapshot_id: str) -> Snapshot:
    """Give a snapshot that the catalog holds.

    Raises
    ------
    CatalogMismatch
        If it is not there, or its tracks are no longer those that its name digests.
    """
    statement = "select * exclude (created_at, used_at) from snapshots where snapshot_id = ?"
    with open_catalog(layout) as catalog:
        rows = fetch_rows(catalog, statement, [snapshot_id])
    members = [f"{p.track_id} {p.genre} {p.split}" for p in read_placements(layout, snapshot_id)]
    if not rows or _digest([_digest(members), rows[0]["feature_key"]]) != snapshot_id:
        raise CatalogMismatch(
            f"Snapshot {snapshot_id} is not whole any more: songs of it are gone."
        )
    return Snapshot(**{**rows[0], "genres": tuple(rows[0]["genres"])})


def read_placements(layout: DataLayout, snapshot_id: str) -> list[Placement]:
    """Give the tracks of a snapshot with their genres and sides."""
    statement = """
        select track_id, genre, split from snapshot_tracks where snapshot_id = ? order by track_id
    """
    with open_catalog(layout) as catalog:
        rows = fetch_rows(catalog, statement, [snapshot_id])
    return [Placement(**{**row, "split": Split(row["split"])}) for row in rows]


def read_groups(layout: DataLayout, snapshot_id: str) -> dict[str, str]:
    """Give the group of each track of a snapshot: songs of one group stand or fall together."""
    statement = "select track_id, group_id from snapshot_tracks where snapshot_id = ?"
    with open_catalog(layout) as catalog:
        rows = fetch_rows(catalog, statement, [snapshot_id])
    return {row["track_id"]: row["group_id"] for row in rows}


def read_fold_groups(layout: DataLayout, snapshot_id: str) -> dict[str, str]:
    """Return the group of each track for cross-validation: its artist, also in a genre by song.

    A genre of few artists is split by song, because no artist could be spared; folds can keep them
    apart all the same.
    """
    statement = """
        select track_id, group_id, artist
        from snapshot_tracks join tracks using (track_id) where snapshot_id = ?
    """
    with open_catalog(layout) as catalog:
        rows = fetch_rows(catalog, statement, [snapshot_id])
    groups = join_artists([row["group_id"] for row in rows], [row["artist"] for row in rows])
    return {row["track_id"]: group for row, group in zip(rows, groups, strict=True)}


def count_split_examples(layout: DataLayout, snapshot: Snapshot) -> dict[Split, int]:
    """Count the examples of a snapshot on each side, without reading one."""
    statement = """
        select split, sum(n_fragments)::bigint as n from snapshot_tracks
        join extracted using (track_id) where snapshot_id = ? and feature_key = ? group by split
    """
    with open_catalog(layout) as catalog:
        rows = fetch_rows(catalog, statement, [snapshot.snapshot_id, snapshot.feature_key])
    counts = {row["split"]: row["n"] for row in rows}
    return {split: counts.get(str(split), 0) for split in LEARNING_SPLITS}


IS_CANDIDATE = f"""
    location not in (
            select source from outcomes where reason in ('label_unknown', 'label_conflict'))
        and track_id not in (select track_id from excluded_tracks)
        and track_id in (select track_id from outcomes)
        and {IN_LIBRARY}
"""

_CANDIDATES = f"""
    select track_id, genre, artist from tracks
    where track_id in (
            select track_id from extracted where feature_key in (select unnest($1))
            group by track_id having count(*) = len($1))
        and (len($2::varchar[]) = 0 or genre in (select unnest($2::varchar[])))
        and {IS_CANDIDATE}
    order by track_id
"""

_MEMBERS = """
    select track_id, tracks.genre, split, group_id, split_level, n_fragments
    from assignments join extracted using (track_id) join tracks using (track_id)
    where feature_key = ? and track_id in (select unnest(?)) and split <> 'golden'
    order by track_id
"""


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _insert_snapshot(
    catalog: DuckDBPyConnection, snapshot: Snapshot, rows: Sequence[Mapping[str, str]]
) -> None:
    document = {**asdict(snapshot), "genres": list(snapshot.genres)}
    members = [{**row, "snapshot_id": snapshot.snapshot_id} for row in rows]
    touch = "on conflict (snapshot_id) do update set used_at = now()"
    insert_rows(catalog, "snapshots", [document], touch)
    insert_rows(catalog, "snapshot_tracks", members, "on conflict do nothing")


def read_latest_snapshot(
    layout: DataLayout, preferred_keys: Sequence[str] = ()
) -> tuple[Snapshot, FeatureConfig]:
    """Return the snapshot of spectrograms used last, with the settings of its matrices.

    Parameters
    ----------
    layout : DataLayout
    preferred_keys : sequence of str
        Feature keys. A snapshot under one of them comes before all others.

    Raises
    ------
    UsageError
        If there is none yet.
    """
    statement = """
        select snapshots.* exclude (created_at, used_at), settings
        from snapshots join features using (feature_key)
        where settings ->> 'embedding' is null
        order by feature_key in (select unnest(?)) desc, used_at desc limit 1
    """
    with open_catalog(layout) as catalog:
        rows = fetch_rows(catalog, statement, [list(preferred_keys)])
    if not rows:
        raise UsageError(
            f"There is no snapshot in {layout.home} yet. Run `genreflow train` first, or name the "
            "right place with --home."
        )
    settings = json.loads(rows[0].pop("settings"))
    row = {**rows[0], "genres": tuple(rows[0]["genres"])}
    return Snapshot(**row), FeatureConfig.from_document(settings)
