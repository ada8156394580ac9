"""Shards that no catalog names: what a killed process has left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.shards import remove_orphans

if TYPE_CHECKING:
    from tests.storage.catalog.conftest import Store


def test_a_shard_that_the_catalog_does_not_name_is_swept(store: Store) -> None:
    named = store.shard("key", store.track("a"))
    orphan = store.shard("key", store.track("b"))
    part = store.layout.shards / "key" / ".left.part"
    part.write_bytes(b"half")

    swept = remove_orphans(store.layout, [named.name])

    assert swept == sorted(["key/.left.part", orphan.name])
    assert (store.layout.shards / named.name).exists()
    assert not part.exists()
