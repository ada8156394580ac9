"""The folder of a backup: a marker of its home, files named by their SHA-256, and manifests."""

import logging
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError

from genre_core.errors import CatalogMismatch, GenreflowError, UsageError
from storage.files import PART, digest_file, read_home_id, write_bytes
from storage.home import DataLayout

MARKER, OBJECTS, MANIFEST, MANIFESTS = (
    "genreflow-backup.json",
    "files",
    "manifest.json",
    "manifests",
)
UNFINISHED = ".unfinished"
"""Folder beside the objects, in which a backup prepares its files."""
_DIGEST = re.compile(r"[0-9a-f]{64}")
_MANIFEST_NAME = re.compile(r"\d{8}T\d{6}Z\.json")
Document = TypeVar("Document")
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """Whose backup a folder is: the id of the home, and where the home was last."""

    home_id: str
    home: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A file of the home, as a manifest names it."""

    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    n_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One finished backup: ``files`` maps names in the home to what was stored."""

    format: Literal[2]
    home_id: str
    home: str
    finished_at: AwareDatetime
    shards_elsewhere: str = ""
    runs_elsewhere: str = ""
    files: Mapping[str, StoredFile]

    @property
    def digests(self) -> set[str]:
        """The objects that this backup needs."""
        return {file.sha256 for file in self.files.values()}


def object_path(folder: Path, digest: str) -> Path:
    """Path of the object of a digest in a backup."""
    return folder / OBJECTS / digest[:2] / digest


def is_intact(folder: Path, digest: str) -> bool:
    """Whether the object of a digest is there and holds that content; reads all of it."""
    path = object_path(folder, digest)
    return path.is_file() and digest_file(path) == digest


def require_own(layout: DataLayout, folder: Path) -> None:
    """Raise `UsageError` if a folder holds other things, or the backup of another home.

    A copy of a home has the id of the first one, to which the backup belongs while it is there.
    """
    marker = folder / MARKER
    if not marker.exists():
        if os.path.lexists(folder) and not _is_empty(folder):
            raise UsageError(f"{folder} holds other things than a backup. Name an empty folder.")
        return
    owner = _read(Marker, marker)
    if owner.home_id != read_home_id(layout):
        raise UsageError(
            f"{folder} is the backup of another home, which was at {owner.home}. Nothing was "
            f"written. If {layout.home} is a new home, name another folder; if it should be that "
            "home, check that its disk is mounted."
        )
    place = Path(owner.home)
    if DataLayout(place).catalog.exists() and not place.samefile(layout.home):
        raise UsageError(f"{folder} is the backup of {place}. Give each home its own folder.")


def _is_empty(folder: Path) -> bool:
    """Whether a folder holds nothing but the marker's beginning, of a backup that was killed."""
    return folder.is_dir() and all(p.name.startswith(f".{MARKER}.") for p in folder.iterdir())


