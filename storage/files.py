"""Files and the disk: atomic writes, digests, free space, and errors of a full disk."""

import errno
import hashlib
import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from genre_core.errors import CatalogMismatch, DiskUnusable, GenreflowError, TransientError
from genre_core.records import Reason
from storage.home import DataLayout

LEAST_FREE_BYTES = 32 * 2**20
FULL_BYTES = 2**20
_SQLITE = b"SQLite format 3\0"
PART = re.compile(r"\..+\.[0-9a-f]{32}\.part")
"""Names of files that a killed process has left of `write_whole`."""
DISK_ERRORS = {
    errno.ENOSPC: "is full. Free some space",
    errno.EDQUOT: "is full for this user. Free some space",
    errno.EFBIG: "allows no file of that size. Raise the limit",
    errno.EROFS: "cannot be written to. Make it writable, or use another --home",
}
DISK_SIGNS = (*DISK_ERRORS.values(), *map(os.strerror, DISK_ERRORS))
"""Parts of messages, ours and of others, about a full or read-only disk."""


@contextmanager
def explaining_disk_errors(layout: DataLayout) -> Iterator[None]:
    """Turn errors of a full or read-only disk into `TransientError`; other errors pass."""
    try:
        yield
    except OSError as error:
        if error.errno not in DISK_ERRORS:
            raise
        raise disk_error(layout, error.errno) from error


def disk_error(layout: DataLayout, code: int) -> DiskUnusable:
    """Return the error of a full or read-only disk: what is wrong, and what to do."""
    sentence = f"The disk of {layout.home} {DISK_ERRORS[code]}, then try again."
    return DiskUnusable(Reason.INTERRUPTED, sentence)


def make_home(layout: DataLayout) -> None:
    """Make the folder of a home, for its user alone; one that exists stays as it is."""
    layout.home.mkdir(mode=0o700, parents=True, exist_ok=True)


def require_space(layout: DataLayout) -> None:
    """Raise `TransientError` if the home cannot be written to or has less than 32 MiB free."""
    with explaining_disk_errors(layout):
        make_home(layout)
        with tempfile.TemporaryFile(dir=layout.home):
            pass
    if shutil.disk_usage(layout.home).free < LEAST_FREE_BYTES:
        raise disk_error(layout, errno.ENOSPC)


def find_full_disk(place: Path) -> TransientError | None:
    """Return the error of a disk with next to nothing left; None if it has space."""
    nearest = next(folder for folder in (place, *place.absolute().parents) if folder.exists())
    if shutil.disk_usage(nearest).free < FULL_BYTES:
        return disk_error(DataLayout(place), errno.ENOSPC)
    return None


@contextmanager
def write_whole(path: Path, is_forced: bool = True) -> Iterator[Path]:
    """Yield a path beside ``path`` to write to; it takes the name of ``path`` once it is on disk.

    A reader sees the old file or the whole new one, also after a power cut; not after that unless
    it ``is_forced`` to the disk. If the block fails, the old file stays and nothing is left beside
    it. The folder is made if it is missing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        yield part
        if is_forced:
            with part.open("rb+") as file:
                os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically (`write_whole`)."""
    with write_whole(path) as part:
        part.write_bytes(content)


def trim_files(files: Iterable[Path], max_bytes: int) -> int:
    """Remove the files of a cache that were used longest ago; return the bytes that stay."""
    n_bytes, stated = 0, list[tuple[os.stat_result, Path]]()
    for path in files:
        with suppress(FileNotFoundError):  # another thread trims as well
            stated.append((path.stat(), path))
    for status, path in sorted(stated, key=lambda one: one[0].st_mtime_ns, reverse=True):
        if n_bytes + status.st_size <= max_bytes:
            n_bytes += status.st_size
        else:
            path.unlink(missing_ok=True)
    return n_bytes


def digest_file(path: Path) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_home_id(layout: DataLayout) -> str:
    """Return the id of a home; the first call makes one."""
    if not layout.home_id.exists():
        write_bytes(layout.home_id, uuid.uuid4().hex.encode())
    home_id = layout.home_id.read_text("utf-8", errors="replace")
    if not re.fullmatch("[0-9a-f]{32}", home_id):
        raise CatalogMismatch(f"{layout.home_id} is damaged. Take it out of a backup of the home.")
    return home_id


def require_sqlite(layout: DataLayout, path: Path) -> None:
    """Raise `CatalogMismatch` if a file of the home that exists is no SQLite database."""
    if path.exists():
        with path.open("rb") as file:
            if file.read(len(_SQLITE)) != _SQLITE:
                raise explain_sqlite(layout, path, "file is not a database")


def explain_sqlite(layout: DataLayout, path: Path, fault: object) -> GenreflowError:
    """Return the error to raise for a failure of a SQLite database of the home."""
    message = str(fault).partition("\n")[0]
    if "disk is full" in message:
        return disk_error(layout, errno.ENOSPC)
    if "readonly database" in message:
        return disk_error(layout, errno.EROFS)
    if "disk I/O error" in message:  # also what SQLite says of a full disk, and of a limit
        return find_full_disk(path) or TransientError(
            f"{path} could not be read or written ({message}). Check its disk and the limit of the "
            "size of files, then try again."
        )
    if "is locked" in message:
        return TransientError(f"{path} is in use by another program. Try again when it has ended.")
    return CatalogMismatch(
        f"{path} is damaged, or of another program: {message}. Restore a backup (`genreflow "
        "restore`); `genreflow classify` works without this file."
    )
