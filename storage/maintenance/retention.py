"""House-keeping: what nothing needs any more, how large it is, and its removal."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from storage.catalog.retention import forget_snapshots, needless_models, needless_snapshots
from storage.fetch.parts import sweep_parts
from storage.home import DataLayout
from storage.keep import KeepConfig
from storage.maintenance.integrity import unnamed_shards
from storage.shard_store import list_shards, remove_shards

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Needless:
    """One thing that can go: its kind, its name and its size in bytes."""

    kind: str
    name: str
    n_bytes: int


def tidy_home(layout: DataLayout, keep: KeepConfig, dry_run: bool = False) -> list[Needless]:
    """Remove what nothing needs; give it, with sizes. The home must be held.

    What is killed half-way is found again by the next call: nothing is noted before it is gone.
    """
    found = list(_find(layout, keep))
    if dry_run:
        return found
    for thing in found:
        _REMOVE[thing.kind](layout, thing.name)
        logger.info("removed %s %s (%s bytes)", thing.kind, thing.name, thing.n_bytes)
    sweep_parts(layout)
    return found


def _find(layout: DataLayout, keep: KeepConfig) -> Iterator[Needless]:
    sizes = list_shards(layout)
    for shard in unnamed_shards(layout):
        yield Needless(kind="shard", name=shard, n_bytes=sizes[shard])
    for snapshot_id in needless_snapshots(layout, keep.snapshots):
        yield Needless(kind="snapshot", name=snapshot_id, n_bytes=0)
    needless = needless_models(layout, keep.unpromoted_models)
    if layout.tracking_server and needless:
        logger.warning(
            "%s networks that `keep.unpromoted_models` does not keep stay on the tracking server "
            "%s; its own pages, and `mlflow gc` there, remove them.",
            len(needless),
            layout.tracking_server,
        )
        return
    yield from _find_models(layout, needless)


def _find_models(layout: DataLayout, model_ids: Sequence[str]) -> Iterator[Needless]:
    if not model_ids:
        return
    from storage.models.logged import model_folder  # MLflow takes seconds to load
    from storage.models.store import open_tracking

    tracking = open_tracking(layout)
    for model_id in model_ids:
        if folder := model_folder(tracking, model_id):
            yield Needless(kind="model", name=model_id, n_bytes=_count_bytes(folder))


def _delete_model(layout: DataLayout, model_id: str) -> None:
    from storage.models.logged import delete_model
    from storage.models.store import open_tracking

    delete_model(open_tracking(layout), model_id)


def _count_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


_REMOVE: dict[str, Callable[[DataLayout, str], None]] = {
    "shard": lambda layout, name: remove_shards(layout, [name]),
    "snapshot": lambda layout, name: forget_snapshots(layout, [name]),
    "model": _delete_model,
}
