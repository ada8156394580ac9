"""Embeddings go with their shards, and a store of an older version is named as that."""

from pathlib import Path

import duckdb
import pytest

from genre_core.errors import UsageError
from storage.catalog.connection import fetch_rows, open_catalog
from storage.catalog.publish import publish, query
from storage.catalog.shards import forget_shards
from storage.home import DataLayout
from tests.catalogs import in_catalog


def test_forgetting_a_shard_forgets_the_embeddings_of_its_songs_alone(tmp_path: Path) -> None:
    layout = DataLayout(tmp_path)
    with open_catalog(layout) as catalog:
        for track, shard in (("a", "lost"), ("b", "kept")):
            catalog.execute(
                "insert into extracted (track_id, feature_key, shard, n_fragments) "
                "values (?, 'key', ?, 1)",
                [track, shard],
            )
            catalog.execute("insert into song_embeddings values (?, 'key', [1.0], [])", [track])

    in_catalog(layout, forget_shards, ["lost"])

    with open_catalog(layout) as catalog:
        rows = fetch_rows(catalog, "select track_id from song_embeddings")
    assert rows == [{"track_id": "b"}]


def test_a_store_that_an_older_version_published_is_named_as_that(tmp_path: Path) -> None:
    layout = DataLayout(tmp_path)
    with open_catalog(layout):
        pass
    publish(layout)
    with duckdb.connect(str(layout.published)) as older:
        older.execute("drop table suspects")

    with pytest.raises(UsageError, match="published by another version"):
        query(layout, "select * from suspects")
    with pytest.raises(UsageError, match="The query failed"):
        query(layout, "select * from nothing_of_ours")
