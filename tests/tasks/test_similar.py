"""Similar: a song that the library does not have is embedded as extract embeds its songs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from flows.settings import Settings
from genre_core.errors import UsageError
from genre_core.records import Source
from storage.catalog.connection import fetch_rows, open_catalog
from storage.catalog.embeddings import nearest_songs
from storage.catalog.publish import publish
from storage.sources.identity import identify
from tasks.studies.similar import Embedder, embed_song
from tests.conftest import encode, hiss, hum, write_song
from tests.tasks.conftest import Store


@pytest.fixture
def config(config: Settings) -> Settings:
    return replace(config, representations=("musicnn",), networks=("head",), n_windows=2)


@pytest.fixture
def hums(config: Settings, store_songs: Store, tmp_path: Path) -> Path:
    """A store of two songs that hum and one that hisses; the first one's file."""
    songs = [
        write_song(tmp_path / f"{sound.__name__} {seed}.wav", sound, seed=seed, duration_s=4.0)
        for sound, seed in ((hum, 1), (hum, 2), (hiss, 3))
    ]
    store_songs([identify(Source(location=str(song), genre="hums")) for song in songs])
    publish(config.layout)
    return songs[0]


def embedder(config: Settings) -> Embedder:
    (features,) = config.features
    model = config.embedder(features)
    assert model
    return Embedder(features=features, model=model)


def test_another_encoding_of_a_song_is_nearest_to_it(
    config: Settings, hums: Path, tmp_path: Path
) -> None:
    other = encode(hums, tmp_path / "other.mp3", "-b:a", "192k")

    compared = embed_song(config.layout, str(other), embedder(config))

    assert compared.embedding
    with open_catalog(config.layout) as catalog:
        rows = fetch_rows(
            catalog,
            "select location, embedding from song_embeddings join tracks using (track_id)",
        )
    ranked = sorted(
        rows,
        key=lambda row: (
            -float(np.dot(row["embedding"], compared.embedding) / np.linalg.norm(row["embedding"]))
        ),
    )
    found = nearest_songs(config.layout, "musicnn", compared.track_id, compared.embedding)
    assert [row["source"] for row in found] == [row["location"] for row in ranked]
    assert (found[0]["source"], len(found)) == (str(hums), 3)
    assert found[0]["cosine"] > 0.98


def test_a_copy_of_a_file_of_the_store_is_that_song(
    config: Settings, hums: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.wav"
    copy.write_bytes(hums.read_bytes())

    compared = embed_song(config.layout, str(copy), embedder(config))

    found = nearest_songs(config.layout, "musicnn", compared.track_id, compared.embedding)
    assert compared.embedding is None
    assert str(hums) not in {row["source"] for row in found}
    assert len(found) == 2


def test_embeddings_of_other_settings_are_not_compared(config: Settings, tmp_path: Path) -> None:
    with open_catalog(config.layout):
        pass
    publish(config.layout)

    with pytest.raises(UsageError, match="made with other settings"):
        embed_song(config.layout, str(tmp_path / "song.wav"), embedder(config))
