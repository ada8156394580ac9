"""Songs in the catalog: tracks, and one outcome for every song of every source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from genre_core.records import Outcome, Reason, Result, Source, Track
from storage.catalog.connection import fetch_rows, insert_rows, open_catalog
from storage.home import DataLayout
from storage.sources.identity import file_version

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_GONE = "its file in storage is gone or damaged; the next ingest fetches it again."

_UPSERT_TRACK = """
on conflict (track_id) do update set
    location = excluded.location, genre = excluded.genre, artist = excluded.artist,
    album = excluded.album, title = excluded.title, licence = excluded.licence
"""

_UPSERT_OUTCOME = """
on conflict (source) do update set
    track_id = if(excluded.stage = 'sources'
        or (excluded.track_id = '' and excluded.reason = 'label_unknown'),
        track_id, excluded.track_id),
    genre = excluded.genre, outcome = excluded.outcome, stage = excluded.stage,
    reason = excluded.reason, message = excluded.message,
    version = excluded.version, attempts = attempts + 1, updated_at = now(),
    source_id = if(excluded.source_id = '', source_id, excluded.source_id)
"""


def select_new_sources(catalog: DuckDBPyConnection, sources: Sequence[Source]) -> list[Source]:
    """Return the sources that are to be fetched, with their ``version``.

    Left out are those with a final outcome under the same genre. What is ``retryable`` is tried
    again, and so are a rejected file that has changed since, and a source under another genre.
    What was decided by the listing alone is decided by the present listing. What somebody removed
    stays away, whatever its file or its genre is now.
    """
    rows = fetch_rows(
        catalog,
        """
        select source, genre, if(outcome = 'quarantined', version, null) as version,
            reason = 'removed' as is_removed
        from outcomes where outcome <> 'retryable' and reason <> 'label_unknown'
            and stage <> 'sources'
        """,
    )
    settled = {(row["source"], row["genre"]): row["version"] for row in rows}
    removed = {row["source"] for row in rows if row["is_removed"]}
    staying = [source for source in sources if source.location not in removed]
    dated = [replace(source, version=file_version(source.location)) for source in staying]
    return [source for source in dated if source.label_fault or not _is_settled(source, settled)]


def _is_settled(source: Source, settled: Mapping[tuple[str, str], str | None]) -> bool:
    """Whether a source was decided as it is; songs in storage need no file any more."""
    place = (source.location, source.genre)
    return place in settled and settled[place] in (None, source.version)


def stored_tracks(
    catalog: DuckDBPyConnection, layout: DataLayout, sources: Sequence[Source]
) -> list[Track]:
    """Return the tracks of sources that storage has unchanged, with the tags listed now.

    A source under another genre, or under one again, need not be fetched: its file has not
    changed since, and an address is taken to be unchanged.
    """
    rows = fetch_rows(
        catalog,
        """
        select source, version, tracks.* exclude (added_at)
        from outcomes join tracks using (track_id)
        where outcome <> 'retryable' and source in (select unnest(?))
        """,
        [[source.location for source in sources]],
    )
    known = {(row.pop("source"), row.pop("version")): Track(**row) for row in rows}
    found = ((s, known.get((s.location, s.version))) for s in sources)
    return [
        _retag(source, track)
        for source, track in found
        if track and layout.song(track.track_id, track.suffix).is_file()
    ]


def _retag(source: Source, track: Track) -> Track:
    return replace(
        track,
        location=source.location,
        genre=source.genre,
        artist=source.artist or track.artist,
        album=source.album or track.album,
        title=source.title or track.title,
        licence=source.licence or track.licence,
    )


def held_sources(catalog: DuckDBPyConnection, source_ids: Iterable[str]) -> list[Source]:
    """Return the sources among these ids whose songs are in storage, the first one first.

    One listed under several genres has the genre that it was fetched under; one listed without
    any is unlabelled, even if somebody has decided on a genre since.
    """
    statement = """
        select source as location, source_id,
            if(stage = 'sources' and reason = 'label_conflict', tracks.genre, outcomes.genre)
                as genre, outcomes.genre = '' and reason <> 'label_unknown' as is_unlabelled
        from outcomes join tracks using (track_id)
        where source_id <> '' and source_id in (select unnest(?))
        order by first_at, source
    """
    return [Source(**row) for row in fetch_rows(catalog, statement, [list(source_ids)])]


def read_labels(catalog: DuckDBPyConnection, locations: Sequence[str]) -> dict[str, str]:
    """Return the genre that each of these locations was taken in under.

    It is empty for an unlabelled song in storage; other locations are left out.
    """
    statement = """
        select source, genre from outcomes
        where source in (select unnest(?)) and (genre <> '' or track_id <> '')
            and reason not in ('label_unknown', 'removed')
            and (stage <> 'sources' or reason <> 'label_conflict')
    """
    rows = fetch_rows(catalog, statement, [list(locations)])
    return {row["source"]: row["genre"] for row in rows}


def select_changed(catalog: DuckDBPyConnection, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Leave out the final outcomes that the catalog has already; an attempt counts every time."""
    statement = """
        select source, genre, outcome, reason, message from outcomes
        where outcome <> 'retryable' and source in (select unnest(?))
    """
    rows = fetch_rows(catalog, statement, [[o.location for o in outcomes]])
    known = {tuple(row.values()) for row in rows}
    return [
        o for o in outcomes if (o.location, o.genre, o.result, o.reason, o.message) not in known
    ]


