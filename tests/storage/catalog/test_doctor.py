"""The checks of `genreflow doctor`."""

import shutil
import sys
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
import yt_dlp.version

from storage.catalog.publish import publish
from storage.catalog.query import query
from storage.embeddings import weights
from storage.embeddings.config import EmbeddingConfig
from storage.fetch.sites.client import describe_runtime
from storage.home import DataLayout
from storage.maintenance import doctor
from storage.maintenance.doctor import Finding, examine
from storage.models.champion import CHAMPION, REGISTERED
from storage.models.store import open_tracking
from tests.storage.catalog.conftest import Store


@pytest.fixture
def filled(store: Store) -> DataLayout:
    """A published store with one song and its shard."""
    track = store.track("blue")
    song = store.layout.song(track.track_id, track.suffix)
    song.parent.mkdir(parents=True)
    song.write_bytes(b"a song")
    store.add_songs(track)
    store.extract("key", track)
    publish(store.layout)
    return store.layout


def findings(layout: DataLayout) -> dict[str, Finding]:
    return {finding.name: finding for finding in examine(layout)}


def failed(layout: DataLayout) -> dict[str, str]:
    return {name: found.message for name, found in findings(layout).items() if not found.ok}


def test_an_empty_and_a_filled_home_pass_every_check(filled: DataLayout, tmp_path: Path) -> None:
    before, after = findings(DataLayout(tmp_path / "new")), findings(filled)

    assert [found.name for found in (*before.values(), *after.values()) if not found.ok] == []
    assert before["store"].message == "no store yet; `genreflow run` makes one"
    assert after["store"].message == "spectrograms.duckdb can be read; it has 1 song"
    assert after["shards"].message == "1 shard is there, none is missing"
    assert after["songs"].message == "1 song is there, none is missing"


def test_spectrograms_of_a_home_that_was_moved_are_read_where_they_are_now(
    filled: DataLayout, tmp_path: Path
) -> None:
    count = "select count(*) from spectrograms"
    before = query(filled, count)
    moved = DataLayout(filled.home.rename(tmp_path.with_name(f"{tmp_path.name}-moved")))

    assert query(moved, count) == before


def test_what_is_missing_damaged_or_moved_is_found_and_all_else_examined(
    filled: DataLayout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = DataLayout(tmp_path / "elsewhere")
    shutil.copytree(filled.home, moved.home, ignore=shutil.ignore_patterns("elsewhere"))
    shutil.rmtree(filled.shards)
    shutil.rmtree(filled.songs)
    missing = failed(filled)
    filled.published.write_bytes(b"no database" * 1_000)
    monkeypatch.setattr(doctor, "MIN_FREE_BYTES", 2**80)

    assert "Run `genreflow extract` once" in failed(moved)["store"]
    assert missing.keys() == {"shards", "songs"}
    assert missing["shards"].startswith("1 of 1 shard is missing, among them key/")
    assert missing["songs"].startswith("1 of 1 song is missing")
    assert "youtube" not in failed(filled)
    assert "is damaged, or of another" in failed(filled)["store"]
    assert "GiB left; free" in failed(filled)["place"]


@pytest.mark.parametrize(
    ("version", "location", "words"),
    [
        ("", "/music/a.mp3", ""),
        ("", "https://www.youtube.com/watch?v=dQw4w9WgXcQ", "deno is missing: install "),
        ("1.46.3", "https://youtu.be/dQw4w9WgXcQ", "deno is 1.46.3: install "),
    ],
)
def test_songs_of_youtube_need_a_javascript_runtime_that_is_not_too_old(
    store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    version: str,
    location: str,
    words: str,
) -> None:
    store.add_songs(replace(store.track("a"), location=location))
    publish(store.layout)
    monkeypatch.setenv("PATH", str(tmp_path))
    if version:
        (tmp_path / "deno").write_text(f"#!/bin/sh\necho deno {version}\n")
        (tmp_path / "deno").chmod(0o755)

    found = findings(store.layout)["youtube"]

    assert found.ok == (not words)
    assert words in found.message
    assert found.message.endswith("the store has 1 song of YouTube.") == bool(words)


def test_a_yt_dlp_of_more_than_90_days_is_named() -> None:
    released = date(*map(int, yt_dlp.version.__version__.split(".")[:3]))

    assert "newer one" not in describe_runtime(released + timedelta(days=90))[1]
    assert f"yt-dlp is of {released}" in describe_runtime(released + timedelta(days=91))[1]


def test_a_home_that_is_a_file_is_found(tmp_path: Path) -> None:
    home = tmp_path / "data"
    home.write_text("not a folder")

    assert str(home) in failed(DataLayout(home))["place"]


@pytest.mark.parametrize(("aliased", "is_ok"), [(1, True), (2, False)])
def test_an_alias_that_was_moved_away_from_the_promotions_is_found(
    store: Store, aliased: int, is_ok: bool
) -> None:
    store.rows(
        "insert into promotions (version, run_id, snapshot_id, validation_macro_f1, reason) "
        "values (1, 'run', 'snapshot', 0.5, 'better')"
    )
    publish(store.layout)
    client = open_tracking(store.layout).client
    client.create_registered_model(REGISTERED)
    for _ in range(aliased):
        client.create_model_version(REGISTERED, "file:///model", "0" * 32)
    client.set_registered_model_alias(REGISTERED, CHAMPION, str(aliased))

    finding = findings(store.layout)["runs"]

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
    monkeypatch.setitem(sys.modules, "musicnn", None)  # it is not found
    to_be_fetched = finding()
    monkeypatch.setitem(sys.modules, "pip", None)
    monkeypatch.setenv("PATH", "")
    missing = finding()

    are_ok = (not_converted.ok, damaged.ok, to_be_fetched.ok, missing.ok)
    assert are_ok == (True, False, True, False)
    assert damaged.message.startswith(f"{file} is damaged")


def test_an_embedding_of_the_user_without_its_file_is_found(layout: DataLayout) -> None:
    own = EmbeddingConfig(file=Path("gone.tflite"), sample_rate=16_000, window_s=1, licence="MIT")

    finding = examine(layout, ["mine"], {"mine": own})[-1]

    assert (finding.name, finding.ok) == ("embedding mine", False)


def _stem(name: str) -> str:
    return f"{name}-{weights.builtin_embedding(name).digest[:16]}"
