"""Songs in the catalog: tracks, and one outcome for every song of every source."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from genre_core.dataset.artists import Credit, name_artists
from genre_core.records import AudioFacts, Outcome, Reason, Result, Source, Track
from storage.catalog.connection import (
    Catalog,
    fetch_map,
    fetch_records,
    fetch_rows,
    fetch_values,
    insert_rows,
    registered,
)
from storage.catalog.query import query_rows
from storage.home import DataLayout
from storage.sources.identity import file_version

_GONE = "its file in storage is gone or damaged; the next ingest fetches it again."

_LISTED_TAGS = ("artist", "album", "title", "licence")

_UPSERT_TRACK = """
on conflict (track_id) do update set
    location = excluded.location, genre = excluded.genre, artist = excluded.artist,
    album_artist = excluded.album_artist, album = excluded.album, title = excluded.title,
    licence = excluded.licence, year = excluded.year, publisher = excluded.publisher
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


def select_new_sources(catalog: Catalog, sources: Sequence[Source]) -> list[Source]:
    """Return the sources that are to be fetched or recorded anew, with their ``version``.

    Left out are those with a final outcome, unless the file, the genre or a tag of the listing has
    changed since. What is ``retryable`` is tried again. What was decided by the listing alone is
    decided by the present listing. Removed songs stay removed, whatever their file or genre is now.
    """
    versions = [file_version(source.location) for source in sources]
    names = ("location", "genre", *_LISTED_TAGS)
    columns = {name: [getattr(source, name) for source in sources] for name in names}
    columns |= {"current": versions, "has_fault": [bool(s.label_fault) for s in sources]}
    with registered(catalog, "listed", columns | {"nth": list(range(len(sources)))}):
        chosen = fetch_values(catalog, _NEW_SOURCES)
    return [replace(sources[nth], version=versions[nth]) for nth in chosen]


# a song in storage needs no file any more; an empty tag of a listing says nothing
_NEW_SOURCES = f"""
    with settled as (
        select source, outcomes.genre, version, outcome = 'quarantined' as is_rejected, reason,
            {", ".join(_LISTED_TAGS)}
        from outcomes left join tracks on tracks.track_id = outcomes.track_id and location = source
        where outcome <> 'retryable' and reason <> 'label_unknown' and stage <> 'sources'
    )
    select nth from listed left join settled on settled.source = listed.location
    where settled.reason is distinct from 'removed' and (
        has_fault or settled.source is null or settled.genre <> listed.genre
        or ((is_rejected or current <> '') and current <> settled.version)
        or {
    " or ".join(f"(listed.{tag} <> '' and listed.{tag} <> settled.{tag})" for tag in _LISTED_TAGS)
})
    order by nth
"""


def stored_tracks(catalog: Catalog, layout: DataLayout, sources: Sequence[Source]) -> list[Track]:
    """Return the tracks of sources that storage has unchanged, with the tags listed now.

    A source under another genre or other tags need not be fetched if its file has not changed
    since, or is gone; an address is taken to be unchanged.
    """
    known = tracks_of_sources(catalog, [source.location for source in sources])
    found = [(s, *known.get(s.location, ("", None))) for s in sources]
    return [
        replace(
            track,
            location=source.location,
            genre=source.genre,
            **{tag: text for tag in _LISTED_TAGS if (text := getattr(source, tag))},
        )
        for source, version, track in found
        if track
        and source.version in ("", version)
        and layout.song(track.track_id, track.suffix).is_file()
    ]


def tracks_of_sources(catalog: Catalog, locations: Sequence[str]) -> dict[str, tuple[str, Track]]:
    """Return the version and the track of each source in storage, under the genre of the source."""
    statement = """
        select source, version, tracks.* exclude (added_at) replace (outcomes.genre as genre)
        from outcomes join tracks using (track_id)
        where outcome <> 'retryable' and source in (select unnest(?))
    """
    rows = fetch_rows(catalog, statement, [locations])
    return {row.pop("source"): (row.pop("version"), Track(**row)) for row in rows}


