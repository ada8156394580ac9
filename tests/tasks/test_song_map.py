"""Drawing the map from a catalog: once, again when a song is new, not without an embedding."""

from pathlib import Path

import pytest

from genre_core.records import Track
from genre_core.representations.embeddings import Embedding
from genre_core.representations.features import FeatureConfig, embedding_features, feature_key
from storage.audio.decode import DECODER_VERSION
from storage.catalog.publish import publish
from storage.catalog.query import query_rows
from storage.home import DataLayout
from tasks.song_map import draw_map
from tests.storage.catalog.conftest import Store

MADE = Embedding(
    name="made",
    digest="d",
    sample_rate=16_000,
    window_s=3.0,
    hop_s=3.0,
    n_features=2,
    tags=("made: loud",),
)
FEATURES = embedding_features(MADE, 6)
KEY = feature_key(FEATURES, DECODER_VERSION)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(DataLayout(tmp_path), tmp_path)


def _points(store: Store) -> dict[str, tuple[float, float]]:
    publish(store.layout)
    rows = query_rows(store.layout, "select track_id, x, y from song_map")
    return {row["track_id"]: (row["x"], row["y"]) for row in rows}


def _songs(store: Store, n_songs: int) -> list[Track]:
    tracks = [store.track(f"song {n}", "jazz" if n % 2 else "rock") for n in range(n_songs)]
    store.add_songs(*tracks)
    store.embed({track: (1.0, n) for n, track in enumerate(tracks)}, KEY)
    return tracks


def test_every_song_with_an_embedding_has_a_point(store: Store) -> None:
    tracks = _songs(store, 12)
    store.add_songs(store.track("not extracted yet"))

    report = draw_map.fn(store.layout, [FeatureConfig(), FEATURES])

    assert report.sentence == "The map has 12 songs."
    assert _points(store).keys() == {track.track_id for track in tracks}


def test_a_new_song_gets_a_point_and_the_others_keep_theirs(store: Store) -> None:
    tracks = _songs(store, 12)
    draw_map.fn(store.layout, [FEATURES])
    before = _points(store)
    new = store.track("new")
    store.add_songs(new)
    store.embed({new: (1.0, 11.0)}, KEY)

    draw_map.fn(store.layout, [FEATURES])

    after = _points(store)
    assert after.keys() - before.keys() == {new.track_id}
    assert {track.track_id: after[track.track_id] for track in tracks} == before


def test_without_an_embedding_there_is_no_map_and_a_sentence(store: Store) -> None:
    _songs(store, 2)

    report = draw_map.fn(store.layout, [FeatureConfig()])

    assert "No map" in report.sentence
    assert _points(store) == {}
