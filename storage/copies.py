"""Copies: files kept under their SHA-256, and looked at again from time to time."""

import hashlib
import logging
import os
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from storage.disk import digest_file

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
