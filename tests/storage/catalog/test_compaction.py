"""Small shards become large ones that hold the same rows."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from storage.catalog.connection import insert_rows, open_catalog
from storage.catalog.extraction import all_shards, shard_names
from storage.catalog.publish import publish, publish_and_retain, query, query_rows
from storage.catalog.removals import find_artist
from storage.catalog.shards import NamedShard, named_shards
from storage.compaction import compact, join_groups
from storage.home import DataLayout
from storage.maintenance.integrity import damaged_shards
from storage.maintenance.takedown import finish_removals, take_down
from storage.shards import remove_orphans
from tests.catalogs import in_catalog
from tests.storage.catalog.conftest import Store

if TYPE_CHECKING:
    from pathlib import Path

SHARD_BYTES = 2 * 12 * 9 * 4  # two fragments of 12 bands and 9 frames, float32


def rows_of(layout: DataLayout) -> list[tuple[Any, ...]]:
    publish(layout)
    statement = 'select * exclude ("values"), "values"::varchar from spectrograms order by all'
    return query(layout, statement)[1]


def shard_of(name: str, values_bytes: int, feature_key: str = "key") -> NamedShard:
    return NamedShard(
        name=name, feature_key=feature_key, n_bytes=1, digest="", values_bytes=values_bytes
    )


@pytest.fixture(scope="module")
def made(empty_catalog: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home with the shards, which each test copies."""
    home = tmp_path_factory.mktemp("many")
    shutil.copy(empty_catalog, DataLayout(home).catalog)
    store = Store(DataLayout(home), home)
    songs = [store.track(name) for name in "abcde"]
    store.add_songs(*songs)
    for song in songs:
        store.extract("key", song)
    store.extract("other", songs[0])
    return home


@pytest.fixture
def many(made: Path, store: Store) -> Store:
    """Five shards of one song under one feature key, one shard under another."""
    shutil.copytree(made, store.layout.home, dirs_exist_ok=True)
    return store


def test_small_shards_of_a_feature_key_become_one_with_the_same_rows(many: Store) -> None:
    before = rows_of(many.layout)

    n_joined = compact(many.layout)

    assert n_joined == 5
    assert [len(in_catalog(many.layout, shard_names, key)) for key in ("key", "other")] == [1, 1]
    assert rows_of(many.layout) == before
    assert len(before) == 12


def test_compacting_twice_changes_nothing(many: Store) -> None:
    compact(many.layout, target_bytes=2 * SHARD_BYTES)
    before = in_catalog(many.layout, named_shards)

    n_joined = compact(many.layout, target_bytes=2 * SHARD_BYTES)

    assert n_joined == 0
    assert in_catalog(many.layout, named_shards) == before
    assert len(before) == 3 + 1


def test_the_name_tells_the_tracks_whatever_they_were_joined_from(many: Store) -> None:
    compact(many.layout)
    whole = sorted((many.track(name) for name in "abcde"), key=lambda track: track.track_id)

    written_at_once = many.shard("key", *whole)

    assert in_catalog(many.layout, shard_names, "key") == [written_at_once.name]


def test_a_night_more_is_joined_with_what_was_not_full(many: Store) -> None:
    compact(many.layout)
    song = many.track("f")
    many.add_songs(song)
    many.extract("key", song)

    n_joined = compact(many.layout)

    assert n_joined == 2
    assert [s.values_bytes for s in in_catalog(many.layout, named_shards)] == [
        6 * SHARD_BYTES,
        SHARD_BYTES,
    ]


def test_the_old_files_stay_for_those_who_read_them(many: Store) -> None:
    old = in_catalog(many.layout, all_shards)

    compact(many.layout)

    assert all((many.layout.shards / name).exists() for name in old)


def test_a_damaged_shard_is_left_alone_and_the_others_are_joined(many: Store) -> None:
    damaged = in_catalog(many.layout, shard_names, "key")[2]
    path = many.layout.shards / damaged
    content = bytearray(path.read_bytes())
    content[200] ^= 1
    path.write_bytes(content)

    n_joined = compact(many.layout)

    assert n_joined == 4
    assert damaged in in_catalog(many.layout, shard_names, "key")
    assert damaged_shards(many.layout) == [damaged]


def test_shards_that_do_not_hold_what_the_catalog_says_stay(many: Store) -> None:
    with open_catalog(many.layout) as catalog:
        catalog.execute("update extracted set n_fragments = 3 where feature_key = 'key'")
    before = in_catalog(many.layout, all_shards)

    n_joined = compact(many.layout)

    assert n_joined == 0
    assert in_catalog(many.layout, all_shards) == before


def test_neighbours_are_joined_until_they_reach_the_target() -> None:
    shards = [shard_of(name, size) for name, size in (("a", 3), ("b", 4), ("c", 9), ("d", 1))]

    groups = [[s.name for s in group] for group in join_groups(shards, target_bytes=10)]

    assert groups == [["a", "b", "c"], ["d"]]


def test_shards_of_two_feature_keys_are_never_joined() -> None:
    shards = [shard_of("a", 1, "key"), shard_of("b", 1, "other")]

    groups = [[s.name for s in group] for group in join_groups(shards, target_bytes=10)]

    assert groups == [["a"], ["b"]]


def end_extract(layout: DataLayout) -> None:
    compact(layout)
    before = publish_and_retain(layout)
    remove_orphans(layout, [*before, *in_catalog(layout, all_shards)])


def test_a_reader_of_the_store_before_reads_on_until_the_next_extract(many: Store) -> None:
    publish(many.layout)
    small = in_catalog(many.layout, all_shards)
    statement = 'select count(*), sum(list_sum("values")) from spectrograms'
    with duckdb.connect(str(many.layout.published), read_only=True) as reader:
        said = reader.execute(statement).fetchall()
        end_extract(many.layout)
        finish_removals(many.layout)

        assert reader.execute(statement).fetchall() == said
    end_extract(many.layout)
    left = {f"{path.parent.name}/{path.name}" for path in many.layout.shards.rglob("*.parquet")}
    assert left == set(in_catalog(many.layout, all_shards))
    assert len(left & set(small)) == 1  # the only shard of its key, which is joined with none


def test_a_store_that_nobody_can_read_is_published_anew_after_a_takedown(many: Store) -> None:
    with open_catalog(many.layout) as catalog:
        row = {"track_id": "gone", "artist": "", "title": "", "reason": "", "who": ""}
        insert_rows(catalog, "removals", [row])
    many.layout.published.write_bytes(b"no database" * 1000)

    assert publish_and_retain(many.layout) == []

    assert query_rows(many.layout, "select 1 as one from tracks limit 1") == [{"one": 1}]


def test_a_takedown_leaves_no_shard_for_readers(many: Store) -> None:
    song = many.track("z", artist="Ada")
    many.add_songs(song)
    many.extract("key", song)
    publish(many.layout)
    end_extract(many.layout)

    take_down(many.layout, in_catalog(many.layout, find_artist, "ADA"), "", "nobody")

    left = {f"{path.parent.name}/{path.name}" for path in many.layout.shards.rglob("*.parquet")}
    assert left == set(in_catalog(many.layout, all_shards))
