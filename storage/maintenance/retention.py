"""Retention: what no longer has a use, its removal, and what each place takes on the disk."""

import logging
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from genre_core.records import SnapshotChoice
from storage.catalog.connection import open_catalog
from storage.catalog.removals import forget_snapshots, unused_models, unused_snapshots
from storage.catalog.snapshots import NEWEST, choose_snapshot
from storage.fetch.parts import sweep_parts
from storage.home import DataLayout
from storage.maintenance import RetentionConfig
from storage.maintenance.integrity import take_inventory
from storage.shard_store import list_shards, remove_shards

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unused:
    """One thing that can be removed: a ``shard``, a ``snapshot`` or a ``model``."""

    kind: str
    name: str
    n_bytes: int


def tidy_home(
    layout: DataLayout,
    keep: RetentionConfig,
    choice: SnapshotChoice = NEWEST,
    dry_run: bool = False,
) -> list[Unused]:
    """Remove what is unused and return it, with sizes. The home must be held.

    ``choice`` is the current library, whose models stay.
    A killed removal is completed by the next call: the catalog forgets last.
    """
    found = _find_unused(layout, keep, choice)
    if dry_run:
        return found
    for unused in found:
        _remove_files(layout, unused)
        logger.info("removed %s %s (%s bytes)", unused.kind, unused.name, unused.n_bytes)
    with open_catalog(layout) as catalog:
        forget_snapshots(catalog, [unused.name for unused in found if unused.kind == "snapshot"])
    sweep_parts(layout)
    return found


def _find_unused(layout: DataLayout, keep: RetentionConfig, choice: SnapshotChoice) -> list[Unused]:
    sizes = list_shards(layout)
    with open_catalog(layout) as catalog:
        snapshots = unused_snapshots(catalog, keep.snapshots)
        current = choose_snapshot(catalog, choice)
        library_id = current.library_id if current else ""
        models = unused_models(catalog, keep.unpromoted_models, library_id)
    unnamed = take_inventory(layout, with_songs=False).unnamed_shards()
    found = [("shard", name, sizes[name]) for name in unnamed]
    found += [("snapshot", name, 0) for name in snapshots]
    found += [("model", name, n_bytes) for name, n_bytes in _local_models(layout, models)]
    return [Unused(kind=kind, name=name, n_bytes=n_bytes) for kind, name, n_bytes in found]


def _local_models(layout: DataLayout, model_ids: list[str]) -> list[tuple[str, int]]:
    if not model_ids:
        return []
    if not layout.tracking_server:
        from storage.models.logged import model_folder  # MLflow takes seconds to load
        from storage.models.store import open_tracking

        tracking = open_tracking(layout)
        folders = {model_id: model_folder(tracking, model_id) for model_id in model_ids}
        return [(name, _count_bytes(path)) for name, path in folders.items() if path]
    logger.warning(
        "%s unused models stay on the tracking server %s. Remove them in its pages, then run "
        "`mlflow gc` there.",
        len(model_ids),
        layout.tracking_server,
    )
    return []


def _remove_files(layout: DataLayout, unused: Unused) -> None:
    if unused.kind == "shard":
        remove_shards(layout, [unused.name])
    elif unused.kind == "model":
        from storage.models.logged import delete_model
        from storage.models.store import open_tracking

        delete_model(open_tracking(layout), unused.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Bytes of each place below the home, largest first, and of its disk."""

    places: tuple[tuple[str, int], ...]
    free_bytes: int
    disk_bytes: int

    @property
    def total_bytes(self) -> int:
        """Bytes of all places together."""
        return sum(n_bytes for _, n_bytes in self.places)


def measure_usage(layout: DataLayout) -> Usage:
    """Add up the files of each place; all without a place of its own is ``other``."""
    sizes: dict[str, int] = {}
    named = {path.name for path in layout.places}
    for entry in layout.home.iterdir():
        name = entry.name if entry.name in named else "other"
        sizes[name] = sizes.get(name, 0) + _count_bytes(entry)
    sizes[layout.shards.name] = sum(list_shards(layout).values())
    disk = shutil.disk_usage(layout.home)
    largest = sorted(sizes.items(), key=lambda place: -place[1])
    return Usage(
        places=tuple(place for place in largest if place[1]),
        free_bytes=disk.free,
        disk_bytes=disk.total,
    )


def _count_bytes(entry: Path) -> int:
    """Add up the sizes of the files below a folder, of links those of the links themselves."""
    if not entry.is_dir():
        with suppress(FileNotFoundError):  # removed meanwhile
            return entry.lstat().st_size
        return 0
    n_bytes, folders = 0, [str(entry)]
    while folders:
        with suppress(OSError), os.scandir(folders.pop()) as found:
            for one in found:
                if not one.is_dir():
                    with suppress(FileNotFoundError):
                        n_bytes += one.stat(follow_symlinks=False).st_size
                elif not one.is_symlink():
                    folders.append(one.path)
    return n_bytes
