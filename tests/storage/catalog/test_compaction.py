"""Small shards become large ones that hold the same rows."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from storage.catalog.connection import insert_rows, open_catalog
from storage.catalog.extraction import NamedShard, all_shards, named_shards, shard_names
from storage.catalog.publish import publish, publish_and_sweep, retained_shards
from storage.catalog.query import query, query_rows
from storage.catalog.removals import find_artist
from storage.compaction import compact, join_groups
from storage.home import DataLayout
from storage.maintenance.integrity import take_inventory
from storage.maintenance.takedown import finish_removals, take_down
from tests.storage.catalog.conftest import Store

if TYPE_CHECKING:
    from pathlib import Path

SHARD_BYTES = 2 * 12 * 9 * 4  # two fragments of 12 bands and 9 frames, float32


def rows_of(layout: DataLayout) -> list[tuple[Any, ...]]:
    publish(layout)
    statement = 'select * exclude ("values"), "values"::varchar from spectrograms order by all'
    return query(layout, statement)[1]


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
    assert [len(many.call(shard_names, key)) for key in ("key", "other")] == [1, 1]
    assert rows_of(many.layout) == before
    assert len(before) == 12


def test_compacting_twice_changes_nothing(many: Store) -> None:
    compact(many.layout, target_bytes=2 * SHARD_BYTES)
    before = many.call(named_shards)

    n_joined = compact(many.layout, target_bytes=2 * SHARD_BYTES)

    assert n_joined == 0
    assert many.call(named_shards) == before
    assert len(before) == 3 + 1


def test_new_shards_are_joined_with_one_that_was_not_full(many: Store) -> None:
    compact(many.layout)
    song = many.track("f")
    many.add_songs(song)
    many.extract("key", song)

    n_joined = compact(many.layout)

    every = sorted((many.track(name) for name in "abcdef"), key=lambda track: track.track_id)
    assert n_joined == 2
    assert many.call(shard_names, "key") == [many.shard("key", *every).name]  # named by its tracks


def test_a_damaged_shard_is_left_alone_and_the_others_are_joined(many: Store) -> None:
    damaged = many.call(shard_names, "key")[2]
    path = many.layout.shards / damaged
    content = bytearray(path.read_bytes())
    content[200] ^= 1
    path.write_bytes(content)

    n_joined = compact(many.layout)

    assert n_joined == 4
    assert damaged in many.call(shard_names, "key")
    assert take_inventory(many.layout).damaged_shards() == [damaged]


def test_shards_that_do_not_hold_what_the_catalog_names_stay(many: Store) -> None:
    many.rows("update extracted set n_fragments = 3 where feature_key = 'key'")
    before = many.call(all_shards)

    assert compact(many.layout) == 0

    assert many.call(all_shards) == before


@pytest.mark.parametrize(
    ("shards", "groups"),
    [
        ({"a": 3, "b": 4, "c": 9, "d": 1}, [["a", "b", "c"], ["d"]]),
        ({"key/a": 1, "other/b": 1}, [["key/a"], ["other/b"]]),
    ],
)
def test_neighbours_of_a_feature_key_are_joined_until_they_reach_the_target(
    shards: dict[str, int], groups: list[list[str]]
) -> None:
    named = [
        NamedShard(
            name=name,
            feature_key=name.partition("/")[0] if "/" in name else "key",
            n_bytes=1,
            digest="",
            values_bytes=size,
        )
        for name, size in shards.items()
    ]

    found = [[s.name for s in group] for group in join_groups(named, target_bytes=10)]

    assert found == groups


def end_extract(layout: DataLayout) -> None:
    compact(layout)
    publish_and_sweep(layout)


def test_a_reader_of_the_store_before_reads_on_until_the_next_extract(many: Store) -> None:
    publish(many.layout)
    small = many.call(all_shards)
    statement = 'select count(*), sum(list_sum("values")) from spectrograms'
    with duckdb.connect(str(many.layout.published), read_only=True) as reader:
        before = reader.execute(statement).fetchall()
        end_extract(many.layout)
        finish_removals(many.layout)

        assert reader.execute(statement).fetchall() == before
    end_extract(many.layout)
    left = {f"{path.parent.name}/{path.name}" for path in many.layout.shards.rglob("*.parquet")}
    assert left == set(many.call(all_shards))
    assert len(left & set(small)) == 1  # the only shard of its key, which is joined with none


def test_a_store_that_nobody_can_read_is_published_anew_after_a_takedown(many: Store) -> None:
    with open_catalog(many.layout) as catalog:
        row = {"track_id": "gone", "artist": "", "title": "", "reason": "", "who": ""}
        insert_rows(catalog, "removals", [row])
    many.layout.published.write_bytes(b"no database" * 1000)

    publish_and_sweep(many.layout)

    assert retained_shards(many.layout) == []
    assert query_rows(many.layout, "select 1 as one from tracks limit 1") == [{"one": 1}]


def test_a_takedown_leaves_no_shard_for_readers(many: Store) -> None:
    song = many.track("z", artist="Ada")
    many.add_songs(song)
    many.extract("key", song)
    publish(many.layout)
    end_extract(many.layout)

    take_down(many.layout, many.call(find_artist, "ADA"), "", "nobody")

    left = {f"{path.parent.name}/{path.name}" for path in many.layout.shards.rglob("*.parquet")}
    assert left == set(many.call(all_shards))
