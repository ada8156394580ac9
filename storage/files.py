"""Files and the disk: atomic writes, digests, free space, and errors of a full disk."""

import errno
import hashlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from genre_core.errors import TransientError
from genre_core.records import Reason
from storage.home import DataLayout

LEAST_FREE_BYTES = 32 * 2**20
NOTHING_BYTES = 2**20
REFUSALS = {
    errno.ENOSPC: "is full. Free some space",
    errno.EDQUOT: "is full for this user. Free some space",
    errno.EFBIG: "takes no file of that size. Raise the limit",
    errno.EROFS: "cannot be written to. Make it writable, or use another --home",
}


@contextmanager
def telling_refusal(layout: DataLayout) -> Iterator[None]:
    """Turn the refusal of a disk that is full or read-only into one sentence.

    Raises
    ------
    TransientError
        If the block fails for that reason; other errors pass.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in REFUSALS:
            raise
        raise refusal(layout, error.errno) from error


def refusal(layout: DataLayout, code: int) -> TransientError:
    """Say what a disk that refuses is short of, and what to do."""
    sentence = f"The disk of {layout.home} {REFUSALS[code]}, then try again."
    return TransientError(Reason.INTERRUPTED, sentence)


def require_room(layout: DataLayout) -> None:
    """Check that a run can begin: the home can be written to, and has some room.

    Raises
    ------
    TransientError
        If it cannot, or less than 32 MiB are free.
    """
    with telling_refusal(layout):
        layout.home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=layout.home):
            pass
    if shutil.disk_usage(layout.home).free < LEAST_FREE_BYTES:
        raise refusal(layout, errno.ENOSPC)


def find_shortage(place: Path) -> TransientError | None:
    """Give the refusal of a disk that has next to nothing left; none if it has room."""
    nearest = next(folder for folder in (place, *place.absolute().parents) if folder.exists())
    if shutil.disk_usage(nearest).free < NOTHING_BYTES:
        return refusal(DataLayout(place), errno.ENOSPC)
    return None


@contextmanager
def write_whole(path: Path) -> Iterator[Path]:
    """Yield a path beside ``path`` to write to; it takes the name of ``path`` once it is on disk.

    A reader sees the old file or the whole new one, also after a power cut. If the block fails,
    the old file stays and nothing is left beside it. The folder is made if it is missing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        yield part
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically (`write_whole`)."""
    with write_whole(path) as part:
        part.write_bytes(content)


def digest_file(path: Path) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_home_id(layout: DataLayout) -> str:
    """Return the id of a home; the first call makes one."""
    if not layout.home_id.exists():
        write_bytes(layout.home_id, uuid.uuid4().hex.encode())
    return layout.home_id.read_text("utf-8")
