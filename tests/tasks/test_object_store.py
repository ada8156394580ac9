"""Shards in an object store: the same rows, joined, published and looked after as in a folder."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pytest
from fsspec.implementations.arrow import ArrowFSWrapper
from pyarrow.fs import FileSystem

from flows.settings import Settings
from genre_core.errors import CatalogMismatch, TransientError, UsageError
from genre_core.examples import Examples
from genre_core.records import Source
from storage.catalog.extraction import all_shards, shard_names
from storage.catalog.publish import publish
from storage.catalog.query import query, query_rows
from storage.examples import read_examples
from storage.home import DataLayout
from storage.maintenance.doctor import examine, examine_deeply
from storage.maintenance.integrity import repair
from storage.shard_store import list_shards, put_shard
from storage.sources.listing import list_sources
from tasks.extract import compact_shards, publish_shards, select_tracks
from tasks.spectrograms import key_features
from tests.catalogs import in_catalog
from tests.object_store import ObjectStore, serve_bucket
from tests.tasks.steps import collect, extract

SONGS = ("hums/song 0.wav", "clicks/song 1.flac", "hiss/song 2.mp3")
GENRES = ("clicks", "hiss", "hums")

pytestmark = pytest.mark.usefixtures("quiet_runs")


@pytest.fixture
def bucket() -> Iterator[ObjectStore]:
    with serve_bucket() as served:
        yield served


@pytest.fixture
def config(small_config: Settings, tmp_path: Path, bucket: ObjectStore) -> Settings:
    return replace(
        small_config,
        home=tmp_path / "home",
        shards="s3://music/spectrograms",
        fragment_lengths_s=(1.0,),
    )


@pytest.fixture
def songs(config: Settings, library: Path) -> list[Source]:
    """Three songs, a shard each in the bucket."""
    songs = [source for source in list_sources(library) if source.location.endswith(SONGS)]
    collect(config.layout, songs)
    extract(config, song_by_song=True)
    return songs


def examples_of(config: Settings) -> Examples:
    """Read what a training reads."""
    key = next(iter(key_features(config.features)))
    rows = query_rows(config.layout, "select track_id, genre from tracks")
    genre_of_track = {row["track_id"]: row["genre"] for row in rows}
    return read_examples(
        config.layout, in_catalog(config.layout, shard_names, key), genre_of_track, GENRES
    )


def test_an_object_store_gives_training_the_same_bytes_as_a_folder(
    config: Settings, songs: list[Source], bucket: ObjectStore, tmp_path: Path
) -> None:
    publish(config.layout)
    local = replace(config, shards=str(tmp_path / "elsewhere"))
    named = in_catalog(config.layout, all_shards)
    from_bucket = examples_of(config)

    for name in named:
        place = tmp_path / "elsewhere" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(bucket.objects()[f"spectrograms/{name}"])
    from_folder = examples_of(local)

    assert not config.layout.shards.exists()
    assert from_bucket.matrices.tobytes() == from_folder.matrices.tobytes()
    assert from_bucket.matrices.shape == (9, 12, 9)
    assert np.array_equal(from_bucket.track_ids, from_folder.track_ids)


def test_shards_of_an_object_store_are_joined_and_what_nobody_names_is_swept(
    config: Settings, songs: list[Source], bucket: ObjectStore
) -> None:
    publish(config.layout)
    before = examples_of(config)
    bucket.put("spectrograms/notes/of somebody else.txt", b"mine")

    compact_shards.fn(config.layout)
    publish_shards.fn(config.layout)
    n_kept_for_readers = len(list_shards(config.layout))
    publish_shards.fn(config.layout)

    named = in_catalog(config.layout, all_shards)
    assert (n_kept_for_readers, len(named)) == (3 + 1 + 2, 1)
    assert set(bucket.objects()) == {
        *(f"spectrograms/{name}" for name in named),
        "spectrograms/notes/of somebody else.txt",
        "spectrograms/home.txt",
    }
    assert examples_of(config).matrices.tobytes() == before.matrices.tobytes()


def test_a_shard_is_joined_after_a_few_requests_whatever_its_number_of_columns(
    config: Settings, songs: list[Source], caplog: pytest.LogCaptureFixture
) -> None:
    names = in_catalog(config.layout, all_shards)
    caplog.set_level("INFO", "werkzeug")

    compact_shards.fn(config.layout)

    asked = [entry.getMessage() for entry in caplog.records]
    for name in names:
        assert 1 <= sum(f"GET /music/spectrograms/{name}" in line for line in asked) <= 3


def test_a_place_belongs_to_the_home_that_marked_it_first(
    config: Settings, songs: list[Source], bucket: ObjectStore, tmp_path: Path
) -> None:
    publish_shards.fn(config.layout)
    before = bucket.objects()
    shutil.copytree(config.layout.home, tmp_path / "copy")
    copy, another = (replace(config, home=tmp_path / name) for name in ("copy", "another"))

    with pytest.raises(UsageError, match=f"another home, at {config.layout.home}.*own"):
        select_tracks.fn(copy.layout, config.features)
    with pytest.raises(UsageError, match="belong to another home"):
        publish_shards.fn(another.layout)

    assert bucket.objects() == before


def test_the_store_answers_about_spectrograms_in_an_object_store_without_an_extension(
    config: Settings, songs: list[Source]
) -> None:
    publish(config.layout)

    _, rows = query(config.layout, "select genre, count(*) from spectrograms group by all")

    assert sorted(rows) == [(genre, 3) for genre in GENRES]
    assert [finding.message for finding in examine(config.layout) if not finding.ok] == []


def test_what_stands_in_the_store_itself_is_told_while_the_object_store_is_away(
    config: Settings, songs: list[Source], monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(config.layout)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")

    rows = query_rows(config.layout, "select count(*) as n from tracks")

    assert rows == [{"n": 3}]
    with pytest.raises((TransientError, UsageError), match=r"127\.0\.0\.1"):
        query(config.layout, "select count(*) as n from spectrograms")


def test_other_programs_need_the_extension_or_arrow_for_the_spectrograms_alone(
    config: Settings, songs: list[Source]
) -> None:
    publish(config.layout)

    settings = {"autoinstall_known_extensions": "false"}
    with duckdb.connect(str(config.layout.published), read_only=True, config=settings) as people:
        assert people.execute("select sum(n_rows) from shards").fetchone() == (9,)
        with pytest.raises(duckdb.Error, match="httpfs"):
            people.execute("select count(*) from spectrograms")
        people.register_filesystem(ArrowFSWrapper(FileSystem.from_uri("s3://music")[0]))
        assert people.execute("select count(*) from spectrograms").fetchone() == (9,)


def test_objects_that_are_missing_or_damaged_are_found_and_made_again(
    config: Settings, songs: list[Source], bucket: ObjectStore
) -> None:
    publish(config.layout)
    before, named = examples_of(config), in_catalog(config.layout, all_shards)
    content = bytearray(bucket.objects()[f"spectrograms/{named[2]}"])
    content[len(content) // 2] ^= 1
    bucket.remove(f"spectrograms/{named[0]}")
    bucket.put(f"spectrograms/{named[1]}", b"half a shard")
    bucket.put(f"spectrograms/{named[2]}", bytes(content))
    bucket.put(f"spectrograms/key/{'0' * 24}.parquet", b"of a killed worker")
    findings = {finding.name: finding for finding in examine_deeply(config.layout)}
    with pytest.raises(CatalogMismatch, match="1 shard is gone that the catalog names"):
        examples_of(config)

    repaired, _ = repair(config.layout)
    extract(config)

    assert "3 shards are damaged" in findings["shard contents"].message
    assert "1 file in shards/ and 0 in songs/" in findings["orphans"].message
    assert sorted(repaired) == named
    assert examples_of(config).matrices.tobytes() == before.matrices.tobytes()


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        ("s3://me:secret@music/prefix", "holds credentials"),
        ("shards/of/mine", "no place for shards"),
        ("tape://music", "no place for shards"),
    ],
)
def test_a_place_that_shards_cannot_stand_in_is_refused(
    place: str, sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=sentence) as refusal:
        list_shards(DataLayout(tmp_path, place))

    assert "me:secret" not in str(refusal.value)


def test_a_bucket_that_cannot_be_reached_is_to_be_retried(
    bucket: ObjectStore, tmp_path: Path
) -> None:
    layout = DataLayout(tmp_path, "s3://nobody/has/this")

    with pytest.raises(TransientError, match=r"s3://nobody/has/this cannot be reached: .*AWS"):
        put_shard(layout, "key/a.parquet", b"a shard")
