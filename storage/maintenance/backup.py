"""Keep a copy of a home: files named by their SHA-256, and a manifest that says what they are."""

import hashlib
import json
import logging
import os
import shutil
import sqlite3
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from genre_core.errors import UsageError
from storage.catalog.connection import copy_catalog, open_catalog
from storage.catalog.shards import NamedShard, named_shards
from storage.catalog.songs import stored_songs
from storage.files import digest_file, telling_refusal
from storage.home import DataLayout
from storage.lock import hold_home, hold_night
from storage.shard_store import open_store

FILES = "files"
N_TURNS = 7
"""Every copy is digested again within so many days that a backup is made on."""
_BLOCK_BYTES = 2**20
logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Copies:
    """The copies of a backup while it is made.

    Attributes
    ----------
    folder : Path
    check_all : bool
        Digest every copy that stands there; otherwise the seventh part whose turn it is.
    day : int
        The day that decides whose turn it is.
    named : dict
        Name in the home → digest, of all that was kept so far.
    n_mended : int
        Copies that were damaged, and were made anew.
    """

    folder: Path
    check_all: bool = False
    day: int = field(default_factory=lambda: datetime.now(UTC).toordinal())
    named: dict[str, str] = field(default_factory=dict)
    n_mended: int = 0

    def keep(self, name: str, path: Path, expected: str) -> None:
        """Keep a file unless a sound copy of it stands there; ``expected`` may be unknown."""
        kept = kept_file(self.folder, expected) if expected else None
        if kept and self._is_sound(kept, path):
            self.named[name] = expected
            return
        was_bad = kept is not None and kept.exists()
        self.named[name] = digest = self._copy(path)
        self.n_mended += was_bad and digest == expected
        if expected and digest != expected:
            logger.warning("%s is damaged, and kept so; run `genreflow doctor --repair`", name)

    def _is_sound(self, kept: Path, path: Path) -> bool:
        """Tell whether a copy has the size of its file, and its digest if that is looked at."""
        if not kept.exists():
            return False
        is_due = int(kept.name[:8], 16) % N_TURNS == self.day % N_TURNS
        has_size = kept.stat().st_size == path.stat().st_size
        if has_size and not (is_due or self.check_all):
            return True
        return digest_file(kept) == kept.name

    def _copy(self, path: Path) -> str:
        fresh = self.folder / FILES / f".{uuid.uuid4().hex}"
        digest = copy_whole(path, fresh)
        target = kept_file(self.folder, digest)
        target.parent.mkdir(exist_ok=True)
        fresh.replace(target)
        return digest


def kept_file(folder: Path, digest: str) -> Path:
    """Give where a backup keeps the file of a digest."""
    return folder / FILES / digest[:2] / digest


def copy_whole(source: Path, target: Path) -> str:
    """Copy a file; it appears whole under its name. Gives the SHA-256 of what was copied."""
    part = target.with_name(f".{uuid.uuid4().hex}.part")
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    try:
        with source.open("rb") as reading, part.open("wb") as writing:
            while block := reading.read(_BLOCK_BYTES):
                digest.update(block)
                writing.write(block)
            writing.flush()
            os.fsync(writing.fileno())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return digest.hexdigest()


