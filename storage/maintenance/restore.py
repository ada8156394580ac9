"""Make a home out of its backup: checked, and only where nothing stands."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from genre_core.errors import CatalogMismatch, UsageError
from storage.catalog.publish import publish
from storage.files import digest_file, telling_refusal
from storage.home import DataLayout
from storage.lock import hold_home, hold_night
from storage.maintenance.backup import FILES, FORMAT, MANIFEST, copy_whole, kept_file

UNFINISHED = ".restoring"
_LOCKS = {".lock", ".night.lock"}
_SHOWN = 5
_REPLACEABLE = ("songs/", "shards/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What a home was made of.

    Attributes
    ----------
    n_files : int
        Files of the home.
    left_out : tuple of str
        Songs and shards that are gone or damaged in the backup.
    runs_elsewhere : str
        The tracking server of the runs, if the home that was kept had one.
    """

    n_files: int
    left_out: tuple[str, ...]
    runs_elsewhere: str


def make_home(layout: DataLayout, folder: Path, without_damaged: bool = False) -> Restored:
    """Make a home out of a backup; tell what it was made of.

    Songs and shards that are gone or damaged may be left out: they can be had again.

    The home may stand elsewhere than it stood; MLflow's addresses follow. A restore that was
    killed goes on when it is asked for again. The catalog comes last: without, it is no home.

    Raises
    ------
    UsageError
        If the folder holds no finished backup, or the home is in use.
    CatalogMismatch
        If files of the backup are gone or damaged that may not be left out; nothing is
        restored then.
    """
    document = _read_manifest(folder)
    files: Mapping[str, Any] = document["files"]
    _require_empty(layout)
    _require_inside(layout, files)
    spoilt = _find_spoilt(folder, files, without_damaged)
    _fill(layout, folder, {name: row for name, row in files.items() if name not in spoilt})
    return Restored(
        n_files=len(files) - len(spoilt),
        left_out=tuple(spoilt),
        runs_elsewhere=document.get("runs_elsewhere", ""),
    )


def _fill(layout: DataLayout, folder: Path, files: Mapping[str, Any]) -> None:
    """Copy the files of a backup into a home, the catalog last."""
    with hold_night(layout), hold_home(layout), telling_refusal(layout):
        (layout.home / UNFINISHED).touch()
        for name in sorted(files, key=lambda name: (name == layout.catalog.name, name)):
            copy_whole(kept_file(folder, files[name]["sha256"]), layout.home / name)
        _put_in_order(layout)
        (layout.home / UNFINISHED).unlink()


def _read_manifest(folder: Path) -> Mapping[str, Any]:
    if not (folder / MANIFEST).exists():
        unfinished = (folder / FILES).is_dir()
        raise UsageError(
            f"The backup in {folder} was never finished; make it again with `genreflow backup`."
            if unfinished
            else f"There is no backup in {folder}."
        )
    document = json.loads((folder / MANIFEST).read_text("utf-8"))
    if document["format"] != FORMAT:
        raise UsageError(f"The backup in {folder} is of another version of genreflow.")
    return document


def _require_empty(layout: DataLayout) -> None:
    there = {path.name for path in layout.home.iterdir()} if layout.home.exists() else set()
    if UNFINISHED not in there and there - _LOCKS:
        raise UsageError(
            f"{layout.home} is not empty; a backup is restored into an empty home only. Name "
            "another one with --home."
        )


def _require_inside(layout: DataLayout, files: Mapping[str, Any]) -> None:
    """Refuse a manifest that names files elsewhere than in the home."""
    home = layout.home.resolve()
    if outside := [name for name in files if not (home / name).resolve().is_relative_to(home)]:
        raise CatalogMismatch(
            f"The manifest of the backup names a file outside the home, {outside[0]!r}; it was not "
            "written by `genreflow backup`. Nothing was restored."
        )


def _find_spoilt(folder: Path, files: Mapping[str, Any], without_damaged: bool) -> list[str]:
    """Check every file of the backup against the manifest, before anything is written."""
    spoilt = [name for name, row in files.items() if not _is_whole(folder, row["sha256"])]
    needed = [name for name in spoilt if not name.startswith(_REPLACEABLE)]
    if needed or (spoilt and not without_damaged):
        shown = sorted(spoilt, key=lambda name: name.startswith(_REPLACEABLE))[:_SHOWN]
        way = "" if needed else " `--without-damaged` leaves them out."
        raise CatalogMismatch(
            f"{len(spoilt)} of {len(files)} files of the backup in {folder} are gone or damaged: "
            f"{', '.join(shown)}{', …' if len(spoilt) > _SHOWN else ''}. "
            f"Nothing was restored. Use another copy of the backup.{way}"
        )
    return spoilt


def _is_whole(folder: Path, digest: str) -> bool:
    path = kept_file(folder, digest)
    return path.is_file() and digest_file(path) == digest


def _put_in_order(layout: DataLayout) -> None:
    """Let MLflow's addresses lead into this home, and publish the store for people."""
    if layout.mlflow_db.exists() and not layout.tracking_note.exists():
        from storage.models.store import open_tracking  # MLflow takes seconds to load

        open_tracking(replace(layout, tracking_server=""))  # whatever is set: they are in the home
    publish(layout)
