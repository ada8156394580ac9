"""Songs with an embedding: those that wait for a label, and those that are learned from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from storage.catalog.connection import fetch_rows, open_catalog
from storage.catalog.snapshots import IS_CANDIDATE
from storage.catalog.unlabelled import UNLABELLED
from storage.layout import DataLayout


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedSong:
    """A song with the means of its embedding: features, then tag logits, in ``values``."""

    track_id: str
    location: str
    genre: str
    artist: str
    title: str
    values: tuple[float, ...]


def count_unlabelled(layout: DataLayout, feature_key: str) -> tuple[int, int]:
    """Count the unlabelled songs, and those of them that have an embedding."""
    statement = f"""
        select count(*) as n_songs, count(embedded.track_id) as n_embedded
        from ({UNLABELLED}) as waiting left join (
            select track_id from song_embeddings where feature_key = ?) as embedded using (track_id)
    """
    with open_catalog(layout) as catalog:
        row = fetch_rows(catalog, statement, [feature_key])[0]
    return row["n_songs"], row["n_embedded"]


def read_waiting(
    layout: DataLayout, feature_key: str, sources: Sequence[str], most_songs: int
) -> list[EmbeddedSong]:
    """Return unlabelled songs with an embedding.

    Parameters
    ----------
    sources : sequence of str
        The locations that songs may come from; empty: any.
    most_songs : int
        So many at most, spread by the digest of their ids.
    """
    statement = f"""
        {_SONGS} and track_id in ({UNLABELLED}) and (len($2::varchar[]) = 0 or track_id in (
            select track_id from outcomes where source in (select unnest($2::varchar[]))))
        order by md5(track_id) limit $3
    """
    return _read(layout, statement, [feature_key, list(sources), most_songs])


def read_learned(
    layout: DataLayout, feature_key: str, genres: Sequence[str], most_songs: int
) -> list[EmbeddedSong]:
    """Return songs that a training may learn from: none of validation, test or golden places.

    Parameters
    ----------
    genres : sequence of str
        Empty: all.
    most_songs : int
        So many at most, spread by the digest of their ids.
    """
    statement = f"""
        {_SONGS} and {IS_CANDIDATE}
            and (len($2::varchar[]) = 0 or genre in (select unnest($2::varchar[])))
            and track_id not in (select track_id from assignments where split <> 'train')
        order by md5(track_id) limit $3
    """
    return _read(layout, statement, [feature_key, list(genres), most_songs])


_SONGS = """
    select track_id, location, genre, artist, title, embedding || tag_logits as "values"
    from song_embeddings join tracks using (track_id) where feature_key = $1
"""


def _read(layout: DataLayout, statement: str, parameters: Sequence[Any]) -> list[EmbeddedSong]:
    with open_catalog(layout) as catalog:
        rows = fetch_rows(catalog, statement, parameters)
    return [EmbeddedSong(**{**row, "values": tuple(row["values"])}) for row in rows]
