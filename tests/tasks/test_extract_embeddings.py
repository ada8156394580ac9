"""Embeddings in extract: windows of any song, means by song, and names of tags."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from flows.settings import Settings
from genre_core.examples import Float32Array
from genre_core.records import Source
from storage.catalog.connection import fetch_rows, open_catalog
from storage.catalog.publish import publish
from storage.catalog.query import query_rows
from storage.embeddings.registry import load_transform
from storage.sources.identity import identify
from tasks.predict import song_matrices
from tasks.splits import usable_features
from tests.conftest import hum, write_song
from tests.tasks.conftest import Store


@pytest.fixture
def config(config: Settings) -> Settings:
    """Windows of an embedding, and spectrograms that need songs of 4 s."""
    return replace(
        config,
        representations=("musicnn", "thesis"),
        networks=("head", "dense"),
        fragment_lengths_s=(1.0,),
    )


def source(path: Path) -> Source:
    return identify(Source(location=str(path), genre="hums"))


def silence(_rng: np.random.Generator, time_s: Float32Array) -> Float32Array:
    return np.zeros_like(time_s)


def test_a_song_too_short_for_spectrograms_is_embedded_and_ok(
    config: Settings, store_songs: Store, tmp_path: Path
) -> None:
    song = write_song(tmp_path / "short.wav", hum, seed=1, duration_s=3.5)

    store_songs([source(song)])

    with open_catalog(config.layout) as catalog:
        (outcome,) = fetch_rows(catalog, "select outcome, reason from outcomes")
        (rejected,) = fetch_rows(
            catalog,
            "select representation, reason from rejected join features using (feature_key)",
        )
    assert outcome == {"outcome": "ok", "reason": ""}
    assert rejected == {"representation": "thesis", "reason": "too_short"}


def test_windows_are_spread_from_the_first_second_to_the_last(
    config: Settings, store_songs: Store, tmp_path: Path
) -> None:
    """Of 20 s, 3.1 are a window, and a quarter of the rest is the margin on each side."""
    store_songs([source(write_song(tmp_path / "long.wav", hum, seed=2, duration_s=20.0))])
    publish(config.layout)

    rows = query_rows(
        config.layout,
        "select start_s from spectrograms where representation = 'musicnn' order by fragment",
    )

    expected = np.linspace(16.9 / 4, 16.9 * 3 / 4, 6)
    np.testing.assert_allclose([row["start_s"] for row in rows], expected, atol=0.01)


def test_the_embedding_of_a_song_is_the_mean_of_its_windows(
    config: Settings, store_songs: Store, tmp_path: Path
) -> None:
    song = write_song(tmp_path / "song.wav", hum, seed=3, duration_s=12.0)
    store_songs([source(song)])
    features = config.features[0]

    _, windows = song_matrices(str(song), features, transform=load_transform(features, {}))

    with open_catalog(config.layout) as catalog:
        (row,) = fetch_rows(catalog, "select embedding, tag_logits from song_embeddings")
    means = windows[:, :, 0].mean(axis=0)
    np.testing.assert_allclose(row["embedding"], means[:400], atol=1e-4)
    np.testing.assert_allclose(row["tag_logits"], means[400:], atol=1e-4)


def test_a_song_of_silent_samples_has_no_embedding(
    config: Settings, store_songs: Store, tmp_path: Path
) -> None:
    store_songs([source(write_song(tmp_path / "silent.wav", silence, seed=6, duration_s=5.0))])

    with open_catalog(config.layout) as catalog:
        embedded = fetch_rows(catalog, "select track_id from song_embeddings")
        rejected = fetch_rows(
            catalog,
            "select representation, reason from rejected join features using (feature_key)"
            " order by representation",
        )
    assert embedded == []
    assert [(row["representation"], row["reason"]) for row in rejected] == [
        ("musicnn", "silent"),
        ("thesis", "silent"),
    ]


def test_every_tag_has_a_name_and_a_place_among_the_values(
    config: Settings, store_songs: Store, tmp_path: Path
) -> None:
    store_songs([source(write_song(tmp_path / "song.wav", hum, seed=4, duration_s=5.0))])
    publish(config.layout)

    rows = query_rows(config.layout, "select position, model, tag from tag_names order by position")

    assert [row["position"] for row in rows] == list(range(401, 501))
    assert (rows[0]["model"], rows[0]["tag"]) == ("MTT", "guitar")
    assert (rows[83]["model"], rows[83]["tag"]) == ("MSD", "Hip-Hop")


def test_spectrograms_that_few_songs_are_long_enough_for_are_left_out_of_a_comparison(
    config: Settings, store_songs: Store, tmp_path: Path
) -> None:
    lengths_s = (3.5, 3.6, 5.0)
    songs = [write_song(tmp_path / f"{s}.wav", hum, seed=5, duration_s=s) for s in lengths_s]
    store_songs([source(song) for song in songs])

    usable = usable_features(config.layout, config.features, ())

    assert [one.representation for one in usable] == ["musicnn"]
