"""Backup of a home into a folder of objects, each kept once, named by manifests."""

import logging
import shutil
import sqlite3
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from genre_core.errors import StoreMissing, UsageError
from storage.catalog.connection import copy_catalog, open_catalog
from storage.catalog.removals import read_removed_sources
from storage.files import (
    digest_file,
    explain_sqlite,
    explaining_disk_errors,
    read_home_id,
    require_sqlite,
    write_whole,
)
from storage.home import DataLayout
from storage.lock import hold_home, hold_night
from storage.maintenance.backup_folder import (
    OBJECTS,
    Manifest,
    StoredFile,
    claim_folder,
    drop_manifests,
    next_time,
    object_path,
    remove_unnamed,
    require_own,
    stored_digests,
    write_manifest,
)
from storage.maintenance.integrity import Inventory, take_inventory
from storage.shard_store import open_store

N_TURNS = 7
"""Each backup object is digested again once in so many days."""
_WORK = ".unfinished"
"""Folder among the objects in which a backup prepares files."""
logger = logging.getLogger(__name__)


@dataclass(slots=True)
class BackupObjects:
    """The objects of a backup while it is made.

    ``check_all`` digests every object that is there; otherwise the seventh part whose turn it is on
    ``day``. ``named`` maps names in the home to digests, ``n_repaired`` counts damaged objects that
    were written again.
    """

    folder: Path
    check_all: bool = False
    day: int = field(default_factory=lambda: datetime.now(UTC).toordinal())
    named: dict[str, str] = field(default_factory=dict)
    n_repaired: int = 0

    def store(self, name: str, path: Path, expected: str) -> None:
        """Copy a file unless an intact object of it exists; ``expected`` digest may be empty."""
        known = object_path(self.folder, expected) if expected else None
        if known and self._is_intact(known, path):
            self.named[name] = expected
            return
        was_damaged = known is not None and known.exists()
        self.named[name] = digest = self._copy(path)
        self.n_repaired += was_damaged and digest == expected
        if expected and digest != expected:
            logger.warning(
                "%s is damaged, and so is its backup; run `genreflow doctor --repair`", name
            )

    def _is_intact(self, known: Path, path: Path) -> bool:
        if not known.exists():
            return False
        is_due = self.check_all or int(known.name[:8], 16) % N_TURNS == self.day % N_TURNS
        if known.stat().st_size == path.stat().st_size and not is_due:
            return True
        return digest_file(known) == known.name

    def _copy(self, path: Path) -> str:
        fresh = self.folder / OBJECTS / _WORK / uuid.uuid4().hex
        digest = copy_file(path, fresh)
        target = object_path(self.folder, digest)
        target.parent.mkdir(exist_ok=True)
        fresh.replace(target)
        return digest


def copy_file(source: Path, target: Path) -> str:
    """Copy a file atomically; return the SHA-256 of what was copied."""
    with write_whole(target) as part:
        shutil.copyfile(source, part)
        return digest_file(part)


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupReport:
    """What a backup did.

    ``n_new`` files were not in the backup before. ``n_missing_songs`` and ``n_missing_shards`` are
    named by the catalog and missing in the home; its objects of such songs stay in the backup.
    Shards and runs elsewhere are not in the backup. ``n_backups`` can be restored, this one and
    earlier ones.
    """

    n_files: int
    n_backups: int
    n_new: int
    n_repaired: int
    n_missing_songs: int
    n_missing_shards: int
    shards_elsewhere: str
    runs_elsewhere: str


def back_up(
    layout: DataLayout, folder: Path, check_all: bool = False, n_kept: int = 1
) -> BackupReport:
    """Copy a home into a folder, or update the backup there.

    Only what the folder lacks is copied, and damaged objects. The newest ``n_kept`` backups stay,
    the former one complete until the new manifest is written. Raises `UsageError` if there is no
    home, or the folder lies in it, holds other things or the backup of another home.
    """
    if not layout.catalog.exists():
        raise StoreMissing(f"There is no store in {layout.home}. Name the home with --home.")
    if folder.resolve().is_relative_to(layout.home.resolve()):
        raise UsageError(f"{folder} lies in the home {layout.home}. Choose a folder outside it.")
    with hold_night(layout), hold_home(layout), explaining_disk_errors(DataLayout(folder)):
        require_own(layout, folder)
        claim_folder(layout, folder)
        report = _update_backup(layout, folder, BackupObjects(folder, check_all))
        with open_catalog(layout) as catalog:
            _, removed_at = read_removed_sources(catalog)
        n_backups = drop_manifests(folder, n_kept, removed_at)
        remove_unnamed(folder)
        return replace(report, n_backups=n_backups)