def claim_folder(layout: DataLayout, folder: Path) -> None:
    """Mark a folder as the backup of a home."""
    marker = Marker(home_id=read_home_id(layout), home=str(layout.home.resolve()))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write(folder / MARKER, marker)
    (folder / OBJECTS).mkdir(exist_ok=True)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Finish a backup: its manifest is kept under its time, and is the newest one."""
    _write(folder / MANIFESTS / f"{name_time(manifest.finished_at)}.json", manifest)
    _write(folder / MANIFEST, manifest)


def next_time(folder: Path) -> datetime:
    """Return the present second, or the one after the newest backup if that is later."""
    now, paths = datetime.now(UTC).replace(microsecond=0), _manifest_paths(folder)
    return max(now, _time_of(paths[-1]) + timedelta(seconds=1)) if paths else now


def name_time(time: datetime) -> str:
    """Return a time in UTC as people and file names have it: ``20261130T030525Z``."""
    return f"{time.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def list_manifests(folder: Path) -> list[Manifest]:
    """Read all manifests that a folder keeps, the newest first; some `UsageError` if none."""
    newest = _read_newest(folder)
    return [_read(Manifest, path) for path in _manifest_paths(folder)[::-1]] or [newest]


def read_manifest(folder: Path, at: str = "") -> Manifest:
    """Read the newest manifest, or the newest that was finished at a time or before it.

    Raises `UsageError` if there is none, `CatalogMismatch` if it is damaged.
    """
    if not at:
        return _read_newest(folder)
    latest, paths = _latest_time(at), _manifest_paths(folder)
    if found := [path for path in paths if _time_of(path) <= latest]:
        return _read(Manifest, found[-1])
    oldest = f" The oldest one is {paths[0].stem}." if paths else ""
    raise UsageError(f"{folder} keeps no backup of {at} or before.{oldest}")


def drop_manifests(folder: Path, n_kept: int, removed_at: datetime | None) -> int:
    """Remove all manifests but the newest ``n_kept``; return how many are left.

    Those from before the last removal of songs on request go, too: they still hold these songs.
    """
    paths = _manifest_paths(folder)
    earliest = name_time(removed_at) if removed_at else ""
    kept = [path for path in paths[-n_kept:] if path.stem > earliest or path == paths[-1]]
    for path in set(paths) - set(kept):
        path.unlink()
    return len(kept)


def remove_unnamed(folder: Path) -> None:
    """Remove the objects that no manifest names; files that no backup wrote stay.

    A manifest that cannot be read may name any object: then all of them stay.
    """
    try:
        named = {digest for manifest in list_manifests(folder) for digest in manifest.digests}
    except GenreflowError as error:
        logger.warning("Unused backup objects stay: %s", error)
        return
    for path in [*_objects(folder), *_parts(folder)]:
        if path.name not in named:
            path.unlink()


def stored_digests(folder: Path) -> set[str]:
    """The objects that a folder holds."""
    return {path.name for path in _objects(folder)}


def _objects(folder: Path) -> Iterator[Path]:
    found = (folder / OBJECTS).glob("??/*")
    return (p for p in found if _DIGEST.fullmatch(p.name) and p.name[:2] == p.parent.name)


def _parts(folder: Path) -> Iterator[Path]:
    """Beginnings of markers and manifests, which killed backups left."""
    found = [*folder.glob(".*.part"), *(folder / MANIFESTS).glob(".*.part")]
    return (path for path in found if PART.fullmatch(path.name))


def _read_newest(folder: Path) -> Manifest:
    if (folder / MANIFEST).exists():
        return _read(Manifest, folder / MANIFEST)
    raise UsageError(
        f"The backup in {folder} is unfinished. Run `genreflow backup {folder}` again."
        if (folder / MARKER).exists()
        else f"There is no backup in {folder}."
    )


def _latest_time(at: str) -> datetime:
    """Return the last moment that a date or a time means; without a zone it is in UTC."""
    try:
        time = datetime.fromisoformat(at)
    except ValueError as error:
        raise UsageError(f"{at!r} is no time. Write 2026-11-30 or 20261130T030525Z.") from error
    is_date = len(at) <= len("2026-11-30")
    return (time if time.tzinfo else time.replace(tzinfo=UTC)) + timedelta(days=is_date)


def _manifest_paths(folder: Path) -> list[Path]:
    found = (folder / MANIFESTS).glob("*.json")
    return sorted(path for path in found if _MANIFEST_NAME.fullmatch(path.name))


def _time_of(path: Path) -> datetime:
    return datetime.fromisoformat(path.stem)


def _write(path: Path, document: Marker | Manifest) -> None:
    write_bytes(path, TypeAdapter(type(document)).dump_json(document, indent=1))


def _read(kind: type[Document], path: Path) -> Document:
    try:
        return TypeAdapter(kind).validate_json(path.read_bytes())
    except ValidationError as error:
        fault = error.errors()[0]
        if fault["loc"] == ("format",):
            raise UsageError(f"{path} was written by another version of genreflow.") from error
        place = ".".join(map(str, fault["loc"]))
        raise CatalogMismatch(
            f"{path} is damaged, or no file of a backup ({fault['msg']}{place and f' in {place}'})."
            " Nothing was changed. `genreflow restore --at` takes an earlier backup of the folder."
        ) from error