MANIFEST = "manifest.json"
FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What a backup did.

    Attributes
    ----------
    n_files, n_new : int
        Files of the home in the backup, and those of them that were not there before.
    n_mended : int
        Copies that were damaged, and were made anew.
    n_lost : int
        Songs that the catalog names and that do not stand in the home; copies of them stay.
    n_gone : int
        Shards that the catalog names and that do not stand in the home.
    left_out : str
        The place of the shards, if it is not the home: it is not copied.
    runs_left_out : str
        The tracking server of the runs, if they are not in the home: nor is it.
    """

    n_files: int
    n_new: int
    n_mended: int
    n_lost: int
    n_gone: int
    left_out: str
    runs_left_out: str = ""


def back_up(layout: DataLayout, folder: Path, check_all: bool = False) -> Kept:
    """Copy a home into a folder, or bring the copy there up to date.

    Only what the folder lacks is copied. The copies that are there are held to the sizes of songs
    and shards, a seventh of them (by day; or all) to their digests, and made anew where they are
    bad. What the former backup needs stays until the new manifest stands: killed before, the
    former is whole.

    Raises
    ------
    UsageError
        If there is no home, or the folder lies in it, holds other things or keeps another home.
    TransientError
        If a run is at work in the home, or a disk refuses.
    """
    _require_use(layout, folder)
    with hold_night(layout), hold_home(layout), telling_refusal(DataLayout(folder)):
        (folder / FILES).mkdir(parents=True, exist_ok=True)
        return _bring_up_to_date(layout, folder, Copies(folder, check_all))


def _bring_up_to_date(layout: DataLayout, folder: Path, copies: Copies) -> Kept:
    before = {path.name for path in (folder / FILES).glob("??/*")}
    with tempfile.TemporaryDirectory(dir=folder, prefix=".databases-") as databases:
        for name, path, digest in _sources(layout, Path(databases)):
            copies.keep(name, path, digest)
    n_lost = _keep_lost(layout, folder, copies)
    named = set(copies.named.values())
    _write_manifest(folder, layout, copies.named)
    _drop_unnamed(folder, named)
    return Kept(
        n_files=len(copies.named),
        n_new=len(named - before),
        n_mended=copies.n_mended,
        n_lost=n_lost,
        n_gone=len(_named_shards(layout)) - len(_shards(layout)) if _keeps_shards(layout) else 0,
        left_out="" if _keeps_shards(layout) else layout.shards_uri,
        runs_left_out=_find_tracking_server(layout),
    )


def _keep_lost(layout: DataLayout, folder: Path, copies: Copies) -> int:
    """Keep the songs that the home has lost, so that a restore brings them back; count them."""
    lost = {
        str(path.relative_to(layout.home)): track_id
        for track_id, path in stored_songs(layout).items()
        if not path.exists()
    }
    copies.named |= {
        name: track_id for name, track_id in lost.items() if kept_file(folder, track_id).exists()
    }
    return len(lost)


def _require_use(layout: DataLayout, folder: Path) -> None:
    if not layout.catalog.exists():
        raise UsageError(f"There is nothing in {layout.home} to keep; name the home with --home.")
    if folder.resolve().is_relative_to(layout.home.resolve()):
        raise UsageError(f"{folder} lies in the home {layout.home}; keep the backup elsewhere.")
    owner = _find_owner(folder)
    if owner and owner != layout.home.resolve() and DataLayout(owner).catalog.exists():
        raise UsageError(f"{folder} keeps the home {owner}; give each home a folder of its own.")
    if folder.exists() and any(folder.iterdir()) and not (folder / FILES).is_dir():
        raise UsageError(f"{folder} holds other things than a backup; name an empty folder.")


def _find_owner(folder: Path) -> Path | None:
    """Give the home that a folder keeps."""
    manifest = folder / MANIFEST
    return Path(json.loads(manifest.read_text("utf-8"))["home"]) if manifest.exists() else None


def _keeps_shards(layout: DataLayout) -> bool:
    """Tell whether the shards stand in the home, so that the backup holds them."""
    return not layout.shards_uri


def _find_tracking_server(layout: DataLayout) -> str:
    """Give the address of the server that has the runs; empty where the home has them."""
    note = layout.tracking_note
    return note.read_text("utf-8") if note.exists() else layout.tracking_server


def _sources(layout: DataLayout, databases: Path) -> Iterator[tuple[str, Path, str]]:
    """Give name in the home, file, and digest (empty where it is not known) of all to be kept.

    The databases come first: what they name is written before them, so it is there.
    """
    copy_catalog(layout, databases / "catalog.duckdb")
    yield "catalog.duckdb", databases / "catalog.duckdb", ""
    for name in ("mlflow.db", "prefect/prefect.db"):
        if (layout.home / name).exists():
            _copy_sqlite(layout.home / name, databases / Path(name).name)
            yield name, databases / Path(name).name, ""
    for path in sorted(layout.songs.glob("??/*")):
        yield str(path.relative_to(layout.home)), path, path.stem
    if _keeps_shards(layout):
        yield from _shards(layout)
    own = (layout.home_id, layout.tracking_note)
    for tree in (layout.mlflow_artifacts, layout.champion, layout.reports, *own):
        paths = [tree] if tree.is_file() else sorted(tree.rglob("*"))
        for path in (path for path in paths if path.is_file()):
            yield str(path.relative_to(layout.home)), path, ""


def _named_shards(layout: DataLayout) -> list[NamedShard]:
    with open_catalog(layout) as catalog:
        return named_shards(catalog)


def _shards(layout: DataLayout) -> list[tuple[str, Path, str]]:
    """Give name, file and digest of the shards that the catalog names and that are there."""
    root = Path(open_store(layout).root)
    files = [(f"shards/{s.name}", root / s.name, s.digest) for s in _named_shards(layout)]
    return [file for file in files if file[1].is_file()]


def _copy_sqlite(source: Path, target: Path) -> None:
    """Copy a SQLite database as it is between two transactions, whoever has it open."""
    address = f"{source.resolve().as_uri()}?mode=ro"
    with (
        closing(sqlite3.connect(address, uri=True)) as reading,
        closing(sqlite3.connect(target)) as writing,
    ):
        reading.backup(writing)


def _write_manifest(folder: Path, layout: DataLayout, files: dict[str, str]) -> None:
    rows = {
        name: {"sha256": digest, "n_bytes": kept_file(folder, digest).stat().st_size}
        for name, digest in files.items()
    }
    document = {
        "format": FORMAT,
        "home": str(layout.home.resolve()),
        "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "shards_elsewhere": layout.shards_uri,
        "runs_elsewhere": _find_tracking_server(layout),
        "files": rows,
    }
    part = folder / f".{MANIFEST}.part"
    with part.open("w", encoding="utf-8") as file:
        json.dump(document, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    part.replace(folder / MANIFEST)


def _drop_unnamed(folder: Path, named: set[str]) -> None:
    """Remove what only former backups needed, and what killed ones have left."""
    for path in [*(folder / FILES).glob("??/*"), *(folder / FILES).glob(".*")]:
        if path.is_file() and path.name not in named:
            path.unlink()
    for left in folder.glob(".databases-*"):
        shutil.rmtree(left)
