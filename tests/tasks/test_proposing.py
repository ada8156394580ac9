"""Which unlabelled songs of a store should be labelled next, read from its catalog."""

from pathlib import Path

import numpy as np
import pytest

from genre_core.errors import UsageError
from genre_core.records import Split, Track
from genre_core.representations.embeddings import Embedding
from genre_core.representations.features import FeatureConfig, embedding_features, feature_key
from storage.audio.decode import DECODER_VERSION
from storage.catalog.extraction import SongEmbedding, record_extraction
from storage.home import DataLayout
from tasks.studies.propose import propose
from tests.catalogs import in_catalog
from tests.storage.catalog.conftest import Store

FEATURES = embedding_features(
    Embedding(
        name="made",
        digest="d",
        sample_rate=16_000,
        window_s=1.0,
        hop_s=1.0,
        n_features=2,
        tags=("M: jazz", "M: rock"),
    ),
    1,
)
KEY = feature_key(FEATURES, DECODER_VERSION)
JAZZ, ROCK = (0.0, 0.0), (10.0, 0.0)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(DataLayout(tmp_path), tmp_path)


def embed(store: Store, track: Track, features: tuple[float, float]) -> Track:
    """Put a song with its embedding into the store; its tags say that left is jazz."""
    store.add_songs(track)
    logits = (5.0 - features[0], features[0] - 5.0)
    row = SongEmbedding(
        track_id=track.track_id, feature_key=KEY, embedding=features, tag_logits=logits
    )
    in_catalog(
        store.layout, record_extraction, [store.shard(KEY, track, config=FEATURES)], [], [], [row]
    )
    return track


def add_labelled(store: Store) -> None:
    for number in range(3):
        embed(store, store.track(f"jazz {number}", "jazz", f"A{number}"), JAZZ)
        embed(store, store.track(f"rock {number}", "rock", f"B{number}"), ROCK)


def test_a_song_far_from_all_labelled_ones_comes_before_one_beside_them(store: Store) -> None:
    add_labelled(store)
    near = embed(store, store.track("near", ""), (10.0, 0.1))
    far = embed(store, store.track("far", "", "Ada"), (5.0, 10.0))

    proposed = propose(store.layout, FEATURES, (), {}, 5)

    assert [song.track_id for song in proposed.songs] == [far.track_id, near.track_id]
    assert proposed.songs[0].why == "unlike the labelled songs, uncertain"
    assert proposed.songs[0].artist == "Ada"
    assert proposed.songs[1].predicted == "rock"
    assert 0.5 < proposed.songs[1].confidence <= 1
    assert (proposed.n_unlabelled, proposed.n_embedded, proposed.n_learned) == (2, 2, 6)


def test_without_two_genres_songs_are_spread_and_nothing_is_predicted(store: Store) -> None:
    for number, place in enumerate((0.0, 1.0, 2.0, 30.0)):
        embed(store, store.track(f"song {number}", ""), (place, 0.0))

    proposed = propose(store.layout, FEATURES, (), {}, 2)

    assert {song.predicted for song in proposed.songs} == {""}
    assert all(np.isnan(song.confidence) for song in proposed.songs)
    assert store.track("song 3", "").location in {song.song for song in proposed.songs}


def test_songs_of_validation_test_and_golden_subsets_choose_nothing(store: Store) -> None:
    add_labelled(store)
    for split in (Split.VALIDATION, Split.TEST, Split.GOLDEN):
        held = embed(store, store.track(f"jazz of {split}", "jazz"), (5.0, 10.0))
        store.assign(held, split=split)
    near = embed(store, store.track("near", ""), (10.0, 0.1))
    far = embed(store, store.track("far", ""), (5.0, 10.0))

    proposed = propose(store.layout, FEATURES, (), {}, 5)

    assert [song.track_id for song in proposed.songs] == [far.track_id, near.track_id]
    assert proposed.n_learned == 6


def test_only_songs_of_the_named_sources_that_have_an_embedding_are_proposed(store: Store) -> None:
    store.add_songs(store.track("not extracted", ""))
    one = embed(store, store.track("one", ""), JAZZ)
    embed(store, store.track("other", ""), ROCK)

    proposed = propose(store.layout, FEATURES, (), {}, 5, [one.location])

    assert [song.track_id for song in proposed.songs] == [one.track_id]
    assert (proposed.n_unlabelled, proposed.n_embedded) == (3, 2)


def test_spectrograms_cannot_propose(store: Store) -> None:
    with pytest.raises(UsageError, match="thesis is no embedding"):
        propose(store.layout, FeatureConfig(), (), {}, 5)
