"""Partial downloads: what was fetched so far, kept between runs where it can be resumed."""

import hashlib
import json
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from genre_core.errors import TransientError
from storage.fetch.limits import Watch
from storage.home import DataLayout

KEPT_DAYS = 7
_SIDECAR = ".json"

OnBytes = Callable[[int, int], None]


def ignore_bytes(_n_bytes: int, _total: int) -> None:
    """Report no progress."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """The version of a file that a partial download belongs to, as its server named it."""

    validator: str = ""  # a strong ETag or the time of the last change; needed to resume
    n_bytes: int = -1  # of the complete file; -1: unknown


@contextmanager
def hold_part(layout: DataLayout, url: str = "") -> Iterator[Path]:
    """Yield the path of the partial download of an address, or a new one; it is gone afterwards.

    That of an address stays if the download failed for a while, or the process is killed.
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


def append_chunks(
    part: Path, chunks: Iterable[bytes], watch: Watch, on_bytes: OnBytes = ignore_bytes
) -> None:
    """Append chunks to a partial download while size, time and speed are within the limits.

    ``on_bytes`` gets how many bytes are there, of how many (0: unknown).
    """
    n_bytes, total = count_bytes(part), max(read_version(part).n_bytes, 0)
    watch.start_body(n_bytes)
    with part.open("ab") as file:
        for chunk in chunks:
            n_bytes += len(chunk)
            watch.require_size(n_bytes)
            file.write(chunk)
            on_bytes(n_bytes, total)
            watch.note_bytes(n_bytes)


def start_part(part: Path, version: Version) -> None:
    """Empty a partial download and note the version that it is to hold."""
    part.write_bytes(b"")
    note = _sidecar(part).with_suffix(".new")
    note.write_text(json.dumps(asdict(version)), encoding="utf-8")
    note.replace(_sidecar(part))


def read_version(part: Path) -> Version:
    """Return the version that a partial download holds; an empty one if unknown."""
    try:
        return Version(**json.loads(_sidecar(part).read_text("utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return Version()


def count_bytes(part: Path) -> int:
    """Return how many bytes were fetched so far."""
    return part.stat().st_size if part.exists() else 0


def is_resumable(part: Path) -> bool:
    """Whether a later run may resume a partial download."""
    n_bytes, version = count_bytes(part), read_version(part)
    return n_bytes > 0 and (bool(version.validator) or n_bytes == version.n_bytes)


def drop_part(part: Path) -> None:
    """Remove a partial download and what was noted of it."""
    for path in (part, _sidecar(part), _sidecar(part).with_suffix(".new")):
        path.unlink(missing_ok=True)


def sweep_parts(layout: DataLayout, kept_days: float = KEPT_DAYS) -> None:
    """Remove what killed processes left, except young downloads that can be resumed.

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
