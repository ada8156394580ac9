"""Restore of a home from a backup: whole, or nothing."""

import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from genre_core.errors import CatalogMismatch, UsageError
from genre_core.records import counted
from storage.catalog.publish import publish
from storage.files import (
    explaining_disk_errors,
)
from storage.home import DataLayout
from storage.lock import hold_home, hold_night
from storage.maintenance.backup import copy_file
from storage.maintenance.backup_folder import (
    is_intact,
    object_path,
    read_manifest,
)

_RESTORING = ".restoring"
"""File that marks a home as one whose restore has not ended."""
_LOCKS = {".lock", ".night.lock"}
_N_SHOWN = 5
_DATABASES = (".duckdb", ".db")
_REPLACEABLE = ("songs/", "shards/")


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreReport:
    """What was restored; ``left_out`` are songs and shards missing or damaged in the backup.

    ``runs_elsewhere`` is the tracking server of the runs, if the home had one.
    """

    n_files: int
    left_out: tuple[str, ...]
    runs_elsewhere: str


def restore(
    layout: DataLayout, folder: Path, without_damaged: bool = False, at: str = ""
) -> RestoreReport:
    """Restore a backup into an empty home; every file is checked before anything is written.

    ``at`` is a time; the backup is the newest one of that time or before. A restore that fails
    leaves nothing; one that was killed is resumed by the next call. The catalog comes last, without
    which there is no home. MLflow's addresses follow to a new place. Raises `UsageError` if the
    folder holds no finished backup or the home is in use, `CatalogMismatch` if files are missing or
    damaged; ``without_damaged`` leaves out songs and shards, which can be made again.
    """
    manifest = read_manifest(folder, at)
    digests = {name: file.sha256 for name, file in manifest.files.items()}
    _require_empty(layout)
    _require_inside(layout, digests)
    damaged = _find_damaged(folder, digests, without_damaged)
    with _clearing_on_failure(layout), explaining_disk_errors(layout):
        _fill(layout, folder, {name: digests[name] for name in digests.keys() - set(damaged)})
    return RestoreReport(
        n_files=len(digests) - len(damaged),
        left_out=tuple(damaged),
        runs_elsewhere=manifest.runs_elsewhere,
    )


@contextmanager
def _clearing_on_failure(layout: DataLayout) -> Iterator[None]:
    """Hold the home; if the block fails, remove what it wrote there.

    What was there before, of a restore that was killed, stays for the next call.
    """
    was_there, is_resumed = layout.home.exists(), (layout.home / _RESTORING).exists()
    with hold_night(layout), hold_home(layout):
        try:
            yield
        except Exception:
            if not is_resumed:
                _clear(layout.home)
            if not was_there:
                layout.home.rmdir()
            raise


def _clear(home: Path) -> None:
    for path in home.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _fill(layout: DataLayout, folder: Path, digests: Mapping[str, str]) -> None:
    (layout.home / _RESTORING).touch()
    for name in sorted(digests, key=lambda name: (name == layout.catalog.name, name)):
        copy_file(object_path(folder, digests[name]), layout.home / name)
        if name.endswith(_DATABASES):
            (layout.home / name).chmod(0o600)
    if layout.mlflow_db.exists() and not layout.tracking_note.exists():
        from storage.models.store import open_tracking  # MLflow takes seconds to load

        open_tracking(replace(layout, tracking_server=""))  # its addresses lead into this home
    publish(layout)
    (layout.home / _RESTORING).unlink()


def _require_empty(layout: DataLayout) -> None:
    found = {path.name for path in layout.home.iterdir()} if layout.home.exists() else set()
    if _RESTORING not in found and found - _LOCKS:
        raise UsageError(
            f"{layout.home} is not empty; a backup is restored into an empty home only. Name "
            "another one with --home."
        )


def _require_inside(layout: DataLayout, names: Iterable[str]) -> None:
    home = layout.home.resolve()
    if odd := [name for name in names if not _is_inside(home, name)]:
        raise CatalogMismatch(
            f"The manifest of the backup names a file outside the home, {odd[0]!r}; it was not "
            "written by `genreflow backup`. Nothing was restored."
        )


def _is_inside(home: Path, name: str) -> bool:
    path = PurePosixPath(name)
    is_plain = (
        bool(path.parts) and not path.is_absolute() and not {"..", "\0"} & {*path.parts, *name}
    )
    return is_plain and (home / name).resolve().is_relative_to(home)


def _find_damaged(folder: Path, digests: Mapping[str, str], without_damaged: bool) -> list[str]:
    """Names of the files that are missing or damaged, if all of them may be left out."""
    damaged = [name for name, digest in digests.items() if not is_intact(folder, digest)]
    needed = [name for name in damaged if not name.startswith(_REPLACEABLE)]
    if needed or (damaged and not without_damaged):
        shown = sorted(damaged, key=lambda name: name.startswith(_REPLACEABLE))[:_N_SHOWN]
        hint = "" if needed else " `--without-damaged` leaves them out."
        raise CatalogMismatch(
            f"{len(damaged)} of {counted(len(digests), 'file is', 'files are')} missing or damaged "
            f"in the backup in {folder}: {', '.join(shown)}"
            f"{', …' if len(damaged) > _N_SHOWN else ''}. Nothing was restored. "
            f"Use another copy of the backup, or an earlier one with --at."
            f"{hint}"
        )
    return damaged