def _update_backup(layout: DataLayout, folder: Path, objects: BackupObjects) -> BackupReport:
    before = stored_digests(folder)
    inventory = take_inventory(layout)
    shards = {} if layout.shards_uri else _shards(inventory)
    with _work_folder(folder) as databases:
        for name, path, digest in _sources(layout, databases):
            objects.store(name, path, digest)
        for name, (path, digest) in shards.items():
            if path.is_file():
                objects.store(name, path, digest)
    missing = {t: path for t, path in inventory.songs.items() if not path.exists()}
    objects.named |= {
        str(path.relative_to(layout.home)): track_id  # so that a restore brings the song back
        for track_id, path in missing.items()
        if object_path(folder, track_id).exists()
    }
    write_manifest(folder, _manifest(layout, folder, objects.named))
    return BackupReport(
        n_files=len(objects.named),
        n_backups=1,
        n_new=len(set(objects.named.values()) - before),
        n_repaired=objects.n_repaired,
        n_missing_songs=len(missing),
        n_missing_shards=len(shards.keys() - objects.named.keys()),
        shards_elsewhere=layout.shards_uri,
        runs_elsewhere=_find_tracking_server(layout),
    )


@contextmanager
def _work_folder(folder: Path) -> Iterator[Path]:
    """Yield an empty folder for files that become objects; nothing of it is left afterwards."""
    work = folder / OBJECTS / _WORK
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _find_tracking_server(layout: DataLayout) -> str:
    note = layout.tracking_note
    return note.read_text("utf-8") if note.exists() else layout.tracking_server


def _sources(layout: DataLayout, databases: Path) -> Iterator[tuple[str, Path, str]]:
    """Yield name, file and known digest of all to be stored; databases come first."""
    copy_catalog(layout, databases / "catalog.duckdb")
    yield "catalog.duckdb", databases / "catalog.duckdb", ""
    for name in ("mlflow.db", "prefect/prefect.db"):
        if (layout.home / name).exists():
            _copy_sqlite(layout, layout.home / name, databases / Path(name).name)
            yield name, databases / Path(name).name, ""
    for path in sorted(layout.songs.glob("??/*")):
        yield str(path.relative_to(layout.home)), path, path.stem
    own = (layout.home_id, layout.tracking_note, layout.music_note, layout.tag_journal)
    for tree in (
        *(layout.mlflow_artifacts, layout.champion, layout.reports, layout.added),
        *own,
    ):
        paths = [tree] if tree.is_file() else sorted(tree.rglob("*"))
        for path in (path for path in paths if path.is_file()):
            yield str(path.relative_to(layout.home)), path, ""


def _shards(inventory: Inventory) -> dict[str, tuple[Path, str]]:
    """File and digest of the shards that the catalog names, by name in the home."""
    root = Path(open_store(inventory.layout).root)
    return {f"shards/{s.name}": (root / s.name, s.digest) for s in inventory.shards}


def _copy_sqlite(layout: DataLayout, source: Path, target: Path) -> None:
    """Copy a SQLite database between two transactions, whoever has it open."""
    address = f"{source.resolve().as_uri()}?mode=ro"
    require_sqlite(layout, source)
    try:
        with (
            closing(sqlite3.connect(address, uri=True)) as reading,
            closing(sqlite3.connect(target)) as writing,
        ):
            reading.backup(writing)
    except sqlite3.DatabaseError as error:
        raise explain_sqlite(layout, source, error) from error


def _manifest(layout: DataLayout, folder: Path, named: Mapping[str, str]) -> Manifest:
    return Manifest(
        format=2,
        home_id=read_home_id(layout),
        home=str(layout.home.resolve()),
        finished_at=next_time(folder),
        shards_elsewhere=layout.shards_uri,
        runs_elsewhere=_find_tracking_server(layout),
        files={
            name: StoredFile(sha256=digest, n_bytes=object_path(folder, digest).stat().st_size)
            for name, digest in named.items()
        },
    )
