"""The songs that drift is measured on: those of this night, and those of before."""

from __future__ import annotations  # DuckDB's types, kept alive, are told as leaks at exit

from dataclasses import dataclass
from datetime import datetime

from storage.catalog.connection import fetch_rows, open_catalog
from storage.layout import DataLayout


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
