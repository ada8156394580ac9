"""Takedown: songs go from every place of the home; their split, and that they went, stay."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

from genre_core.errors import CatalogMismatch
from storage.catalog.connection import open_catalog
from storage.catalog.extraction import Shard, all_shards
from storage.catalog.publish import publish
from storage.catalog.removals import (
    RemovedSong,
    find_sources,
    last_removal,
    record_removal,
    removed_tracks,
)
from storage.catalog.shards import count_named, named_shards
from storage.home import DataLayout
from storage.reports import remove_pages
from storage.retained_shards import forget_readers, kept_for_readers
from storage.shards import free_memory, join_shards, remove_orphans

logger = logging.getLogger(__name__)


def take_down(layout: DataLayout, songs: Sequence[RemovedSong], reason: str, who: str) -> int:
    """Remove songs from shards, catalog, published store and files; give the bytes of the files.

    The home must be held. Shards without the songs are written first, then the catalog changes
    in one transaction: what a killed process leaves, the next call of `finish_removals` takes.
    """
    track_ids = {song.track_id for song in songs}
    forget_readers(layout)
    record_removal(layout, songs, _rewrite_shards(layout, track_ids), reason, who)
    return finish_removals(layout)


def finish_removals(layout: DataLayout) -> int:
    """Publish, then remove the files of all songs that were ever removed; give their bytes.

    What the last extract left for readers of the store before stays, unless a song was removed.
    """
    publish(layout)
    with open_catalog(layout) as catalog:
        named = all_shards(catalog)
    remove_orphans(layout, [*kept_for_readers(layout), *named])
    remove_pages(layout, last_removal(layout))
    n_bytes = 0
    for path in list(_files(layout, removed_tracks(layout))):
        size = path.stat().st_size
        path.unlink()
        logger.info("removed %s (%s bytes)", path, size)
        n_bytes += size
    return n_bytes


def old_catalogs(layout: DataLayout) -> list[Path]:
    """Give the copies of older catalogs, which still know what was removed since."""
    return sorted(layout.home.glob(f"{layout.catalog.name}.version-*"))


def _rewrite_shards(layout: DataLayout, track_ids: set[str]) -> dict[str, Shard | None]:
    """Write the shards that hold some songs anew without them."""
    with open_catalog(layout) as catalog:
        named = {shard.name: shard.feature_key for shard in named_shards(catalog)}
        counts = count_named(catalog, list(named))
    holding = [name for name, tracks in counts.items() if track_ids & tracks.keys()]
    return {
        name: _rewrite(layout, named[name], name, sorted(counts[name].keys() - track_ids))
        for name in holding
    }


def _rewrite(
    layout: DataLayout, feature_key: str, name: str, track_ids: Sequence[str]
) -> Shard | None:
    """Write one shard with some of its songs; one that cannot be read is made again by extract."""
    if not track_ids:
        return None
    try:
        return join_shards(layout, feature_key, [name], track_ids)
    except CatalogMismatch as error:
        logger.warning("%s is forgotten, the next extract makes it again: %s", name, error)
        return None
    finally:
        free_memory()


def _files(layout: DataLayout, track_ids: Sequence[str]) -> Iterator[Path]:
    """Give all files of some songs below the home, but for those that are not the home's own."""
    for track_id in track_ids:
        for place in (layout.songs / track_id[:2], layout.songs / ".unnamed"):
            yield from place.glob(f"{track_id}*")
        for place in (layout.songs / ".damaged", layout.wav, layout.prints, layout.suspects):
            yield from place.glob(f"**/{track_id}*")
    for source in find_sources(layout, track_ids):
        path = Path(source)
        if path.is_relative_to(layout.collections.absolute()) and path.is_file():
            yield path
