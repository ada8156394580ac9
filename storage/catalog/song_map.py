"""The map of the songs: where each is, and what the page shows of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from genre_core.examples import Float32Array
from storage.catalog.connection import Catalog, fetch_rows, fetch_values, registered
from storage.catalog.library import LIBRARY
from storage.catalog.query import query_rows
from storage.home import DataLayout

MOST_SONGS = 50_000
"""On the map, so that a browser draws it smoothly; of more, those with the least ids."""

_MAPPABLE = """
    from song_embeddings join tracks using (track_id)
    where feature_key = $1 and track_id not in (select track_id from excluded_tracks)
        and is_builtin <> exists (select 1 from tracks as own where not own.is_builtin)
    order by track_id limit $2
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedSong:
    """A song of the library as the map shows it; ``x`` and ``y`` are None where it has no point.

    ``prediction``, ``confidence`` and ``unknown`` are those of `LibrarySong`.
    """

    track_id: str
    name: str
    label: str
    prediction: str | None
    confidence: float | None
    unknown: bool | None
    is_suspect: bool
    x: float | None
    y: float | None

    @property
    def is_error(self) -> bool:
        """Whether the champion predicts another genre than the label."""
        return bool(self.label and self.prediction and self.prediction != self.label)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MappableSongs:
    """Songs with their mean features, (n_songs, n_features), in the order of their ids."""

    track_ids: list[str]
    features: Float32Array


def mapped_songs(catalog: Catalog, feature_key: str) -> list[str]:
    """Return the songs that are on the map of an embedding."""
    statement = "select track_id from song_map where feature_key = ? order by track_id"
    return fetch_values(catalog, statement, [feature_key])


def mappable_songs(catalog: Catalog, feature_key: str) -> list[str]:
    """Return the songs that should be: no duplicates; built-in music where there is no other."""
    return fetch_values(catalog, f"select track_id {_MAPPABLE}", [feature_key, MOST_SONGS])


def read_mappable(catalog: Catalog, feature_key: str) -> MappableSongs:
    """Read the same with their features."""
    statement = f"select track_id, embedding {_MAPPABLE}"
    found = catalog.execute(statement, [feature_key, MOST_SONGS]).fetchnumpy()
    values = list(found["embedding"])
    features = np.stack(values) if values else np.empty((0, 0))
    return MappableSongs(track_ids=found["track_id"].tolist(), features=features.astype(np.float32))


def read_landmarks(catalog: Catalog, feature_key: str) -> dict[str, tuple[float, float]]:
    """Return the points of the songs that were laid out together."""
    statement = "select track_id, x, y from song_map where feature_key = ? and is_landmark"
    rows = fetch_rows(catalog, statement, [feature_key])
    return {row["track_id"]: (row["x"], row["y"]) for row in rows}


def record_map(catalog: Catalog, feature_key: str, columns: Mapping[str, Any]) -> None:
    """Replace the map by ``columns``: track_id, x, y, is_landmark."""
    catalog.execute("delete from song_map")
    if columns["track_id"]:
        with registered(catalog, "mapped", columns):
            statement = "insert into song_map by name select *, $1 as feature_key from mapped"
            catalog.execute(statement, [feature_key])


def read_map(layout: DataLayout) -> list[MappedSong]:
    """Return the songs of the library by label and name, with their points."""
    statement = f"""
        select track_id, case when title = '' then regexp_extract(source, '[^/]*$')
                when artist = '' then title else concat(artist, ' – ', title) end as name,
            label, prediction, confidence, "unknown",
            track_id in (select track_id from suspects) as is_suspect, x, y
        from ({LIBRARY}) left join song_map using (track_id)
        order by label, lower(name), track_id
    """
    return [MappedSong(**row) for row in query_rows(layout, statement)]
