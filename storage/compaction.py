"""Compaction: the small shards of many nights become few large ones."""

import logging
from collections.abc import Iterator, Sequence
from itertools import groupby

from genre_core.errors import CatalogMismatch
from storage.catalog.shards import NamedShard, count_named, named_shards, replace_shards
from storage.home import DataLayout
from storage.maintenance.integrity import is_damaged
from storage.shard_store import list_shards
from storage.shards import free_memory, join_shards

TARGET_BYTES = 64 * 2**20
logger = logging.getLogger(__name__)


def compact(layout: DataLayout, target_bytes: int = TARGET_BYTES) -> int:
    """Join the small shards of each feature key; give the number of shards that were joined.

    The old files stay: who has an older store open still reads them. A shard whose content is
    not what was written is left alone.
    """
    there = list_shards(layout)
    small = [shard for shard in named_shards(layout) if shard.values_bytes < target_bytes]
    n_joined = 0
    for group in join_groups(small, target_bytes):
        sound = [shard for shard in group if not is_damaged(layout, shard, there)]
        if len(sound) > 1 and _join(layout, sound):
            n_joined += len(sound)
    return n_joined


def join_groups(shards: Sequence[NamedShard], target_bytes: int) -> Iterator[list[NamedShard]]:
    """Give neighbours of one feature key that together reach the target, and what remains.

    Sizes are those of the matrices, which add up; so what was joined once is never joined
    again, but for the last group of a key, which grows night by night until it is full.
    """
    for _, neighbours in groupby(shards, key=lambda shard: shard.feature_key):
        group: list[NamedShard] = []
        for shard in neighbours:
            group.append(shard)
            if sum(member.values_bytes for member in group) >= target_bytes:
                yield group
                group = []
        yield group


def _join(layout: DataLayout, group: Sequence[NamedShard]) -> bool:
    """Write a group as one shard and let the catalog name that; tell whether it could."""
    names = [shard.name for shard in group]
    counts = count_named(layout, names)
    if not all(counts.get(name) for name in names):
        logger.warning("%s shards stay as they are: one has no track", len(names))
        return False
    named = {track_id: n for tracks in counts.values() for track_id, n in tracks.items()}
    try:
        joined = join_shards(layout, group[0].feature_key, names, list(named))
    except CatalogMismatch as error:
        logger.warning("%s shards stay as they are: %s", len(names), error)
        return False
    finally:
        free_memory()
    if joined.n_fragments != named or joined.name in names:
        logger.warning("%s shards do not hold what the catalog says: see doctor --deep", len(names))
        return False
    replace_shards(layout, names, joined)
    return True
