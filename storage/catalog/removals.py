"""What leaves the catalog: songs that are removed on request, unused snapshots and models."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from genre_core.dataset.artists import Credit, fold_artist, name_artists
from genre_core.errors import UsageError
from genre_core.records import Reason, Track
from storage.catalog.connection import (
    Catalog,
    fetch_map,
    fetch_records,
    fetch_rows,
    fetch_values,
    insert_rows,
)
from storage.catalog.extraction import Shard, name_shards
from storage.catalog.recordings import read_recordings, settle_recordings
from storage.catalog.snapshots import NEWEST_FIRST
from storage.catalog.songs import read_artists
from storage.sources.identity import locations_given

MIN_DIGITS = 8
REMOVED = "it was removed on request. `genreflow retry --reason removed` ingests it again."

_SONGS = """
    select track_id, packets_id, artist, title from tracks
    union select track_id, packets_id, artist, title from removals
"""
_CREDITS = """
    select track_id, artist, title, album_artist from tracks
    union select track_id, artist, title, '' from removals
"""

_TABLES = (
    *("tracks", "fingerprints", "fingerprint_keys", "duplicates", "decisions"),
    *("excluded_tracks", "extracted", "rejected"),
    *("predictions", "sound", "golden_songs", "song_embeddings", "song_map"),
    *("suspects", "suspect_neighbours"),
)
"""Tables that forget a song; `assignments` and `snapshot_tracks` do not: splits never move."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovedSong:
    """A song to be removed, or removed, as `removals` names it."""

    track_id: str
    packets_id: str
    artist: str
    title: str


def find_song(catalog: Catalog, song: str) -> list[RemovedSong]:
    """Return the song of a source or of the first digits of a track id, or raise `UsageError`."""
    statement = f"""
        select * from ({_SONGS})
        where (len($1) >= {MIN_DIGITS} and starts_with(track_id, $1)) or track_id in (
            select track_id from outcomes where source in ($1, $2)) order by track_id
    """
    found = fetch_records(catalog, RemovedSong, statement, locations_given(song))
    if len(found) > 1:
        raise UsageError(f"{len(found)} tracks begin with {song}. Name more digits of the id.")
    return _require(found, f"song {song}; name a source, or at least 8 digits of a track id")


def find_artist(catalog: Catalog, artist: str) -> list[RemovedSong]:
    """Return the songs of an artist, however it is spelt, or raise `UsageError`.

    Those with other artists belong to it, too: a guest, one of two (`name_artists`).
    """
    rows = fetch_rows(catalog, _CREDITS)
    track_ids = [row.pop("track_id") for row in rows]
    credits = [Credit(**row) for row in rows]
    # a name that is asked for is one: "Ada & Bob" is divided though Ada has no other song
    named = name_artists([*credits, Credit(artist=artist)])[:-1]
    wanted = fold_artist(artist)
    songs = [
        track_id
        for track_id, credit, names in zip(track_ids, credits, named, strict=True)
        if wanted in (*names, fold_artist(credit.artist))
    ]
    statement = f"select * from ({_SONGS}) where track_id in (select unnest(?)) order by track_id"
    found = fetch_records(catalog, RemovedSong, statement, [songs])
    return _require(found, f"song of {artist}; `genreflow sql` lists the artists of `tracks`")


def _require(songs: list[RemovedSong], what: str) -> list[RemovedSong]:
    if not songs:
        raise UsageError(f"The store has no {what}.")
    return songs


def find_duplicates(catalog: Catalog, songs: Sequence[RemovedSong]) -> list[RemovedSong]:
    """Return the other tracks with the same recordings as these songs."""
    wanted = {song.track_id for song in songs}
    recordings = read_recordings(catalog)
    names = {recordings[track_id] for track_id in wanted & recordings.keys()}
    others = [t for t, name in recordings.items() if name in names and t not in wanted]
    statement = f"select * from ({_SONGS}) where track_id in (select unnest(?)) order by all"
    return fetch_records(catalog, RemovedSong, statement, [others])


def find_trained(catalog: Catalog, track_ids: Sequence[str]) -> list[str]:
    """Return the runs that were trained on one of these songs."""
    statement = """
        select distinct run_id from runs join snapshot_tracks using (snapshot_id)
        where split = 'train' and track_id in (select unnest(?)) order by run_id
    """
    return fetch_values(catalog, statement, [track_ids])


def find_removed(catalog: Catalog, tracks: Sequence[Track]) -> dict[str, str]:
    """Map the location of each track that is a removed song, by file or packets, to its id."""
    packets = fetch_map(catalog, "select track_id, packets_id from removals")
    ids = {packets_id: track_id for track_id, packets_id in packets.items() if packets_id}
    ids |= {track_id: track_id for track_id in packets}
    found = {track.location: ids.get(track.track_id, ids.get(track.packets_id)) for track in tracks}
    return {location: track_id for location, track_id in found.items() if track_id}


