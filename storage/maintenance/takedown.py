"""Takedown: songs leave every place of the home; their split and a row in `removals` stay."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

from genre_core.errors import CatalogMismatch
from genre_core.locations import path_of
from storage.catalog.connection import open_catalog
from storage.catalog.extraction import NamedShard, Shard, all_shards
from storage.catalog.publish import publish, release_retained, retained_shards
from storage.catalog.removals import (
    RemovedSong,
    read_removed_sources,
    record_removal,
    removed_tracks,
)
from storage.home import DataLayout
from storage.maintenance.integrity import take_inventory
from storage.reports import remove_nightly_reports
from storage.shard_store import remove_orphans
from storage.sources.published import COLLECTIONS

logger = logging.getLogger(__name__)


def take_down(layout: DataLayout, songs: Sequence[RemovedSong], reason: str, actor: str) -> int:
    """Remove songs from shards, catalog, published store and files; return the bytes of files.

    The home must be held. Shards without the songs are written first, then the catalog changes in
    one transaction; `finish_removals` completes a removal that was killed.
    """
    release_retained(layout)
    rewritten = _rewrite_shards(layout, {song.track_id for song in songs})
    with open_catalog(layout) as catalog:
        record_removal(catalog, songs, rewritten, reason, actor)
    return finish_removals(layout)


def finish_removals(layout: DataLayout) -> int:
    """Publish, then remove the files of all songs that were ever removed; return their bytes."""
    publish(layout)
    with open_catalog(layout) as catalog:
        named = all_shards(catalog)
        track_ids = removed_tracks(catalog)
        sources, removed_at = read_removed_sources(catalog)
    remove_orphans(layout, [*retained_shards(layout), *named])
    remove_nightly_reports(layout, removed_at)
    n_bytes = 0
    for path in list(_files(layout, track_ids, sources)):
        size = path.stat().st_size
        path.unlink()
        logger.info("removed %s (%s bytes)", path, size)
        n_bytes += size
    return n_bytes


def catalog_copies(layout: DataLayout) -> list[Path]:
    """Return the copies of migrated catalogs, which still name songs that were removed since."""
    return sorted(layout.home.glob(f"{layout.catalog.name}.version-*"))


def _rewrite_shards(layout: DataLayout, track_ids: set[str]) -> dict[str, Shard | None]:
    """Map each shard that holds one of the songs to the shard that replaces it."""
    inventory = take_inventory(layout)
    counts = inventory.read_fragments(inventory.shards)
    return {
        shard.name: _rewrite(layout, shard, sorted(counts[shard.name].keys() - track_ids))
        for shard in inventory.shards
        if track_ids & counts[shard.name].keys()
    }


def _rewrite(layout: DataLayout, shard: NamedShard, track_ids: Sequence[str]) -> Shard | None:
    """Write one shard with the remaining songs; None if none is left or it cannot be read."""
    from storage.shards import free_memory, join_shards

    if not track_ids:
        return None
    try:
        return join_shards(layout, shard.feature_key, [shard.name], track_ids)
    except CatalogMismatch as error:
        logger.warning("%s is dropped, the next extract makes it again: %s", shard.name, error)
        return None
    finally:
        free_memory()


def _files(layout: DataLayout, track_ids: Sequence[str], sources: Sequence[str]) -> Iterator[Path]:
    """Yield all files of some songs below the home, also downloaded and added ones."""
    for track_id in track_ids:
        for place in (layout.songs / track_id[:2], layout.songs / ".unnamed"):
            yield from place.glob(f"{track_id}*")
        caches = (layout.wav, layout.previews)
        for place in (layout.songs / ".damaged", *caches, layout.suspects):
            yield from place.glob(f"**/{track_id}*")
    collections = [layout.collections.absolute() / name for name in COLLECTIONS]
    folders = (layout.added.absolute(), *collections)
    for path in (Path(path_of(source)) for source in sources):
        if any(path.is_relative_to(folder) for folder in folders) and path.is_file():
            yield path
