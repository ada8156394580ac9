"""Songs of a benchmark in the catalog: what became of each, and their official subsets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from genre_core.dataset.groups import BY_SONG, join_artists
from genre_core.dataset.splits import Assignment
from genre_core.records import Result, Split
from storage.catalog.assignments import record_assignments
from storage.catalog.connection import Catalog, fetch_rows, fetch_values, registered
from storage.catalog.recordings import recording_keys
from storage.catalog.songs import read_artists


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficialSong:
    """A song of an official split, by the location of its file, and what became of it.

    ``track_id`` is empty if it never was in storage; ``recording`` ties it to its duplicates.
    ``is_used``: it is among the examples, perhaps under the name that its file had before.
    """

    source: str
    track_id: str
    genre: str
    outcome: str
    reason: str
    message: str
    subset: Split
    is_used: bool
    artists: tuple[str, ...] = ()
    recording: str = ""


def read_official_songs(catalog: Catalog, subsets: Mapping[str, Split]) -> list[OfficialSong]:
    """Return the songs of an official split, whose subsets are by location."""
    artists, recordings = read_artists(catalog), recording_keys(catalog)
    rows = fetch_rows(catalog, _OFFICIAL, [list(subsets)])
    return [
        OfficialSong(
            **row,
            subset=subsets[row["source"]],
            artists=artists.get(row["track_id"], ()),
            recording="".join(recordings.get(row["track_id"], (row["track_id"][:12],))),
        )
        for row in rows
    ]


def record_official_split(catalog: Catalog, songs: Sequence[OfficialSong]) -> list[str]:
    """Assign songs to their official subsets, grouped by artist; return the ids of their tracks.

    An official split may have an artist in two subsets: the level is that of a split by song. Songs
    that come later may join the groups of earlier ones, which are renewed in snapshots, too.
    """
    used = [song for song in songs if song.is_used]
    own = [f"track:{song.track_id[:12]}" for song in used]
    groups = join_artists(own, [song.artists for song in used])
    assignments = [
        Assignment(
            track_id=song.track_id,
            genre=song.genre,
            split=song.subset,
            group_id=group_id,
            split_level=BY_SONG,
        )
        for song, group_id in zip(used, groups, strict=True)
    ]
    record_assignments(catalog, assignments, {})
    grouped = {"track_id": [song.track_id for song in used], "group_id": groups}
    with registered(catalog, "grouped", grouped):
        for table in ("assignments", "snapshot_tracks"):
            catalog.execute(_RENEW_GROUPS.format(table))
    return [song.track_id for song in used]


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedSong:
    """The probabilities that a run gave to a song, in the order of its snapshot's genres."""

    track_id: str
    group_id: str
    genre: str
    probabilities: tuple[float, ...]


def read_probabilities(catalog: Catalog, run_id: str, split: Split) -> list[PredictedSong]:
    """Return the predictions of a run for one subset, in the order of the track ids."""
    rows = catalog.execute(_PROBABILITIES, [run_id, str(split)]).fetchall()
    return [
        PredictedSong(
            track_id=track_id, group_id=group_id, genre=genre, probabilities=tuple(values)
        )
        for track_id, group_id, genre, values in rows
    ]


def read_learned_groups(catalog: Catalog, snapshot_id: str) -> set[str]:
    """Return the groups that have songs in training or validation."""
    statement = """
        select distinct group_id from snapshot_tracks where snapshot_id = ? and split <> 'test'
    """
    return set(fetch_values(catalog, statement, [snapshot_id]))


def read_packets(catalog: Catalog, track_ids: Sequence[str]) -> dict[str, str]:
    """Return the ``packets_id`` of tracks, or the track's own id where it has none."""
    statement = """
        select track_id, if(packets_id = '', track_id, packets_id)
        from tracks where track_id in (select unnest(?))
    """
    return dict(catalog.execute(statement, [list(track_ids)]).fetchall())


def count_stored_sources(catalog: Catalog) -> int:
    """Number of sources whose song is, or was, in storage."""
    return int(fetch_values(catalog, "select count(*) from outcomes where track_id <> ''")[0])


_PROBABILITIES = """
    select track_id, group_id, predictions.genre, probabilities
    from predictions join runs using (run_id) join snapshot_tracks using (snapshot_id, track_id)
    where run_id = ? and predictions.split = ? order by track_id
"""

_RENEW_GROUPS = """
    update {0} set group_id = grouped.group_id from grouped
    where {0}.track_id = grouped.track_id and {0}.group_id <> grouped.group_id
"""

# a file that was moved is a duplicate of its former place; of two songs in one file, one is used
_OFFICIAL = f"""
    with listed as (
        select source, track_id, genre, outcome, reason, message,
            track_id in (select track_id from outcomes where outcome = '{Result.OK}') as is_stored,
            row_number() over (partition by track_id order by outcome <> '{Result.OK}', source) as n
        from outcomes where source in (select unnest(?))
    )
    select * exclude (is_stored, n), track_id <> '' and is_stored and n = 1 as is_used
    from listed order by source
"""