def held_sources(
    catalog: Catalog, listed: Sequence[Source], archive: Collection[str] = ()
) -> list[Source]:
    """Return the sources in storage of the songs of a listing, the first one first.

    One listed under several genres has the genre that it was fetched under; one listed without
    any is unlabelled, even if somebody has decided on a genre since. Left out are those that are
    listed as they are stored and nowhere else, as nearly all are, unless an ``archive`` has them.
    """
    columns = {
        "source_id": [source.source_id for source in listed],
        "location": [source.location for source in listed],
        "is_archived": [source.source_id in archive for source in listed],
    }
    with registered(catalog, "listed", columns):
        return fetch_records(catalog, Source, _HELD_SOURCES)


_HELD_SOURCES = """
    with wanted as (
        select source_id, min(location) as place, min(location) <> max(location) as is_several,
            bool_or(is_archived::boolean) as is_archived
        from listed where source_id <> '' group by source_id
    )
    select source as location, source_id,
        if(stage = 'sources' and reason = 'label_conflict', tracks.genre, outcomes.genre)
            as genre, outcomes.genre = '' and reason <> 'label_unknown' as is_unlabelled
    from outcomes join tracks using (track_id) join wanted using (source_id)
    qualify is_several or is_archived or bool_or(source <> place) over (partition by source_id)
    order by first_at, source
"""


def read_labels(catalog: Catalog, locations: Sequence[str]) -> dict[str, str]:
    """Return the genre that each of these locations was taken in under.

    It is empty for an unlabelled song in storage; other locations are left out.
    """
    statement = """
        select source, genre from outcomes
        where source in (select unnest(?)) and (genre <> '' or track_id <> '')
            and reason not in ('label_unknown', 'removed')
            and (stage <> 'sources' or reason <> 'label_conflict')
    """
    return fetch_map(catalog, statement, [locations])


def read_genres(catalog: Catalog) -> list[str]:
    """Return the genres that songs of the store have, by their sources or by a decision."""
    statement = """
        select genre from tracks where genre <> '' union select genre from decided order by genre
    """
    return fetch_values(catalog, statement)


def select_changed(catalog: Catalog, outcomes: Sequence[Outcome]) -> list[Outcome]:
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


def drop_list_outcomes(catalog: Catalog, locations: Sequence[str]) -> None:
    """Delete the outcomes of lists whose songs now have outcomes of their own."""
    statement = "delete from outcomes where stage = 'sources' and source in (select unnest(?))"
    catalog.execute(statement, [list(locations)])


def known_tracks(catalog: Catalog, track_ids: Collection[str]) -> dict[str, Track]:
    """Return the tracks among these ids that are in the catalog, by id."""
    statement = "select * exclude (added_at) from tracks where track_id in (select unnest(?))"
    tracks = fetch_records(catalog, Track, statement, [list(track_ids)])
    return {track.track_id: track for track in tracks}


def read_artists(catalog: Catalog) -> dict[str, tuple[str, ...]]:
    """Return the artists of each track by `name_artists`; the whole library decides on names."""
    names = name_credits(catalog)
    rows = catalog.execute(f"select track_id, {CREDIT} from tracks").fetchall()
    return {track_id: names[*credit] for track_id, *credit in rows}


def name_credits(catalog: Catalog) -> dict[tuple[str, ...], tuple[str, ...]]:
    """Return the artists of each credit of the library, the columns of ``CREDIT``."""
    rows = catalog.execute(f"select distinct {CREDIT} from tracks").fetchall()
    credits = [Credit(artist=artist, title=t, album_artist=other) for artist, t, other in rows]
    return dict(zip(rows, name_artists(credits), strict=True))


# only titles that may name a featured artist: songs of the same credit are named together
CREDIT = """
    artist, if(regexp_matches(title, '(?i)feat|ft|w/'), title, '') as title, album_artist
"""


def known_packets(catalog: Catalog, packets_ids: Sequence[str]) -> dict[str, Track]:
    """Return the earliest track of each of these ``packets_id``."""
    statement = """
        select * exclude (added_at) from tracks
        where packets_id <> '' and packets_id in (select unnest(?)) order by added_at desc
    """
    tracks = fetch_records(catalog, Track, statement, [packets_ids])
    return {track.packets_id: track for track in tracks}


def follow_versions(catalog: Catalog, before: Mapping[str, str], after: Mapping[str, str]) -> None:
    """Note that files, by source, have another version and the same sound: none is fetched anew.

    A source whose file had changed already is left to the next ingest.
    """
    places = list(before)
    columns = {"location": places, "was": list(before.values()), "now": [after[p] for p in places]}
    with registered(catalog, "written", columns):
        catalog.execute("""
            update outcomes set version = written.now from written
            where written.location in (source, source_id) and outcomes.version = written.was
        """)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaggedSource:
    """A file of the user that is a song of the library: its track, label and version.

    An empty label is none.
    """

    source: str
    track_id: str
    label: str
    version: str


