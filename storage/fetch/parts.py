"""Part files: what was fetched so far, kept between runs where it can be gone on with."""

import hashlib
import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from genre_core.errors import TransientError
from storage.home import DataLayout

KEPT_DAYS = 7
_SIDECAR = ".json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """Which version of a file a part belongs to, as its server told.

    Attributes
    ----------
    validator : str
        A strong ETag or the time of the last change; without one, no later run goes on with it.
    n_bytes : int
        Size of the whole file; -1 if the server does not tell.
    """

    validator: str = ""
    n_bytes: int = -1


@contextmanager
def hold_part(layout: DataLayout, url: str = "") -> Iterator[Path]:
    """Give the part file of an address, or a new one; it is gone afterwards.

    The part of an address stays if the download failed for a while, or the process is killed.
    """
    name = hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()
    part = _parts(layout) / (name if url else uuid.uuid4().hex)
    part.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield part
    except TransientError:
        if not (url and is_resumable(part)):
            drop_part(part)
        raise
    except Exception:
        drop_part(part)
        raise
    drop_part(part)


def start_part(part: Path, version: Version) -> None:
    """Empty a part and note the version that it is to hold."""
    part.write_bytes(b"")
    note = _sidecar(part).with_suffix(".new")
    note.write_text(json.dumps(asdict(version)), encoding="utf-8")
    note.replace(_sidecar(part))


def read_version(part: Path) -> Version:
    """Give the version that a part holds; an empty one if nothing is known of it."""
    try:
        return Version(**json.loads(_sidecar(part).read_text("utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return Version()


def count_bytes(part: Path) -> int:
    """Count what was fetched so far."""
    return part.stat().st_size if part.exists() else 0


def is_resumable(part: Path) -> bool:
    """Tell whether a later run may go on with a part."""
    n_bytes, version = count_bytes(part), read_version(part)
    return n_bytes > 0 and (bool(version.validator) or n_bytes == version.n_bytes)


def drop_part(part: Path) -> None:
    """Remove a part and what was noted of it."""
    for path in (part, _sidecar(part), _sidecar(part).with_suffix(".new")):
        path.unlink(missing_ok=True)


def sweep_parts(layout: DataLayout, kept_days: float = KEPT_DAYS) -> None:
    """Remove what killed processes left, but for young parts that can be gone on with.

    No other process may be fetching.
    """
    oldest_s = time.time() - kept_days * 86_400
    for path in list(_parts(layout).glob("*")):
        part = path.with_suffix("")
        if not is_resumable(part) or part.stat().st_mtime < oldest_s:
            drop_part(part)


def _parts(layout: DataLayout) -> Path:
    return layout.songs / ".part"


def _sidecar(part: Path) -> Path:
    return part.with_suffix(_SIDECAR)
