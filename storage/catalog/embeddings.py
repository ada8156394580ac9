"""Mean embeddings of songs: for learning, for proposals, and for similar songs."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np

from genre_core.dataset.groups import join_artists
from genre_core.errors import UsageError
from genre_core.records import Split
from genre_core.representations.embeddings import Embedding
from genre_core.training.songs import EmbeddedSongs, label_songs
from storage.catalog.assignments import IS_CANDIDATE
from storage.catalog.connection import Catalog, fetch_records, fetch_rows
from storage.catalog.query import query_rows
from storage.catalog.runs import UNLABELLED
from storage.catalog.snapshots import HAS_GENRES, NEWEST_FIRST, Snapshot, as_snapshot
from storage.catalog.songs import read_artists
from storage.home import DataLayout
from storage.sources.identity import locations_given

MIN_ID_DIGITS = 8

_SONGS = f"""
    select track_id, tracks.genre, group_id, split, len(embedding) as n_features,
        list_concat(embedding, tag_logits) as "values",
        is_builtin or track_id in (select track_id from decided) as is_confirmed
    from song_embeddings join tracks using (track_id) join assignments using (track_id)
    where feature_key = $1 and tracks.genre in (select unnest($2::varchar[])) and {IS_CANDIDATE}
    order by track_id
"""

_FIND = """
    select track_id, track_id in (
        select track_id from song_embeddings where representation = $4) as is_embedded
    from tracks
    where (len($1) >= $3 and starts_with(track_id, $1))
        or track_id in (select track_id from outcomes where source in ($1, $2))
"""

_NEAREST = """
    with others as (
        select track_id from tracks
        where duplicate_of is not null
            or is_builtin = exists (select 1 from tracks as own where not own.is_builtin)
            or case $4 when 'labelled' then genre = '' when 'unlabelled' then genre <> ''
                else false end),
    nearest as (
        select track_id, list_cosine_similarity(embedding, coalesce($3::float[], (
            select embedding from song_embeddings
            where track_id = $2 and representation = $1))) as cosine
        from song_embeddings
        where representation = $1 and track_id <> $2
            and track_id not in (select track_id from others)
        order by cosine desc, track_id limit $5),
    sources as (
        select track_id, min(source) as source from outcomes semi join nearest using (track_id)
        where outcome = 'ok' group by track_id)
    select track_id, genre, artist, title, source, cosine
    from nearest join tracks using (track_id) left join sources using (track_id)
    order by cosine desc, track_id
"""

_CANDIDATES = """
    select track_id, location, genre, artist, title, embedding || tag_logits as "values"
    from song_embeddings join tracks using (track_id) where feature_key = $1