def removed_tracks(catalog: Catalog) -> list[str]:
    """Return the ids of all removed songs."""
    return fetch_values(catalog, "select track_id from removals order by track_id")


def read_removed_sources(catalog: Catalog) -> tuple[list[str], datetime | None]:
    """Return the sources of all removed songs, and the time of the last removal."""
    statement = "select source from outcomes semi join removals using (track_id) order by source"
    last = fetch_values(catalog, "select max(removed_at) from removals")[0]
    return fetch_values(catalog, statement), last


def record_removal(
    catalog: Catalog,
    songs: Sequence[RemovedSong],
    rewritten: Mapping[str, Shard | None],
    reason: str,
    actor: str,
) -> None:
    """Forget songs, and name the rewritten shards in place of those that held them.

    ``rewritten`` maps the old name to the new shard; to None if no row is left.
    """
    rows = [{**asdict(song), "reason": reason, "who": actor} for song in songs]
    insert_rows(catalog, "removals", rows, "on conflict do nothing")
    _forget_songs(catalog, [song.track_id for song in songs])
    for old, new in rewritten.items():
        if new:
            name_shards(catalog, [new])
            catalog.execute("update extracted set shard = ? where shard = ?", [new.name, old])
        catalog.execute("delete from shards where shard = ?", [old])
        catalog.execute("delete from extracted where shard = ?", [old])
    settle_recordings(catalog)


def _forget_songs(catalog: Catalog, track_ids: list[str]) -> None:
    forgotten = "(select unnest(?))"
    for table in _TABLES:
        catalog.execute(f"delete from {table} where track_id in {forgotten}", [track_ids])
    for table, other in (("duplicates", "other_id"), ("suspect_neighbours", "neighbour_id")):
        catalog.execute(f"delete from {table} where {other} in {forgotten}", [track_ids])
    statement = f"""
        update outcomes set outcome = 'quarantined', stage = 'download', reason = ?,
            message = ?, updated_at = now() where track_id in {forgotten}
    """
    catalog.execute(statement, [str(Reason.REMOVED), REMOVED, track_ids])
    _rename_groups(catalog)


def _rename_groups(catalog: Catalog) -> None:
    """Name groups by one of their songs where no song that is left names their artist."""
    statement = """
        select group_id, 'track:' || left(min(track_id), 12) from (
            select group_id, track_id from assignments
            union select group_id, track_id from snapshot_tracks)
        where starts_with(group_id, 'artist:') group by group_id
        having group_id not in (select unnest(?::varchar[]))
            or not bool_or(track_id in (select track_id from tracks))
    """
    known = [f"artist:{name}" for names in read_artists(catalog).values() for name in names]
    for group_id, name in fetch_map(catalog, statement, [known]).items():
        for table in ("assignments", "snapshot_tracks"):
            catalog.execute(f"update {table} set group_id = ? where group_id = ?", [name, group_id])


def unused_snapshots(catalog: Catalog, n_kept: int) -> list[str]:
    """Return the unused snapshots but for the newest ``n_kept``; 0 keeps all."""
    statement = f"""
        select snapshot_id from (
            select snapshot_id, row_number() over (order by {NEWEST_FIRST}) as nth from snapshots)
        where nth > $1 and snapshot_id not in (
            select snapshot_id from runs union select snapshot_id from promotions
            union select snapshot_id from challenges union select snapshot_id from audits)
    """
    return fetch_values(catalog, statement, [n_kept]) if n_kept > 0 else []


def unused_models(catalog: Catalog, n_kept: int, library_id: str) -> list[str]:
    """Return the models that can no longer be promoted, but for the newest of each network.

    Models of the current library stay, and all that were champion or challenger. -1 keeps all.
    """
    statement = """
        with used as (
            select run_id from promotions
            union select previous_run_id from promotions where previous_run_id is not null
            union select run_id from challenges),
        ranked as (
            select run_id, model_uri, snapshot_id,
                row_number() over (partition by network order by started_at desc) as nth
            from runs anti join used using (run_id))
        select model_uri from ranked join snapshots using (snapshot_id)
        where nth > $1 and library_id <> $2
    """
    found = fetch_values(catalog, statement, [n_kept, library_id]) if n_kept >= 0 else []
    return [model_uri.removeprefix("models:/") for model_uri in found]


def forget_snapshots(catalog: Catalog, snapshot_ids: Sequence[str]) -> None:
    """Forget snapshots; `assignments` keeps the split."""
    for table in ("snapshot_tracks", "snapshots"):
        statement = f"delete from {table} where snapshot_id in (select unnest(?::varchar[]))"
        catalog.execute(statement, [list(snapshot_ids)])
