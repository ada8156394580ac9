"""Similar songs: the nearest by the cosine of mean embeddings, asked of the published store."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

from genre_core.errors import UsageError
from storage.catalog.published import query_rows
from storage.layout import DataLayout

FEWEST_DIGITS = 8


class Among(StrEnum):
    """The songs that similar ones are looked for among."""

    LIBRARY = "library"
    LABELLED = "labelled"
    UNLABELLED = "unlabelled"


def nearest_songs(
    layout: DataLayout,
    representation: str,
    track_id: str,
    embedding: Sequence[float] | None = None,
    among: Among = Among.LIBRARY,
    n_songs: int = 10,
) -> list[dict[str, Any]]:
    """Return the songs nearest to one, the nearest first.

    Parameters
    ----------
    representation : str
        An embedding that the store has (`embedded_representations`).
    track_id : str
        The song itself, which is not among the answers.
    embedding : sequence of float, optional
        Its mean features; those of the store where it is a song of the store.
    among : Among
    n_songs : int

    Returns
    -------
    list of dict
        ``track_id``, ``genre``, ``artist``, ``title``, ``source`` and ``cosine``. Copies of a
        recording that another one stands for are left out, and so are the songs of the built-in
        library as soon as the store has other music.
    """
    wanted = None if embedding is None else list(embedding)
    parameters = [representation, track_id, wanted, str(among), n_songs]
    return query_rows(layout, _NEAREST, parameters)


def find_embedded(layout: DataLayout, song: str, representation: str) -> str:
    """Return the track that a source or the beginning of a track id leads to; empty if none does.

    Raises
    ------
    UsageError
        If several tracks begin so, or the track has no embedding of the representation.
    """
    names = [song, str(Path(song).absolute())]
    rows = query_rows(layout, _FIND, [*names, FEWEST_DIGITS, representation])
    if len(rows) > 1:
        raise UsageError(f"{len(rows)} tracks begin with {song}. Give more digits of the id.")
    if rows and not rows[0]["is_embedded"]:
        raise UsageError(
            f"{song} has no embedding {representation}. `genreflow extract` makes those that are "
            "missing; the table `outcomes` tells why a song was left out."
        )
    return rows[0]["track_id"] if rows else ""


def embedded_representations(layout: DataLayout) -> dict[str, str]:
    """Return the feature key of each embedding that the store has, by representation."""
    rows = query_rows(
        layout, "select distinct representation, feature_key from song_embeddings order by all"
    )
    return {row["representation"]: row["feature_key"] for row in rows}


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
