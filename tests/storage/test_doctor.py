"""The checks of `genreflow doctor`."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from genre_core.records import Outcome, Result, Stage, Track
from genre_core.representations.features import FeatureConfig
from storage.catalog.connection import open_catalog
from storage.catalog.extraction import record_extraction, record_features
from storage.catalog.publish import publish
from storage.catalog.songs import record_songs
from storage.embeddings import weights
from storage.embeddings.config import EmbeddingConfig
from storage.home import DataLayout
from storage.maintenance import doctor
from storage.maintenance.doctor import Finding, examine
from storage.models.champion import CHAMPION, REGISTERED
from storage.models.store import open_tracking
from storage.shards import TrackMatrices, write_shard
from tests.catalogs import in_catalog

SONG = Track(
    track_id="3f9a0c1d2e4b5a69",
    location="/music/jazz/blue.mp3",
    genre="jazz",
    artist="",
    album="",
    title="",
    licence="",
    duration_s=180.0,
    sample_rate=44_100,
    channels=2,
    codec="mp3",
    suffix=".mp3",
)


@pytest.fixture
def layout(tmp_path: Path) -> DataLayout:
    return DataLayout(tmp_path / "data")


@pytest.fixture
def filled(layout: DataLayout) -> DataLayout:
    """A published store with one song and its shard."""
    song = layout.song(SONG.track_id, SONG.suffix)
    song.parent.mkdir(parents=True)
    song.write_bytes(b"a song")
    found = Outcome(
        location=SONG.location,
        genre="jazz",
        result=Result.OK,
        stage=Stage.DOWNLOAD,
        track_id=SONG.track_id,
    )
    features = FeatureConfig(fragment_s=1.0)
    rows = TrackMatrices(
        track_id=SONG.track_id,
        genre="jazz",
        starts_s=(30.0,),
        matrices=np.ones((1, 12, 9), np.float32),
    )
    in_catalog(layout, record_songs, [SONG], [found])
    in_catalog(layout, record_features, {"key": features})
    in_catalog(layout, record_extraction, [write_shard(layout, "key", features, [rows])], [])
    publish(layout)
    return layout


def findings(layout: DataLayout) -> dict[str, Finding]:
    return {finding.name: finding for finding in examine(layout)}


def test_all_is_well_before_the_first_run(layout: DataLayout) -> None:
    found = findings(layout)

    assert [name for name, finding in found.items() if not finding.ok] == []
    assert found["store"].message == "no store yet; `genreflow run` makes one"


def test_all_is_well_in_a_filled_store(filled: DataLayout) -> None:
    found = findings(filled)

    assert [name for name, finding in found.items() if not finding.ok] == []
    assert found["store"].message == "spectrograms.duckdb can be read; it has 1 songs"
    assert found["shards"].message == "all 1 shards are there"
    assert found["songs"].message == "all 1 songs are there"


def test_a_shard_that_is_gone_is_found(filled: DataLayout) -> None:
    shutil.rmtree(filled.shards)

    finding = findings(filled)["shards"]

    assert not finding.ok
    assert finding.message.startswith("1 of 1 shards are missing, among them key/")


def test_a_song_that_is_gone_is_found(filled: DataLayout) -> None:
    shutil.rmtree(filled.songs)

    finding = findings(filled)["songs"]

    assert not finding.ok
    assert "among them 3f9a0c1d2e4b." in finding.message


def test_a_store_that_cannot_be_read_is_found_and_the_rest_is_still_examined(
    filled: DataLayout,
) -> None:
    filled.published.write_bytes(b"no database" * 1_000)

    found = findings(filled)

    assert not found["store"].ok
    assert "The query failed" in found["store"].message
    assert found["place"].ok


def test_a_home_that_is_a_file_is_found(tmp_path: Path) -> None:
    home = tmp_path / "data"
    home.write_text("not a folder")

    finding = findings(DataLayout(home))["place"]

    assert not finding.ok
    assert str(home) in finding.message


def test_a_disk_that_is_nearly_full_is_found(
    layout: DataLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "MIN_FREE_BYTES", 2**80)

    finding = findings(layout)["place"]

    assert not finding.ok
    assert "GiB left; free" in finding.message


def promote(layout: DataLayout, version: int, aliased: int) -> None:
    """Record a promotion in the catalog, and let MLflow's alias name a version."""
    statement = """
        insert into promotions (version, run_id, snapshot_id, validation_macro_f1, reason)
        values (?, 'run', 'snapshot', 0.5, 'better')
    """
    with open_catalog(layout) as catalog:
        catalog.execute(statement, [version])
    publish(layout)
    tracking = open_tracking(layout)
    tracking.client.create_registered_model(REGISTERED)
    for _ in range(aliased):
        tracking.client.create_model_version(REGISTERED, "file:///model", "0" * 32)
    tracking.client.set_registered_model_alias(REGISTERED, CHAMPION, str(aliased))


@pytest.mark.parametrize(("aliased", "is_ok"), [(1, True), (2, False)])
def test_an_alias_that_was_moved_away_from_the_promotions_is_found(
    filled: DataLayout, aliased: int, is_ok: bool
) -> None:
    promote(filled, version=1, aliased=aliased)

    finding = findings(filled)["runs"]

    assert finding.ok == is_ok
    assert ("Run `genreflow promote` to put the alias back" in finding.message) != is_ok


def test_missing_and_damaged_weights_of_an_embedding_are_found(
    layout: DataLayout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def finding() -> Finding:
        return examine(layout, ["musicnn"])[-1]

    not_converted = finding()
    file = weights.cache_folder() / "embeddings" / f"{_stem('musicnn')}.tflite"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"damaged")
    weights.write_note(f"embeddings/{file.stem}", {"sha256": "0" * 64})
    damaged = finding()
    file.unlink()
    monkeypatch.setattr(weights, "find_spec", lambda _name: None)
    missing = finding()

    assert (not_converted.ok, damaged.ok, missing.ok) == (True, False, False)
    assert damaged.message.startswith(f"{file} is damaged")


def test_an_embedding_of_the_user_without_its_file_is_found(layout: DataLayout) -> None:
    own = EmbeddingConfig(file=Path("gone.tflite"), sample_rate=16_000, window_s=1, licence="MIT")

    finding = examine(layout, ["mine"], {"mine": own})[-1]

    assert (finding.name, finding.ok) == ("embedding mine", False)


def _stem(name: str) -> str:
    return f"{name}-{weights.builtin_embedding(name).digest[:16]}"


def test_a_home_that_has_moved_is_told_to_be_published_again(
    filled: DataLayout, tmp_path: Path
) -> None:
    moved = DataLayout(tmp_path / "elsewhere")
    shutil.copytree(filled.home, moved.home)

    finding = findings(moved)["store"]

    assert not finding.ok
    assert "Run `genreflow extract` once" in finding.message
