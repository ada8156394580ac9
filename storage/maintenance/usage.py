"""What each place below the home takes on the disk."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from storage.home import DataLayout
from storage.shard_store import list_shards


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What places take, largest first, and what is free on the disk of the home, in bytes."""

    places: tuple[tuple[str, int], ...]
    free_bytes: int
    disk_bytes: int

    @property
    def total_bytes(self) -> int:
        """What all places take together."""
        return sum(n_bytes for _, n_bytes in self.places)


def measure_usage(layout: DataLayout) -> Usage:
    """Add up the files of each place; those that are removed meanwhile count for nothing.

    Shards count wherever they stand. All else below the home is one place, ``other``.
    """
    entries = {entry.name: _size(entry) for entry in layout.home.iterdir()}
    entries.pop(layout.shards.name, None)
    named = {path.name for path in _places(layout)}
    sizes = {name: n_bytes for name, n_bytes in entries.items() if name in named}
    sizes[layout.shards.name] = sum(list_shards(layout).values())
    sizes["other"] = sum(n_bytes for name, n_bytes in entries.items() if name not in named)
    disk = shutil.disk_usage(layout.home)
    largest = sorted(sizes.items(), key=lambda place: -place[1])
    return Usage(
        places=tuple(place for place in largest if place[1]),
        free_bytes=disk.free,
        disk_bytes=disk.total,
    )


def _places(layout: DataLayout) -> tuple[Path, ...]:
    return (
        layout.songs,
        layout.wav,
        layout.catalog,
        layout.published,
        layout.mlflow_db,
        layout.mlflow_artifacts,
        layout.champion,
        layout.prefect,
        layout.builtin,
        layout.collections,
        layout.reports,
    )


def _size(entry: Path) -> int:
    return sum(_sizes(str(entry))) if entry.is_dir() else _file_size(entry)


def _sizes(folder: str) -> Iterator[int]:
    for parent, _, names in os.walk(folder):
        for name in names:
            yield _file_size(Path(parent, name))


def _file_size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except FileNotFoundError:
        return 0
