"""What has come since the last training."""

from collections.abc import Sequence
from dataclasses import dataclass

from storage.catalog.connection import fetch_rows, open_catalog
from storage.catalog.snapshots import Snapshot, read_candidates, read_placements
from storage.layout import DataLayout


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
