"""Partial downloads: kept between runs where they can be resumed."""

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

OnBytes = Callable[[int, int], None]
"""Gets how many bytes of a file are there, and how many there will be (0: unknown)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """The version of a file that a partial download belongs to, as its server named it."""

    validator: str = ""  # a strong ETag or the time of the last change; needed to resume
    n_bytes: int = -1  # of the complete file; -1: unknown


@dataclass(frozen=True, slots=True)
class Part:
    """A partial download, with a note of its version beside it."""

    path: Path

    @property
    def n_bytes(self) -> int:
        """How many bytes were fetched so far."""
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def version(self) -> Version:
        """The version of the file; an empty one if unknown."""
        try:
            return Version(**json.loads(self._note.read_text("utf-8")))
        except (FileNotFoundError, ValueError, TypeError):
            return Version()

    @property
    def is_resumable(self) -> bool:
        """Whether a later run may resume it."""
        is_known = bool(self.version.validator) or self.n_bytes == self.version.n_bytes
        return self.n_bytes > 0 and is_known

    def start(self, version: Version) -> None:
        """Empty it, and note the version that it is to hold."""
        self.path.write_bytes(b"")
        new = self._note.with_suffix(".new")
        new.write_text(json.dumps(asdict(version)), encoding="utf-8")
        new.replace(self._note)

    def append(
        self, chunks: Iterable[bytes], watch: Watch, on_bytes: OnBytes | None = None
    ) -> None:
        """Append chunks while size, time and speed are within the limits."""
        n_bytes, total = self.n_bytes, max(self.version.n_bytes, 0)
        watch.start_body(n_bytes)
        with self.path.open("ab") as file:
            for chunk in chunks:
                n_bytes += len(chunk)
                watch.require_size(n_bytes)
                file.write(chunk)
                if on_bytes:
                    on_bytes(n_bytes, total)
                watch.note_bytes(n_bytes)

    def drop(self) -> None:
        """Remove it and its note."""
        for path in (self.path, self._note, self._note.with_suffix(".new")):
            path.unlink(missing_ok=True)

    @property
    def _note(self) -> Path:
        return self.path.with_suffix(".json")


@contextmanager
def hold_part(layout: DataLayout, url: str = "") -> Iterator[Part]:
    """Yield the partial download of an address, or a new one; it is gone afterwards.

    That of an address stays if the download failed for a while, or the process is killed.
    """
    name = hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()
    part = Part(_folder(layout) / (name if url else uuid.uuid4().hex))
    part.path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield part
    except TransientError:
        if not (url and part.is_resumable):
            part.drop()
        raise
    except Exception:
        part.drop()
        raise
    part.drop()


def sweep_parts(layout: DataLayout, kept_days: float = KEPT_DAYS) -> None:
    """Remove what killed processes left, except young downloads that can be resumed.

    No other process may be fetching.
    """
    oldest_s = time.time() - kept_days * 86_400
    for path in list(_folder(layout).glob("*")):
        part = Part(path.with_suffix(""))
        if not part.is_resumable or part.path.stat().st_mtime < oldest_s:
            part.drop()


def _folder(layout: DataLayout) -> Path:
    return layout.songs / ".part"
