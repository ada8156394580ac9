"""Compaction: the small shards of many runs are joined into few large ones."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from genre_core.errors import CatalogMismatch
from storage.catalog.connection import open_catalog
from storage.catalog.extraction import NamedShard, replace_shards
from storage.home import DataLayout
from storage.maintenance.integrity import is_damaged, take_inventory
from storage.shard_store import list_shards

TARGET_BYTES = 64 * 2**20
logger = logging.getLogger(__name__)


def compact(layout: DataLayout, target_bytes: int = TARGET_BYTES) -> int:
    """Join the small shards of each feature key; return how many were joined.

    The old files stay for readers of an older published store. A damaged shard is skipped.
    """
    inventory, sizes = take_inventory(layout, with_songs=False), list_shards(layout)
    small = [shard for shard in inventory.shards if shard.values_bytes < target_bytes]
    counts = inventory.read_fragments(small)
    n_joined = 0
    for group in join_groups(small, target_bytes):
        intact = [shard for shard in group if not is_damaged(layout, shard, sizes)]
        if len(intact) > 1 and _join(layout, intact, counts):
            n_joined += len(intact)
    return n_joined


def join_groups(shards: Sequence[NamedShard], target_bytes: int) -> Iterator[list[NamedShard]]:
    """Yield groups of neighbouring shards of one feature key that together reach the target.

    Sizes are those of the uncompressed matrices, which add up: a joined shard is not joined
    again, except the last group of a key, which grows until it is full.
    """
    for _, neighbours in groupby(shards, key=lambda shard: shard.feature_key):
        group: list[NamedShard] = []
        for shard in neighbours:
            group.append(shard)
            if sum(member.values_bytes for member in group) >= target_bytes:
                yield group
                group = []
        yield group


def _join(
    layout: DataLayout, group: Sequence[NamedShard], counts: Mapping[str, Mapping[str, int]]
) -> bool:
    """Write a group as one shard and name it in the catalog; return whether that worked."""
    from storage.shards import free_memory, join_shards

    names = [shard.name for shard in group]
    if not all(counts[name] for name in names):
        logger.warning("%s shards stay as they are: one has no track", len(names))
        return False
    named = {track_id: n for name in names for track_id, n in counts[name].items()}
    try:
        joined = join_shards(layout, group[0].feature_key, names, list(named))
    except CatalogMismatch as error:
        logger.warning("%s shards stay as they are: %s", len(names), error)
        return False
    finally:
        free_memory()
    if joined.n_fragments != named or joined.name in names:
        logger.warning("%s shards differ from the catalog: see doctor --deep", len(names))
        return False
    with open_catalog(layout) as catalog:
        replace_shards(catalog, names, joined)
    return True
