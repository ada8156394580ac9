"""A small Free Music Archive, published on this machine."""

import hashlib
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from storage.sources.published import COLLECTIONS, Archive
from tests.storage.sources.conftest import write_fma


class ArchiveServer(ThreadingHTTPServer):
    """Serves the files of a folder, with ranges; ``cut`` breaks answers off after so many bytes."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        self.cut: int | None = None
        self.knows_ranges = True
        self.asked: list[tuple[str, str]] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: ArchiveServer

    def do_GET(self) -> None:
        wanted = self.headers.get("Range", "")
        self.server.asked.append((self.path, wanted))
        file = self.server.folder / self.path.strip("/")
        if not file.is_file():
            self.send_error(404)
            return
        begin = int(wanted.removeprefix("bytes=").rstrip("-") or 0)
        begin = begin if self.server.knows_ranges else 0
        whole = file.read_bytes()
        content = whole[begin:]
        self.send_response(206 if begin else 200)
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(whole) - 1}/{len(whole)}")
        self.send_header("ETag", '"as published"')
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: self.server.cut])

    def log_message(self, *_: object) -> None:
        """Stay silent."""


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
    """Give the table's own lines for fma-small, with the sums of the archives in a folder."""
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
    with ArchiveServer(shelf) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()
