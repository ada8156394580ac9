"""The golden songs, put aside once: frozen versions that never change."""

from __future__ import annotations  # DuckDB's types, kept alive, are told as leaks at exit

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.catalog.connection import fetch_rows, insert_rows, open_catalog
from storage.catalog.snapshots import IN_LIBRARY
from storage.layout import DataLayout

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

FEWEST_SONGS = 2
"""So many golden songs every genre needs before the first version is frozen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """A frozen version: the genre of each of its songs, by track id."""

    version: int
    genre_of_track: Mapping[str, str]

    @property
    def name(self) -> str:
        """What promotions say that they were judged on."""
        return f"golden {self.version}"

    @property
    def n_songs(self) -> dict[str, int]:
        """The number of songs of each genre."""
        return dict(sorted(Counter(self.genre_of_track.values()).items()))


def read_golden(layout: DataLayout) -> Golden | None:
    """Give the newest frozen version; none before the first."""
    versions = read_golden_versions(layout)
    return versions[-1] if versions else None


def read_golden_versions(layout: DataLayout) -> list[Golden]:
    """Give all frozen versions, the first one first."""
    with open_catalog(layout) as catalog:
        return _versions(catalog)


def read_waiting(layout: DataLayout) -> Golden:
    """Give the songs that stand in golden places now, as the version that they would become."""
    with open_catalog(layout) as catalog:
        return _waiting(catalog)


def read_split_by_song(layout: DataLayout) -> dict[str, int]:
    """Count the songs in golden places that do not stand there with all songs of their artist."""
    statement = """
        select genre, count(*) as n from assignments
        where split = 'golden' and split_level = 'song' group by genre order by genre
    """
    with open_catalog(layout) as catalog:
        return {row["genre"]: row["n"] for row in fetch_rows(catalog, statement)}


def freeze_golden(layout: DataLayout) -> Golden | None:
    """Freeze the first version, once every genre has two golden songs; give the newest one."""
    with open_catalog(layout) as catalog:
        versions, waiting = _versions(catalog), _waiting(catalog)
        genres = {row["genre"] for row in fetch_rows(catalog, _GENRES)}
        enough = all(waiting.n_songs.get(genre, 0) >= FEWEST_SONGS for genre in genres)
        if versions or not genres or not enough:
            return versions[-1] if versions else None
        return _freeze(catalog, waiting)


def renew_golden(layout: DataLayout) -> Golden | None:
    """Freeze what stands in golden places now as the next version; none if nothing differs."""
    with open_catalog(layout) as catalog:
        versions, waiting = _versions(catalog), _waiting(catalog)
        known = versions[-1].genre_of_track if versions else {}
        if waiting.genre_of_track == known:
            return None
        return _freeze(catalog, waiting)


def _freeze(catalog: DuckDBPyConnection, golden: Golden) -> Golden:
    rows = [
        {"version": golden.version, "track_id": track_id, "genre": genre}
        for track_id, genre in golden.genre_of_track.items()
    ]
    insert_rows(catalog, "golden_songs", rows)
    return golden


def _versions(catalog: DuckDBPyConnection) -> list[Golden]:
    statement = "select version, track_id, genre from golden_songs order by version, track_id"
    found: dict[int, dict[str, str]] = {}
    for row in fetch_rows(catalog, statement):
        found.setdefault(row["version"], {})[row["track_id"]] = row["genre"]
    return [Golden(version=version, genre_of_track=songs) for version, songs in found.items()]


def _waiting(catalog: DuckDBPyConnection) -> Golden:
    statement = "select coalesce(max(version), 0)::integer + 1 as version from golden_songs"
    songs = {row["track_id"]: row["genre"] for row in fetch_rows(catalog, _STANDING)}
    version = fetch_rows(catalog, statement)[0]["version"]
    return Golden(version=version, genre_of_track=songs)


_GENRES = f"""
    select distinct tracks.genre from assignments join tracks using (track_id)
    where track_id not in (select track_id from aside) and {IN_LIBRARY}
"""

_STANDING = f"""
    select track_id, tracks.genre from assignments join tracks using (track_id)
    where split = 'golden' and track_id not in (select track_id from aside)
        and location not in (
            select source from outcomes where reason in ('label_unknown', 'label_conflict'))
        and {IN_LIBRARY}
    order by track_id
"""
