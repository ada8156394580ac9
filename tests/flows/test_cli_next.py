"""Command next: a batch of songs to label, and the commands that do it."""

import json
from pathlib import Path

import numpy as np
import pytest

from flows.settings import read_settings
from genre_core.representations.features import feature_key
from storage.audio.decode import DECODER_VERSION
from storage.catalog.extraction import SongEmbedding, record_extraction
from storage.home import DataLayout
from tests.catalogs import in_catalog
from tests.flows.conftest import Call
from tests.storage.catalog.conftest import Store

USAGE = 2


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Two songs of jazz, two of rock and three unlabelled ones, far apart by genre."""
    made = Store(DataLayout(tmp_path / "home"), tmp_path)
    config = read_settings(home=tmp_path / "home").features[0]
    assert config.embedding
    key, rng = feature_key(config, DECODER_VERSION), np.random.default_rng(0)
    for genre, names in {"jazz": "ab", "rock": "cd", "": "xyz"}.items():
        for name in names:
            track = made.track(name, genre, artist=f"artist {name}")
            made.add_songs(track)
            values = rng.normal(5 * (genre == "jazz"), 1, config.embedding.n_values)
            n = config.embedding.n_features
            row = SongEmbedding(
                track_id=track.track_id,
                feature_key=key,
                embedding=tuple(values[:n]),
                tag_logits=tuple(values[n:]),
            )
            in_catalog(
                made.layout,
                record_extraction,
                [made.shard(key, track, config=config)],
                [],
                [],
                [row],
            )
    return made


def test_songs_are_proposed_with_their_prediction_the_reason_and_the_command(
    genreflow: Call, store: Store
) -> None:
    result = genreflow("next", "--n", "2")

    assert result.code == 0
    commands = [line for line in result.out.splitlines() if line.startswith("genreflow decide ")]
    ids = {store.track(name, "").track_id[:12] for name in "xyz"}
    assert len(commands) == 2
    assert {line.split()[2] for line in commands} <= ids
    assert {line.split()[3] for line in commands} == {"rock"}
    assert "unlike the labelled songs" in result.out


def test_proposals_are_one_json_document(genreflow: Call, store: Store) -> None:
    document = json.loads(genreflow("next", "--json").out)

    assert {song["song"] for song in document["songs"]} == {f"/music//{n}.mp3" for n in "xyz"}
    assert set(document["songs"][0]) >= {"track_id", "predicted", "confidence", "why", "artist"}
    assert (document["n_unlabelled"], document["n_learned"]) == (3, 4)


def test_music_that_is_not_in_the_store_is_named_with_the_command_that_takes_it_in(
    genreflow: Call, store: Store, tmp_path: Path
) -> None:
    (tmp_path / "new songs").mkdir()
    (tmp_path / "new songs" / "a.mp3").touch()

    result = genreflow("next", tmp_path / "new songs")

    assert f"genreflow ingest '{tmp_path}/new songs' --unlabelled" in result.out
    assert "decide" not in result.out


def test_without_a_store_or_an_embedding_the_command_says_what_to_do(
    genreflow: Call, tmp_path: Path
) -> None:
    empty = genreflow("next")
    Store(DataLayout(tmp_path / "home"), tmp_path).add_songs()
    (tmp_path / "genreflow.toml").write_text('representations = ["thesis"]\n', encoding="utf-8")
    thesis = genreflow("next")

    assert (empty.code, thesis.code) == (USAGE, USAGE)
    assert "genreflow ingest FOLDER --unlabelled" in empty.err
    assert "Add one to `representations`" in thesis.err
