"""Removals: songs that somebody asked to be taken out, and what the catalog keeps of them."""

from __future__ import annotations  # DuckDB's types, kept alive, are told as leaks at exit

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from genre_core.dataset.groups import fold_artist
from genre_core.errors import UsageError
from genre_core.records import Reason, Track
from storage.catalog.connection import fetch_rows, insert_rows, open_catalog
from storage.catalog.extraction import Shard, shard_row
from storage.catalog.recordings import read_recordings, settle_within
from storage.home import DataLayout

if TYPE_CHECKING:
    import duckdb

FEWEST_DIGITS = 8
REMOVED = "it was removed; `genreflow retry --reason removed` lets it in again."

_SONGS = """
    select track_id, packets_id, artist, title from tracks
    union select track_id, packets_id, artist, title from removals
"""

_FORGET = (
    *("tracks", "prints", "print_keys", "decisions", "aside", "extracted", "rejected"),
    *("predictions", "sound", "golden_songs", "song_embeddings", "suspects", "suspect_neighbours"),
)
"""What goes; `assignments` and `snapshot_tracks` stay: no song ever changes its split."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovedSong:
    """A song that is to be removed, or that was, with what its removal is known by."""

    track_id: str
    packets_id: str
    artist: str
    title: str


def find_song(layout: DataLayout, song: str) -> list[RemovedSong]:
    """Give the song that a source or the beginning of a track id leads to.

    Raises
    ------
    UsageError
        If the store has no such song, or several.
    """
    statement = f"""
        select * from ({_SONGS})
        where (len($1) >= {FEWEST_DIGITS} and starts_with(track_id, $1)) or track_id in (
            select track_id from outcomes where source in ($1, $2)) order by track_id
    """
    with open_catalog(layout) as catalog:
        rows = fetch_rows(catalog, statement, [song, str(Path(song).absolute())])
    if len(rows) > 1:
        raise UsageError(f"{len(rows)} tracks begin with {song}. Give more digits of the id.")
    return _require(rows, f"song {song}; name a source, or 8 digits of a track id at least")


def find_artist(layout: DataLayout, artist: str) -> list[RemovedSong]:
    """Give the songs of an artist, written in any way that the split takes for the same.

    Raises
    ------
    UsageError
        If the store has none.
    """
    statement = f"select * from ({_SONGS}) where artist in (select unnest(?)) order by track_id"
    with open_catalog(layout) as catalog:
        known = fetch_rows(catalog, f"select distinct artist from ({_SONGS})")
        named = [r["artist"] for r in known if fold_artist(r["artist"]) == fold_artist(artist)]
        rows = fetch_rows(catalog, statement, [named])
    return _require(rows, f"song of {artist}; `genreflow sql` lists the artists of `tracks`")


def find_copies(layout: DataLayout, songs: Sequence[RemovedSong]) -> list[RemovedSong]:
    """Give the other copies of the recordings that these songs are."""
    wanted = {song.track_id for song in songs}
    with open_catalog(layout) as catalog:
        recordings = read_recordings(catalog)
        names = {recordings[track_id] for track_id in wanted & recordings.keys()}
        copies = [t for t, name in recordings.items() if name in names and t not in wanted]
        statement = f"select * from ({_SONGS}) where track_id in (select unnest(?)) order by all"
        return [RemovedSong(**row) for row in fetch_rows(catalog, statement, [copies])]


def find_trained(layout: DataLayout, track_ids: Sequence[str]) -> list[str]:
    """Give the runs that learned from one of these songs."""
    statement = """
        select distinct run_id from runs join snapshot_tracks using (snapshot_id)
        where split = 'train' and track_id in (select unnest(?)) order by run_id
    """
    with open_catalog(layout) as catalog:
        return [row["run_id"] for row in fetch_rows(catalog, statement, [list(track_ids)])]


def find_sources(layout: DataLayout, track_ids: Sequence[str]) -> list[str]:
    """Give the places that these songs were fetched from."""
    statement = "select source from outcomes where track_id in (select unnest(?)) order by source"
    with open_catalog(layout) as catalog:
        return [row["source"] for row in fetch_rows(catalog, statement, [list(track_ids)])]


def find_removed(catalog: duckdb.DuckDBPyConnection, tracks: Sequence[Track]) -> dict[str, str]:
    """Give the id of the removed song that a track is, by location; the tags may differ."""
    rows = fetch_rows(catalog, "select track_id, packets_id from removals")
    ids = {row["packets_id"]: row["track_id"] for row in rows if row["packets_id"]}
    ids |= {row["track_id"]: row["track_id"] for row in rows}
    found = {track.location: ids.get(track.track_id, ids.get(track.packets_id)) for track in tracks}
    return {location: track_id for location, track_id in found.items() if track_id}


def removed_tracks(layout: DataLayout) -> list[str]:
    """Give the ids of all songs that were removed."""
    with open_catalog(layout) as catalog:
        rows = fetch_rows(catalog, "select track_id from removals order by track_id")
    return [row["track_id"] for row in rows]


def last_removal(layout: DataLayout) -> datetime | None:
    """Give when a song was removed last; none if none was."""
    with open_catalog(layout) as catalog:
        rows = fetch_rows(catalog, "select max(removed_at) as removed_at from removals")
    return rows[0]["removed_at"]


def record_removal(
    layout: DataLayout,
    songs: Sequence[RemovedSong],
    rewritten: Mapping[str, Shard | None],
    reason: str,
    who: str,
) -> None:
    """Forget songs and name the shards without them, in one transaction.

    Parameters
    ----------
    rewritten : mapping
        What takes the place of each shard that held one of the songs; nothing if no row is left.
    """
    track_ids = [song.track_id for song in songs]
    rows = [{**asdict(song), "reason": reason, "who": who} for song in songs]
    with open_catalog(layout) as catalog:
        insert_rows(catalog, "removals", rows, "on conflict do nothing")
        _forget(catalog, track_ids)
        for old, new in rewritten.items():
            _replace_shard(catalog, old, new)
        settle_within(catalog)


def _forget(catalog: duckdb.DuckDBPyConnection, track_ids: list[str]) -> None:
    """Take songs out of all tables but those of the split, and say so in their outcomes."""
    for table in _FORGET:
        catalog.execute(f"delete from {table} where track_id in (select unnest(?))", [track_ids])
    catalog.execute("delete from copies where list_has_any([track_id, other_id], ?)", [track_ids])
    catalog.execute(
        "delete from suspect_neighbours where neighbour_id in (select unnest(?))", [track_ids]
    )
    catalog.execute(
        """
        update outcomes set outcome = 'quarantined', stage = 'download', reason = ?,
            message = ?, updated_at = now() where track_id in (select unnest(?))
        """,
        [str(Reason.REMOVED), REMOVED, track_ids],
    )


def _replace_shard(catalog: duckdb.DuckDBPyConnection, old: str, new: Shard | None) -> None:
    if new:
        insert_rows(catalog, "shards", [shard_row(new)])
        catalog.execute("update extracted set shard = ? where shard = ?", [new.name, old])
    catalog.execute("delete from shards where shard = ?", [old])
    catalog.execute("delete from extracted where shard = ?", [old])


def _require(rows: Sequence[Mapping[str, str]], what: str) -> list[RemovedSong]:
    if not rows:
        raise UsageError(f"The store has no {what}.")
    return [RemovedSong(**row) for row in rows]
