"""Why: the tag that decides for a head that reads one tag, of two data sets."""

from dataclasses import replace
from math import exp
from pathlib import Path

import numpy as np
import pytest

from flows.settings import Settings
from genre_core.records import Source
from genre_core.training.head import Head, Scaler
from storage.catalog.publish import publish
from storage.catalog.song_page import read_usual_tags
from storage.sources.identity import identify
from tasks.predict import Classifier, SongPrediction, StudiedSong
from tasks.studies.why import explain_bands, explain_tags
from tests.conftest import hum, write_song
from tests.tasks.conftest import Store

pytestmark = pytest.mark.keras


@pytest.fixture
def config(config: Settings) -> Settings:
    return replace(config, representations=("musicnn",), networks=("head",), n_windows=2)


def test_the_tag_that_a_head_reads_decides_alone_and_counts_once(
    config: Settings, store_songs: Store, tmp_path: Path
) -> None:
    from genre_core.networks.head import build_head

    song = write_song(tmp_path / "song.wav", hum, seed=1, duration_s=4.0)
    store_songs([identify(Source(location=str(song), genre="hums"))])
    publish(config.layout)
    (features,) = config.features
    embedding = features.embedding
    assert embedding
    first, second = (
        embedding.n_features + embedding.tags.index(tag) for tag in ("MTT: rock", "MSD: rock")
    )
    weights = np.zeros((embedding.n_values, 2), np.float32)
    weights[[first, second], 0] = 0.5
    scaler = Scaler(
        mean=np.zeros(embedding.n_values, np.float32),
        deviation=np.ones(embedding.n_values, np.float32),
    )
    network = build_head(Head(scaler=scaler, weights=weights, bias=np.zeros(2, np.float32)))
    classifier = Classifier(version=1, network=network, genres=("rock", "folk"), features=features)
    usual = np.array(read_usual_tags(config.layout, "musicnn"))
    values = np.zeros(embedding.n_values, np.float32)
    values[embedding.n_features :] = usual
    values[[first, second]] = 2.0
    studied = StudiedSong(
        prediction=SongPrediction(song="song", genre="rock"), matrices=values[np.newaxis, :, None]
    )

    why = explain_tags(config.layout, classifier, studied)

    assert why
    assert [tag.name for tag in why.deciding] == ["rock"]
    replaced = np.clip(usual[[first - embedding.n_features, second - embedding.n_features]], -3, 3)
    loss = 1 / (1 + exp(-2.0)) - 1 / (1 + exp(-0.5 * replaced.sum()))
    assert why.deciding[0].loss == pytest.approx(loss, abs=1e-5)
    assert why.surest[0].name == "rock"
    assert why.surest[0].probability == pytest.approx(1 / (1 + exp(-2.0)), abs=1e-6)
    assert explain_bands(classifier, studied) is None
