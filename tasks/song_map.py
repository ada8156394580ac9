"""The map: a point for each song with an embedding, near the songs that it sounds like."""

from collections.abc import Sequence
from dataclasses import dataclass

from genre_core.dataset.song_map import map_songs
from genre_core.records import counted
from genre_core.representations.features import FeatureConfig
from storage.catalog.connection import open_catalog
from storage.catalog.song_map import (
    mappable_songs,
    mapped_songs,
    read_landmarks,
    read_mappable,
    record_map,
)
from storage.home import DataLayout
from tasks.orchestrator import task
from tasks.spectrograms import key_features


@dataclass(frozen=True, slots=True, kw_only=True)
class MapReport:
    """How many songs the map has; ``feature_key`` is empty without an embedding."""

    feature_key: str
    n_songs: int = 0

    @property
    def sentence(self) -> str:
        """What the map has, for people."""
        if not self.feature_key:
            return "No map: there is no embedding among the representations."
        return f"The map has {counted(self.n_songs, 'song')}."


@task
def draw_map(layout: DataLayout, features: Sequence[FeatureConfig]) -> MapReport:
    """Bring the map up to date, on the first embedding; nothing is computed if no song is new.

    The home must be held.
    """
    embedded = [one for one in features if one.embedding is not None]
    key = next(iter(key_features(embedded)), "")
    if not key:
        return MapReport(feature_key="")
    with open_catalog(layout) as catalog:
        if mapped_songs(catalog, key) == (wanted := mappable_songs(catalog, key)):
            return MapReport(feature_key=key, n_songs=len(wanted))
        songs, former = read_mappable(catalog, key), read_landmarks(catalog, key)
    points, is_landmark = map_songs(songs.track_ids, songs.features, former)
    columns = {
        "track_id": songs.track_ids,
        "x": points[:, 0],
        "y": points[:, 1],
        "is_landmark": is_landmark,
    }
    with open_catalog(layout) as catalog:
        record_map(catalog, key, columns)
    return MapReport(feature_key=key, n_songs=len(songs.track_ids))