def read_files(catalog: Catalog, locations: Sequence[str] | None = None) -> list[TaggedSource]:
    """Return the files that songs of the library come from, or those at some locations."""
    statement = """
        select source, track_id, tracks.genre as label, version
        from outcomes join tracks using (track_id)
        where outcome in ('ok', 'duplicate') and stage <> 'sources' and starts_with(source, '/')
            and ($1 is null or source in (select unnest($1::varchar[]))
                or source_id in (select unnest($1::varchar[])))
        order by source
    """
    return fetch_records(catalog, TaggedSource, statement, [locations])


def record_songs(catalog: Catalog, tracks: Sequence[Track], outcomes: Sequence[Outcome]) -> None:
    """Record outcomes, and tracks with the tags and genres that their sources have now."""
    rows = [asdict(outcome) for outcome in outcomes]
    rows = [{"source": r.pop("location"), "outcome": r.pop("result"), **r} for r in rows]
    insert_rows(catalog, "tracks", [asdict(track) for track in tracks], _UPSERT_TRACK)
    insert_rows(catalog, "outcomes", rows, _UPSERT_OUTCOME)


def stored_songs(catalog: Catalog, layout: DataLayout) -> dict[str, Path]:
    """Return the path that the file of each track must have."""
    suffixes = fetch_map(catalog, "select track_id, suffix from tracks order by track_id")
    return {track_id: layout.song(track_id, suffix) for track_id, suffix in suffixes.items()}


def find_stored_song(layout: DataLayout, track_id: str) -> tuple[Path, AudioFacts] | None:
    """Return the original of a published track and what decoding needs to know; None if gone."""
    statement = "select duration_s, sample_rate, channels, codec from tracks where track_id = ?"
    rows = query_rows(layout, statement, [track_id])
    paths = list((layout.songs / track_id[:2]).glob(f"{track_id}.*")) if rows else []
    return (paths[0], AudioFacts(**rows[0])) if paths else None


def sourced_tracks(catalog: Catalog) -> set[str]:
    """Return the tracks that some source leads to."""
    return set(fetch_values(catalog, "select track_id from outcomes where track_id <> ''"))


def await_songs(catalog: Catalog, track_ids: Sequence[str]) -> None:
    """Re-queue songs whose file in storage is gone for the next ingest.

    Duplicates are fetched as well if nothing else leads to their track.
    """
    statement = """
        update outcomes set outcome = 'retryable', stage = 'download', reason = 'not_found',
            message = $2, updated_at = now()
        where track_id in (select unnest($1)) and message <> $2 and (
            outcome <> 'duplicate' or track_id not in (
                select track_id from outcomes where outcome <> 'duplicate'))
    """
    catalog.execute(statement, [list(track_ids), _GONE])


def count_outcomes(catalog: Catalog) -> dict[str, int]:
    """Return the number of songs by outcome, 0 included."""
    counts = fetch_map(catalog, "select outcome, count(*) from outcomes group by outcome")
    return {str(result): counts.get(result, 0) for result in Result}


def count_songs(catalog: Catalog, reason: Reason) -> int:
    """Return the number of songs that were rejected for a reason."""
    statement = "select count(*) from outcomes where reason = ?"
    return fetch_values(catalog, statement, [str(reason)])[0]


def release_songs(catalog: Catalog, reason: str, source: str) -> int:
    """Re-queue rejected songs for the next ingest and extract; return their number.

    ``reason`` is a value of `Reason`; empty: any, except ``removed``, which must be named.
    ``source`` is a song, or the folder or site that the songs lie below; empty: all. Paths are
    absolute, with links followed or as they were listed.
    """
    wanted = [reason, source.rstrip("/")]
    songs = fetch_values(catalog, _RELEASE, wanted) + fetch_values(catalog, _RELEASE_PARTS, wanted)
    tables = ("rejected", "removals") if reason == Reason.REMOVED else ("rejected",)
    for table in tables:
        statement = f"delete from {table} where track_id in (select unnest(?))"
        catalog.execute(statement, [[track_id for track_id in songs if track_id]])
    return len(songs)


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
