"""Decisions: the genre of a recording as a person says, whatever its sources say."""

from __future__ import annotations  # DuckDB's types, kept alive, are told as leaks at exit

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from genre_core.errors import UsageError
from storage.catalog.connection import fetch_rows, insert_rows, open_catalog
from storage.catalog.published import publish
from storage.catalog.recordings import CLAIMS, read_recordings, settle_within
from storage.layout import DataLayout
from storage.lock import hold_home

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

FEWEST_DIGITS = 8


def decide_genre(layout: DataLayout, song: str, genre: str, genres: Collection[str]) -> int:
    """Record the genre of a recording that a person decided on, settle copies by it, publish.

    Parameters
    ----------
    song : str
        A source, or the first digits of a track id, 8 at least.
    genre : str
        One that a song of the store has, or one of ``genres``.

    Returns
    -------
    int
        The number of tracks that the decision is about.

    Raises
    ------
    UsageError
        If the store knows no such song or no such genre.
    TransientError
        If another run is at work in the home.
    """
    if not layout.catalog.exists():
        raise UsageError(f"There is no store in {layout.home} yet. Name the right one with --home.")
    with hold_home(layout):
        n_tracks = _decide(layout, song, genre, genres)
        publish(layout)
    return n_tracks


def _decide(layout: DataLayout, song: str, genre: str, genres: Collection[str]) -> int:
    with open_catalog(layout) as catalog:
        track_id = _find_track(catalog, song)
        rows = fetch_rows(catalog, f"select distinct genre from ({CLAIMS}) where genre <> ''")
        _require_genre(genre, {row["genre"] for row in rows} | set(genres))
        recordings = read_recordings(catalog)
        name = recordings.get(track_id, track_id)
        members = {track_id, *(copy for copy, found in recordings.items() if found == name)}
        decided = [{"track_id": member, "genre": genre} for member in sorted(members)]
        replace = """
            on conflict (track_id) do update set genre = excluded.genre, decided_at = now()
        """
        insert_rows(catalog, "decisions", decided, replace)
        settle_within(catalog)
    return len(members)


def _find_track(catalog: DuckDBPyConnection, song: str) -> str:
    statement = f"""
        select distinct track_id from ({CLAIMS})
        where source in ($1, $2) or (len($1) >= {FEWEST_DIGITS} and starts_with(track_id, $1))
    """
    rows = fetch_rows(catalog, statement, [song, str(Path(song).absolute())])
    if len(rows) == 1:
        return rows[0]["track_id"]
    if rows:
        raise UsageError(f"{len(rows)} tracks begin with {song}. Give more digits of the id.")
    raise UsageError(
        f"The store has no song {song}. Name a source or a track id as `genreflow conflicts` or "
        "`genreflow suspects` shows it."
    )


def _require_genre(genre: str, known: Collection[str]) -> None:
    if genre not in known:
        raise UsageError(
            f"No song of the store and no setting has the genre {genre!r}. Choose among: "
            f"{', '.join(sorted(known))}; or add it to `genres` in genreflow.toml."
        )
