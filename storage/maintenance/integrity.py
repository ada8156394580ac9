"""Integrity: shards and originals that are missing or differ from what the catalog says."""

from collections.abc import Mapping
from pathlib import Path

from genre_core.errors import CatalogMismatch
from storage.catalog.connection import open_catalog
from storage.catalog.publish import published_shards, retained_shards
from storage.catalog.shards import NamedShard, count_named, forget_shards, named_shards
from storage.catalog.songs import await_songs, sourced_tracks, stored_songs
from storage.files import digest_file
from storage.home import DataLayout
from storage.shard_store import digest_shard, list_shards
from storage.shards import count_fragments, unnamed_files


def is_missing(shard: NamedShard, sizes: Mapping[str, int]) -> bool:
    """Tell by the sizes of `list_shards` whether a shard is missing or of another size."""
    return sizes.get(shard.name) != shard.n_bytes


def is_damaged(layout: DataLayout, shard: NamedShard, sizes: Mapping[str, int]) -> bool:
    """Tell whether a shard is missing or holds other bytes than were written; reads all of it."""
    return is_missing(shard, sizes) or digest_shard(layout, shard.name) != shard.digest


def read_named_shards(layout: DataLayout) -> list[NamedShard]:
    """Return the shards that the catalog names."""
    with open_catalog(layout) as catalog:
        return named_shards(catalog)


def missing_shards(layout: DataLayout) -> list[str]:
    """Return the shards that are missing or of another size."""
    sizes = list_shards(layout)
    return [shard.name for shard in read_named_shards(layout) if is_missing(shard, sizes)]


def damaged_shards(layout: DataLayout) -> list[str]:
    """Return the shards that are missing or hold other bytes or rows than the catalog says."""
    with open_catalog(layout) as catalog:
        shards = named_shards(catalog)
        counts = count_named(catalog, [shard.name for shard in shards])
    sizes = list_shards(layout)
    return [
        shard.name
        for shard in shards
        if is_damaged(layout, shard, sizes) or not _has_rows(layout, shard.name, counts[shard.name])
    ]


def _has_rows(layout: DataLayout, name: str, expected: dict[str, int]) -> bool:
    try:
        return count_fragments(layout, name) == expected
    except CatalogMismatch:
        return False


def missing_songs(layout: DataLayout) -> list[str]:
    """Return the tracks of known sources whose original is missing."""
    paths, sourced = stored_songs(layout), sourced_tracks(layout)
    return [t for t, path in paths.items() if t in sourced and not path.is_file()]


def damaged_songs(layout: DataLayout) -> list[str]:
    """Return the tracks whose original has other bytes than its name says."""
    present = {t: path for t, path in stored_songs(layout).items() if path.is_file()}
    return [track_id for track_id, path in present.items() if digest_file(path) != track_id]


def unnamed_shards(layout: DataLayout) -> list[str]:
    """Return the shards and partial files that neither catalog nor published store names."""
    named = [shard.name for shard in read_named_shards(layout)]
    return unnamed_files(layout, [*named, *published_shards(layout), *retained_shards(layout)])


def unnamed_songs(layout: DataLayout) -> list[str]:
    """Return the originals, relative to ``songs/``, that no track names."""
    unnamed = set(layout.songs.glob("??/*")) - set(stored_songs(layout).values())
    return sorted(str(path.relative_to(layout.songs)) for path in unnamed)


def repair_shards(layout: DataLayout) -> list[str]:
    """Forget missing and damaged shards, which the next extract makes again; return them."""
    if damaged := damaged_shards(layout):
        with open_catalog(layout) as catalog:
            forget_shards(catalog, damaged)
    return damaged


def repair_songs(layout: DataLayout) -> list[str]:
    """Re-queue missing and damaged originals for the next ingest; return their tracks.

    A damaged file moves to ``songs/.damaged``: its source may be gone.
    """
    paths = stored_songs(layout)
    for track_id in damaged_songs(layout):
        _move(paths[track_id], layout.songs / ".damaged")
    if missing := missing_songs(layout):
        with open_catalog(layout) as catalog:
            await_songs(catalog, missing)
    return missing


def move_unnamed_songs(layout: DataLayout) -> list[str]:
    """Move originals that no track names, left by a killed ingest, to ``songs/.unnamed``."""
    names = unnamed_songs(layout)
    for name in names:
        _move(layout.songs / name, layout.songs / ".unnamed")
    return names


def _move(path: Path, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    path.replace(folder / path.name)
