"""Replace a file of the user: the old one or the whole new one, its rights and owner kept."""

import errno
import fcntl
import os
import shutil
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from genre_core.errors import GenreflowError
from storage.files import DISK_ERRORS

MOST_BYTES = 1 << 29
"""A file and its successor are held in memory, some of it twice."""


class TagUnwritable(GenreflowError):
    """The genre cannot be written into this file; the message says why."""

    code = "tag-unwritable"


def part_of(path: Path) -> Path:
    """Return a new name beside a file, for its successor until it takes the name of the file."""
    return path.with_name(f".{uuid.uuid4().hex}.genreflow.part")


def require_writable(path: Path) -> os.stat_result:
    """Return what a file is; `TagUnwritable` if it may not be replaced, or is no file."""
    try:
        found = path.stat()
        if not path.is_file():
            raise TagUnwritable("it is no file")
        if not (found.st_mode & 0o222 and os.access(path, os.R_OK | os.W_OK)):
            raise TagUnwritable("it is read-only")
        if found.st_nlink > 1:
            names = f"{found.st_nlink} names (hard links)"
            raise TagUnwritable(f"it has {names}, of which one alone would change; copy it first")
        if found.st_size > MOST_BYTES:
            raise TagUnwritable(f"it is larger than {MOST_BYTES >> 20} MiB")
        if not os.access(path.parent, os.W_OK | os.X_OK):
            raise TagUnwritable(f"its folder {path.parent} is read-only")
        _require_unlocked(path)
    except OSError as error:
        raise explain_os_error(error) from error
    return found


def explain_os_error(error: OSError) -> TagUnwritable:
    """Return the reason for which a file cannot be read or written."""
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return TagUnwritable("it is not there any more")
    if error.errno in DISK_ERRORS:
        return TagUnwritable(f"its disk {DISK_ERRORS[error.errno].partition('.')[0]}")
    return TagUnwritable(f"the system refuses it: {error.strerror}")


def _require_unlocked(path: Path) -> None:
    """Refuse a file that another program has locked while it works on it."""
    with path.open("rb") as file, suppress(OSError):  # some file systems have no locks
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise TagUnwritable("it is in use by another program") from error


def replace_file(
    path: Path,
    part: Path,
    content: bytes,
    found: os.stat_result,
    check: Callable[[Path], None],
    mtime_ns: int | None = None,
) -> None:
    """Replace a file by its successor, which is written to ``part`` beside it.

    ``found`` is what the file was when it was read: one that has changed since is left alone.
    ``check`` raises if the successor is wrong. Rights, owner and extended attributes stay;
    ``mtime_ns`` is the time of its last change, by default now. A kill leaves the old file or the
    new one, and perhaps the part.
    """
    try:
        _write_part(path, part, content, found, mtime_ns)
        check(part)
        if _identity(path.stat()) != _identity(found):
            raise TagUnwritable("another program has changed it meanwhile")
        part.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise explain_os_error(error) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _write_part(
    path: Path, part: Path, content: bytes, found: os.stat_result, mtime_ns: int | None
) -> None:
    """Write the successor of a file to the disk, with its rights, owner and attributes."""
    with open(part, "xb", opener=_open_own) as file:
        file.write(content)
        file.flush()
        _keep_owner(path, part, found)
        if mtime_ns is None:
            os.utime(part)
        else:
            os.utime(part, ns=(found.st_atime_ns, mtime_ns))
        os.fsync(file.fileno())


def _open_own(path: str, flags: int) -> int:
    """Open a new file that nobody else may read until it has the rights of the old one."""
    return os.open(path, flags, 0o600)


def _identity(found: os.stat_result) -> tuple[int, int, int, int]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _keep_owner(path: Path, part: Path, found: os.stat_result) -> None:
    """Copy to the successor the owner, as far as this user may, the rights and the attributes."""
    with suppress(PermissionError):
        os.chown(part, found.st_uid, found.st_gid)
    shutil.copystat(path, part)


def sync_folder(folder: Path) -> None:
    """Write the names in a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):  # some file systems sync no folders
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
