"""What a dataset takes from the catalog: the songs of a snapshot, their features and embeddings."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from genre_core.audit.rules import Check
from genre_core.dataset.exported import ExportedSong, public_source
from genre_core.records import Split, Track
from genre_core.representations.embeddings import Embedding
from genre_core.representations.features import FeatureConfig
from storage.catalog.audits import read_library_audit
from storage.catalog.connection import Catalog, fetch_map, fetch_rows, fetch_values
from storage.catalog.extraction import read_embedding, shard_names
from storage.catalog.runs import Run, read_library_runs
from storage.catalog.snapshots import NEWEST_FIRST, Snapshot, read_features
from storage.catalog.songs import known_tracks


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetSource:
    """A snapshot as it is exported; songs that were removed since are not among ``songs``.

    ``embeddings`` are those of the same songs, by feature key. ``levels`` has the genres that are
    not split by group, by how they are split. ``n_excluded`` counts the songs that a duplicate has
    superseded or that wait for a decision since the snapshot was frozen, ``n_relabelled`` those
    that have another genre now.
    """

    snapshot: Snapshot
    created_at: datetime
    features: FeatureConfig
    songs: tuple[ExportedSong, ...]
    tracks: dict[str, Track]
    shards: tuple[str, ...]
    n_shard_bytes: int
    n_fragments: int
    embeddings: dict[str, Embedding]
    verdict: str
    checks: tuple[Check, ...]
    runs: tuple[Run, ...]
    levels: dict[str, list[str]]
    n_removed: int
    n_excluded: int
    n_relabelled: int


def read_dataset_source(catalog: Catalog, snapshot: Snapshot) -> DatasetSource:
    """Return what the dataset of a snapshot is made from."""
    rows = fetch_rows(catalog, _SONGS, [snapshot.snapshot_id])
    audit = read_library_audit(catalog, snapshot.library_id)
    since = fetch_rows(catalog, _SINCE, [snapshot.snapshot_id])[0]
    stored = fetch_rows(catalog, _STORED, [snapshot.snapshot_id, snapshot.feature_key])[0]
    statement = "select created_at from snapshots where snapshot_id = ?"
    return DatasetSource(
        snapshot=snapshot,
        created_at=fetch_values(catalog, statement, [snapshot.snapshot_id])[0],
        features=read_features(catalog, snapshot.feature_key),
        songs=tuple(map(_as_song, rows)),
        tracks=known_tracks(catalog, [row["track_id"] for row in rows]),
        shards=tuple(shard_names(catalog, snapshot.feature_key)),
        levels=fetch_map(catalog, _LEVELS, [snapshot.snapshot_id]),
        embeddings=_read_embeddings(catalog, snapshot.library_id),
        verdict=str(audit.verdict) if audit else "",
        checks=audit.checks if audit else (),
        runs=tuple(read_library_runs(catalog, snapshot.library_id)),
        n_removed=snapshot.n_tracks - len(rows),
        **since,
        **stored,
    )


def read_song_embeddings(
    catalog: Catalog, feature_key: str, track_ids: Sequence[str]
) -> dict[str, tuple[list[float], list[float]]]:
    """Return the mean embedding of songs and their tag logits, by track."""
    statement = """
        select track_id, (embedding, tag_logits) from song_embeddings
        where feature_key = ? and track_id in (select unnest(?))
    """
    return fetch_map(catalog, statement, [feature_key, list(track_ids)])


def _as_song(row: dict[str, Any]) -> ExportedSong:
    source = public_source(row.pop("location"))
    return ExportedSong(**{**row, "split": Split(row["split"])}, source=source)


def _read_embeddings(catalog: Catalog, library_id: str) -> dict[str, Embedding]:
    """Return the embeddings that a library is frozen with, the newest of each name."""
    keys = fetch_values(catalog, _EMBEDDED, [library_id])
    found = {key: read_embedding(catalog, key) for key in keys}
    newest: dict[str, str] = {}
    for key, embedding in found.items():
        if embedding:
            newest.setdefault(embedding.name, key)
    return {key: embedding for key in newest.values() if (embedding := found[key])}


_SONGS = """
    select track_id, frozen.genre, artist, album, title, licence, location, duration_s, split,
        group_id as "group"
    from snapshot_tracks as frozen join tracks using (track_id)
    where snapshot_id = ? and split in ('train', 'validation', 'test') order by track_id
"""

_SINCE = """
    select count(*) filter (excluded_tracks.track_id is not null) as n_excluded,
        count(*) filter (tracks.genre <> frozen.genre) as n_relabelled
    from snapshot_tracks as frozen join tracks using (track_id)
        left join excluded_tracks using (track_id)
    where snapshot_id = ?
"""

_LEVELS = """
    select split_level, list(distinct genre order by genre) from snapshot_tracks
    where snapshot_id = ? and split_level <> 'group' group by split_level order by split_level
"""

_STORED = """
    select coalesce(sum(n_fragments), 0)::bigint as n_fragments,
        (select coalesce(sum(n_bytes), 0)::bigint from shards where feature_key = $2)
            as n_shard_bytes
    from extracted semi join (from snapshot_tracks where snapshot_id = $1) using (track_id)
        semi join tracks using (track_id)
    where feature_key = $2
"""

_EMBEDDED = f"""
    select feature_key from snapshots join features using (feature_key)
    where library_id = ? and settings ->> 'embedding' is not null order by {NEWEST_FIRST}
"""
