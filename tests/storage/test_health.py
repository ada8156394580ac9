"""The doctor: what is well, what is not, and what to do."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from genre_core.records import Outcome, Result, Stage, Track
from genre_core.representations.features import FeatureConfig
from storage.catalog.extraction import record_extraction, record_features
from storage.catalog.publish import publish
from storage.catalog.songs import record_songs
from storage.home import DataLayout
from storage.maintenance import health
from storage.maintenance.health import Finding, examine
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
    assert found["store"].message == "spectrograms.duckdb answers; it knows 1 songs"
    assert found["shards"].message == "1 shards stand where the catalog says"
    assert found["songs"].message == "1 songs stand where the catalog says"


def test_a_shard_that_is_gone_is_found(filled: DataLayout) -> None:
    shutil.rmtree(filled.shards)

    finding = findings(filled)["shards"]

    assert not finding.ok
    assert finding.message.startswith("1 of 1 shards are gone, among them key/")


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
    assert "The store cannot answer" in found["store"].message
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
    monkeypatch.setattr(health, "LEAST_FREE_BYTES", 2**80)

    finding = findings(layout)["place"]

    assert not finding.ok
    assert "GiB left; free" in finding.message


def test_a_finding_is_a_row_of_a_table() -> None:
    finding = Finding(name="place", ok=True, message="fine")

    assert finding.as_row() == {"name": "place", "ok": True, "message": "fine"}


def test_a_home_that_has_moved_is_told_to_be_published_again(
    filled: DataLayout, tmp_path: Path
) -> None:
    moved = DataLayout(tmp_path / "elsewhere")
    shutil.copytree(filled.home, moved.home)

    finding = findings(moved)["store"]

    assert not finding.ok
    assert "Run `genreflow extract` once" in finding.message