"""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EmbeddedLibrary:
    """Songs with a split, and the track ids of golden ones and of those with a confirmed label.

    A label is confirmed if a person decided on it, or the built-in library was composed for it.
    """

    songs: EmbeddedSongs
    golden: frozenset[str]
    confirmed: frozenset[str]

    @property
    def without_golden(self) -> EmbeddedSongs:
        """The songs that are learned from, validated and tested on."""
        return self.songs.of(~np.isin(self.songs.track_ids.astype(str), list(self.golden)))


def read_embedded_library(
    catalog: Catalog, feature_key: str, genres: Sequence[str]
) -> EmbeddedLibrary:
    """Read songs of some genres with an embedding; songs of one artist are in one group."""
    found = catalog.execute(_SONGS, [feature_key, list(genres)]).fetchnumpy()
    track_ids, artists = found["track_id"].tolist(), read_artists(catalog)
    n_songs = len(track_ids)
    values = np.stack(list(found["values"])) if n_songs else np.empty((0, 0), np.float32)
    songs = label_songs(
        track_ids,
        join_artists(found["group_id"].tolist(), [artists[track_id] for track_id in track_ids]),
        found["genre"].tolist(),
        values.astype(np.float32),
        int(found["n_features"][0]) if n_songs else 0,
    )
    return EmbeddedLibrary(
        songs=songs,
        golden=frozenset(songs.track_ids[found["split"] == str(Split.GOLDEN)]),
        confirmed=frozenset(songs.track_ids[found["is_confirmed"].astype(bool)]),
    )


def read_embedded_snapshot(
    catalog: Catalog, representation: str = "", genres: Sequence[str] = ()
) -> tuple[Snapshot, Embedding]:
    """Return the newest snapshot of an embedding, or of one representation; else `UsageError`.

    Snapshots of other genres than these (empty: all) come second.
    """
    statement = f"""
        select snapshots.*, settings
        from snapshots join features using (feature_key)
        where (settings -> 'embedding') is not null and $1 in ('', representation)
        order by {HAS_GENRES} desc, {NEWEST_FIRST} limit 1
    """
    rows = fetch_rows(catalog, statement, [representation, list(genres)])
    if not rows:
        raise UsageError(
            f"There is no snapshot of {representation or 'an embedding'} yet. Run `genreflow "
            "train` with an embedding among the representations first."
        )
    settings = json.loads(rows[0]["settings"])
    return as_snapshot(rows[0]), Embedding.from_document(settings["embedding"])


class Among(StrEnum):
    """The songs that similar ones are looked for among."""

    LIBRARY = "library"
    LABELLED = "labelled"
    UNLABELLED = "unlabelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class SimilarSong:
    """A song near another one: the cosine of their mean embeddings, in -1..1.

    ``source`` is None where the song has none that is ``ok``.
    """

    track_id: str
    genre: str
    artist: str
    title: str
    source: str | None
    cosine: float


def nearest_songs(
    layout: DataLayout,
    representation: str,
    track_id: str,
    embedding: Sequence[float] | None = None,
    among: Among = Among.LIBRARY,
    n_songs: int = 10,
) -> list[dict[str, Any]]:
    """Return the songs nearest to a track, the nearest first, with their cosine and one source.

    ``embedding`` are its mean features where it is not in the store. The track itself, duplicates
    and, once the store has other music, the songs of the built-in library are left out.
    """
    own = None if embedding is None else list(embedding)
    return query_rows(layout, _NEAREST, [representation, track_id, own, str(among), n_songs])


def find_embedded(layout: DataLayout, song: str, representation: str) -> str:
    """Return the track of a source or of the beginning of a track id; empty if there is none.

    Raises `UsageError` if several tracks begin so, or the track has no such embedding.
    """
    names = locations_given(song)
    rows = query_rows(layout, _FIND, [*names, MIN_ID_DIGITS, representation])
    if len(rows) > 1:
        raise UsageError(f"{len(rows)} tracks begin with {song}. Name more digits of the id.")
    if rows and not rows[0]["is_embedded"]:
        raise UsageError(
            f"{song} has no embedding {representation}. `genreflow extract` makes those that are "
            "missing; see the table `outcomes` for songs that were left out."
        )
    return rows[0]["track_id"] if rows else ""


def embedded_representations(layout: DataLayout) -> dict[str, str]:
    """Return the feature key of each embedding that the store has, by representation."""
    rows = query_rows(
        layout, "select distinct representation, feature_key from song_embeddings order by all"
    )
    return {row["representation"]: row["feature_key"] for row in rows}


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedSong:
    """A song with the means of its embedding: features, then tag logits, in ``values``."""

    track_id: str
    location: str
    genre: str
    artist: str
    title: str
    values: tuple[float, ...]
    artists: tuple[str, ...] = ()


def count_unlabelled(catalog: Catalog, feature_key: str) -> tuple[int, int]:
    """Count the unlabelled songs, and those of them that have an embedding."""
    statement = f"""
        select count(*) as n_songs, count(embedded.track_id) as n_embedded
        from ({UNLABELLED}) as waiting left join (
            select track_id from song_embeddings where feature_key = ?) as embedded using (track_id)
    """
    row = fetch_rows(catalog, statement, [feature_key])[0]
    return row["n_songs"], row["n_embedded"]


def read_waiting(
    catalog: Catalog, feature_key: str, sources: Sequence[str], most_songs: int
) -> list[EmbeddedSong]:
    """Return up to ``most_songs`` unlabelled songs with an embedding, of some sources or of any."""
    statement = f"""
        {_CANDIDATES} and track_id in ({UNLABELLED}) and (len($2::varchar[]) = 0 or track_id in (
            select track_id from outcomes where source in (select unnest($2::varchar[]))))
        order by md5(track_id) limit $3
    """
    return _read(catalog, statement, [feature_key, list(sources), most_songs])


def read_learned(
    catalog: Catalog, feature_key: str, genres: Sequence[str], most_songs: int
) -> list[EmbeddedSong]:
    """Return up to ``most_songs`` training songs of some genres, or of all, with an embedding."""
    statement = f"""
        {_CANDIDATES} and {IS_CANDIDATE}
            and (len($2::varchar[]) = 0 or genre in (select unnest($2::varchar[])))
            and track_id not in (select track_id from assignments where split <> 'train')
        order by md5(track_id) limit $3
    """
    return _read(catalog, statement, [feature_key, list(genres), most_songs])


def _read(catalog: Catalog, statement: str, parameters: Sequence[Any]) -> list[EmbeddedSong]:
    found, artists = (
        fetch_records(catalog, EmbeddedSong, statement, parameters),
        read_artists(catalog),
    )
    return [
        replace(song, values=tuple(song.values), artists=artists[song.track_id]) for song in found
    ]