def drop_list_outcomes(catalog: DuckDBPyConnection, locations: Sequence[str]) -> None:
    """Delete the outcomes of lists whose songs now have outcomes of their own."""
    statement = "delete from outcomes where stage = 'sources' and source in (select unnest(?))"
    catalog.execute(statement, [list(locations)])


def known_tracks(catalog: DuckDBPyConnection, track_ids: Iterable[str]) -> dict[str, Track]:
    """Return the tracks among these ids that are in the catalog, by id."""
    statement = "select * exclude (added_at) from tracks where track_id in (select unnest(?))"
    rows = fetch_rows(catalog, statement, [list(track_ids)])
    return {row["track_id"]: Track(**row) for row in rows}


def known_packets(catalog: DuckDBPyConnection, packets_ids: Iterable[str]) -> dict[str, Track]:
    """Return the earliest track of each of these ``packets_id``."""
    statement = """
        select * exclude (added_at) from tracks
        where packets_id <> '' and packets_id in (select unnest(?)) order by added_at desc
    """
    rows = fetch_rows(catalog, statement, [list(packets_ids)])
    return {row["packets_id"]: Track(**row) for row in rows}


def record_songs(
    catalog: DuckDBPyConnection, tracks: Sequence[Track], outcomes: Sequence[Outcome]
) -> None:
    """Record tracks and the outcomes of their sources.

    A known track takes the tags and the genre that its source has now.
    """
    insert_rows(catalog, "tracks", [asdict(t) for t in tracks], _UPSERT_TRACK)
    insert_rows(catalog, "outcomes", [_outcome_row(o) for o in outcomes], _UPSERT_OUTCOME)


def stored_songs(layout: DataLayout) -> dict[str, Path]:
    """Return the path that the file of each track must have."""
    with open_catalog(layout) as catalog:
        rows = fetch_rows(catalog, "select track_id, suffix from tracks order by track_id")
    return {row["track_id"]: layout.song(row["track_id"], row["suffix"]) for row in rows}


def sourced_tracks(layout: DataLayout) -> set[str]:
    """Return the tracks that some source leads to."""
    with open_catalog(layout) as catalog:
        rows = fetch_rows(catalog, "select distinct track_id from outcomes where track_id <> ''")
    return {row["track_id"] for row in rows}


def await_songs(catalog: DuckDBPyConnection, track_ids: Sequence[str]) -> None:
    """Let the next ingest fetch songs again whose file in storage is gone.

    Duplicates are fetched as well if nothing else leads to their track.
    """
    statement = """
        update outcomes set outcome = 'retryable', stage = 'download', reason = 'not_found',
            message = ?, updated_at = now()
        where track_id in (select unnest(?)) and message <> ? and (
            outcome <> 'duplicate' or track_id not in (
                select track_id from outcomes where outcome <> 'duplicate'))
    """
    catalog.execute(statement, [_GONE, list(track_ids), _GONE])


def count_outcomes(catalog: DuckDBPyConnection) -> dict[str, int]:
    """Return the number of songs by outcome, 0 included."""
    statement = "select outcome, count(*) as n_songs from outcomes group by outcome"
    counts = {row["outcome"]: row["n_songs"] for row in fetch_rows(catalog, statement)}
    return {str(result): counts.get(result, 0) for result in Result}


def count_songs(catalog: DuckDBPyConnection, reason: Reason) -> int:
    """Return the number of songs that were rejected for a reason."""
    statement = "select count(*) as n_songs from outcomes where reason = ?"
    return fetch_rows(catalog, statement, [str(reason)])[0]["n_songs"]


def _outcome_row(outcome: Outcome) -> dict[str, str]:
    return {
        "source": outcome.location,
        "track_id": outcome.track_id,
        "genre": outcome.genre,
        "outcome": str(outcome.result),
        "stage": str(outcome.stage),
        "reason": str(outcome.reason),
        "message": outcome.message,
        "version": outcome.version,
        "source_id": outcome.source_id,
    }


_BELOW = """($2 = '' or starts_with(source || '/', $2 || '/')
    or starts_with(source_id || '/', $2 || '/'))"""

_RELEASE = f"""
    update outcomes set outcome = 'retryable', updated_at = now()
    where outcome <> 'ok' and ($1 = reason or ($1 = '' and reason <> 'removed')) and {_BELOW}
    returning track_id
"""

_RELEASE_PARTS = f"""
    select track_id from outcomes
    where outcome = 'ok' and {_BELOW} and track_id in (select track_id from rejected
        where reason = 'not_represented' and $1 in ('', reason))
"""
"""Songs that are ``ok`` by other representations: only what failed is computed again."""


def release_songs(catalog: DuckDBPyConnection, reason: str, source: str) -> int:
    """Let the next ingest and extract try rejected songs again; return how many.

    Parameters
    ----------
    reason : str
        A value of ``records.Reason``; empty: any, except ``removed``, which must be named.
    source : str
        A song, or the folder or site that the songs lie below; empty: all. Paths are absolute,
        with links followed or as they were listed.
    """
    wanted = [reason, source.rstrip("/")]
    songs = fetch_rows(catalog, _RELEASE, wanted) + fetch_rows(catalog, _RELEASE_PARTS, wanted)
    track_ids = [song["track_id"] for song in songs if song["track_id"]]
    statement = "delete from rejected where track_id in (select unnest(?))"
    catalog.execute(statement, [track_ids])
    if reason == Reason.REMOVED:
        statement = "delete from removals where track_id in (select unnest(?))"
        catalog.execute(statement, [track_ids])
    return len(songs)
