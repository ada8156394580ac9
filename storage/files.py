"""The disk: whether it takes what is written, and what its files hold."""

import errno
import hashlib
import shutil
import tempfile
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


def digest_file(path: Path) -> str:
    """Give the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
