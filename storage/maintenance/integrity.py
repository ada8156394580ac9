"""Integrity: shards and originals that are missing or differ from what the catalog names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from genre_core.errors import CatalogMismatch
from storage.catalog.connection import open_catalog
from storage.catalog.extraction import NamedShard, count_named, forget_shards, named_shards
from storage.catalog.publish import published_shards, retained_shards
from storage.catalog.songs import await_songs, sourced_tracks, stored_songs
from storage.files import digest_file
from storage.home import DataLayout
from storage.shard_store import digest_shard, list_shards, unnamed_files


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """The shards and songs that the catalog of a home names, to be compared with its files.

    ``songs`` are the paths of the originals by track, ``sourced`` the tracks that some source
    leads to.
    """

    layout: DataLayout
    shards: list[NamedShard]
    songs: dict[str, Path]
    sourced: set[str]

    def read_fragments(self, shards: Sequence[NamedShard]) -> dict[str, dict[str, int]]:
        """Return the number of fragments of each track that the catalog names, by shard."""
        with open_catalog(self.layout) as catalog:
            return count_named(catalog, [shard.name for shard in shards])

    def damaged_shards(self) -> list[str]:
        """Return the shards that are missing or hold other bytes or rows than named; reads all."""
        sizes, fragments = list_shards(self.layout), self.read_fragments(self.shards)
        return [
            shard.name
            for shard in self.shards
            if is_damaged(self.layout, shard, sizes)
            or not _has_rows(self.layout, shard.name, fragments[shard.name])
        ]

    def missing_songs(self) -> list[str]:
        """Return the tracks of known sources whose original is missing."""
        return [t for t, path in self.songs.items() if t in self.sourced and not path.is_file()]

    def damaged_songs(self) -> list[str]:
        """Return the tracks whose original has other bytes than its name digests; reads all."""
        return [t for t, path in self.songs.items() if path.is_file() and digest_file(path) != t]

    def unnamed_shards(self) -> list[str]:
        """Return the shards and partial files that neither catalog nor published store names."""
        named = [shard.name for shard in self.shards]
        readable = [*published_shards(self.layout), *retained_shards(self.layout)]
        return unnamed_files(self.layout, [*named, *readable])

    def unnamed_songs(self) -> list[str]:
        """Return the originals, relative to ``songs/``, that no track names."""
        unnamed = set(self.layout.songs.glob("??/*")) - set(self.songs.values())
        return sorted(str(path.relative_to(self.layout.songs)) for path in unnamed)


def take_inventory(layout: DataLayout, *, with_songs: bool = True) -> Inventory:
    """Read what the catalog names."""
    with open_catalog(layout) as catalog:
        return Inventory(
            layout=layout,
            shards=named_shards(catalog),
            songs=stored_songs(catalog, layout) if with_songs else {},
            sourced=sourced_tracks(catalog) if with_songs else set(),
        )


def is_missing(shard: NamedShard, sizes: Mapping[str, int]) -> bool:
    """Return whether a shard is missing or of another size, by the sizes of `list_shards`."""
    return sizes.get(shard.name) != shard.n_bytes


def is_damaged(layout: DataLayout, shard: NamedShard, sizes: Mapping[str, int]) -> bool:
    """Return whether a shard is missing or holds other bytes than were written; reads all of it."""
    return is_missing(shard, sizes) or digest_shard(layout, shard.name) != shard.digest


def _has_rows(layout: DataLayout, name: str, expected: Mapping[str, int]) -> bool:
    from storage.shards import count_fragments

    try:
        return count_fragments(layout, name) == expected
    except CatalogMismatch:
        return False


def repair(layout: DataLayout) -> tuple[list[str], list[str]]:
    """Forget damaged shards, re-queue missing and damaged songs; return both. Hold the home.

    Damaged originals move to ``songs/.damaged``, since their sources may be gone; originals that
    no track names, left by a killed ingest, to ``songs/.unnamed``.
    """
    inventory = take_inventory(layout)
    for track_id in inventory.damaged_songs():
        _move(inventory.songs[track_id], layout.songs / ".damaged")
    for name in inventory.unnamed_songs():
        _move(layout.songs / name, layout.songs / ".unnamed")
    shards, songs = inventory.damaged_shards(), inventory.missing_songs()
    with open_catalog(layout) as catalog:
        forget_shards(catalog, shards)
        await_songs(catalog, songs)
    return shards, songs


def _move(path: Path, folder: Path) -> None:
    """Move a file into a folder, beside those of the same name."""
    folder.mkdir(exist_ok=True)
    target, n_alike = folder / path.name, 0
    while target.exists():
        n_alike += 1
        target = folder / f"{path.stem}.{n_alike}{path.suffix}"
    path.replace(target)
