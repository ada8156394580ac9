"""A small Free Music Archive, published on this machine."""

import hashlib
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from storage.sources.published import COLLECTIONS, Archive
from tests.storage.fetch.conftest import Host, serve
from tests.storage.sources.conftest import write_fma


class ArchiveServer(Host):
    """Serves the files of a folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(b"", "127.0.0.1")
        self.folder = folder

    def find(self, path: str) -> bytes | None:
        file = self.folder / path.strip("/")
        return file.read_bytes() if file.is_file() else None


def pack(folder: Path, into: Path) -> Path:
    """Pack a folder as the published archives are packed: bzip2, under its own name."""
    archive = into / f"{folder.name}.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_BZIP2) as file:
        for path in sorted(folder.rglob("*")):
            file.write(path, path.relative_to(folder.parent))
    return archive


def sha1(path: Path) -> str:
    return hashlib.sha1(path.read_bytes()).hexdigest()


def small_table(folder: Path) -> tuple[Archive, ...]:
    """Return the table's own lines for fma-small, with the sums of the archives in a folder."""
    return tuple(
        replace(archive, sha1=sha1(folder / f"{archive.name}.zip"))
        for archive in COLLECTIONS["fma-small"]
    )


@contextmanager
def published_fma(folder: Path) -> Iterator[ArchiveServer]:
    """Write a small archive to ``folder / "original"``, pack it, and serve it until the end."""
    original, shelf = write_fma(folder / "original"), folder / "shelf"
    shelf.mkdir()
    for name in ("fma_metadata", "fma_small"):
        pack(original / name, shelf)
    server = ArchiveServer(shelf)
    with serve(server):
        yield server
