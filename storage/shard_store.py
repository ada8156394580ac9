"""Where shards stand: a folder of this machine, or any file system that Arrow knows, S3 first.

A folder needs no Arrow, which is large.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from genre_core.errors import CatalogMismatch, TransientError, UsageError
from genre_core.records import counted
from storage.files import explaining_disk_errors, read_home_id, write_whole
from storage.home import DataLayout

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow import fs

_MARK = "home.txt"
_OURS = re.compile(r"[^/]+/([0-9a-f]{24}\.parquet|\.[0-9a-f]{24}\.parquet\.[0-9a-f]{32}\.part)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardStore:
    """The file system of the shards, opened; ``root`` is the folder or prefix that holds them.

    Without a ``filesystem`` it is that of this machine. It is opened where it is used and never
    travels: what Arrow has open cannot be sent.
    """

    uri: str
    root: str
    filesystem: fs.FileSystem | None = None

    @property
    def is_local(self) -> bool:
        """Whether the shards are files of this machine, or of a share that it has mounted."""
        return self.filesystem is None

    def path(self, name: str) -> str:
        """Return the path of a shard, as the file system takes it."""
        return f"{self.root}/{name}"

    def address(self, name: str) -> str:
        """Return the path or address of a shard for DuckDB and for people."""
        if self.is_local:
            return f"{Path(self.root).resolve()}/{name}"
        return f"{urlsplit(self.uri).scheme}://{self.path(name)}"


def open_store(layout: DataLayout) -> ShardStore:
    """Open the place of the shards; credentials come from the environment alone.

    Raises `UsageError` if the setting ``shards`` is no address or holds credentials,
    `TransientError` if the place cannot be reached.
    """
    uri = layout.shards_uri
    if not uri:
        return ShardStore(uri="", root=str(layout.shards))
    if uri.startswith("/"):
        return ShardStore(uri=uri, root=uri.rstrip("/"))
    if "@" in urlsplit(uri).netloc:
        raise UsageError(
            "The setting `shards` holds credentials; name the bucket and the prefix alone, and set "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment."
        )
    from pyarrow import fs

    try:
        filesystem, root = fs.FileSystem.from_uri(uri)
    except (ValueError, NotImplementedError) as error:
        raise UsageError(
            f"The setting `shards` is {uri!r}, which is no place for shards: {error}. Use "
            "s3://bucket/prefix, or the absolute path of a folder."
        ) from error
    except OSError as error:
        raise _unreachable(uri, error) from error
    elsewhere = None if filesystem.type_name == "local" else filesystem
    return ShardStore(uri=uri, root=root.rstrip("/"), filesystem=elsewhere)


def list_shards(layout: DataLayout) -> dict[str, int]:
    """Return the size of every file below the place of the shards, in bytes, by name."""
    store = open_store(layout)
    elsewhere = store.filesystem
    sizes = _sizes_here(store.root) if elsewhere is None else _sizes_at(elsewhere, store)
    return {path.removeprefix(f"{store.root}/"): n_bytes for path, n_bytes in sizes}


def _sizes_here(root: str) -> Iterator[tuple[str, int]]:
    for folder, _, names in os.walk(root, followlinks=True):
        for name in names:
            with suppress(FileNotFoundError):  # removed meanwhile
                yield f"{folder}/{name}", os.stat(f"{folder}/{name}").st_size  # noqa: PTH116


def _sizes_at(filesystem: fs.FileSystem, store: ShardStore) -> list[tuple[str, int]]:
    from pyarrow import fs

    selector = fs.FileSelector(store.root, recursive=True, allow_not_found=True)
    with _reaching(store):
        there = filesystem.get_file_info(selector)
    return [(file.path, file.size) for file in there if file.type == fs.FileType.File]


def require_shards(layout: DataLayout, shards: Sequence[str]) -> ShardStore:
    """Open the place of the shards; raises `CatalogMismatch` if one of these is gone."""
    store, there = open_store(layout), list_shards(layout)
    if gone := [name for name in shards if name not in there]:
        raise CatalogMismatch(
            f"{counted(len(gone), 'shard is', 'shards are')} gone that the catalog names, among "
            f"them {store.path(gone[0])}; run `genreflow extract` again."
        )
    return store


def put_shard(layout: DataLayout, name: str, content: pa.Buffer | bytes) -> None:
    """Write a shard atomically, in place of what had its name.

    An object is written at once, from memory: a stream that breaks off would be closed, and the
    beginning kept as if it were the whole.
    """
    store = open_store(layout)
    if store.filesystem is None:
        with explaining_disk_errors(layout), write_whole(Path(store.path(name))) as part:
            part.write_bytes(content)
        return
    with _reaching(store), store.filesystem.open_output_stream(store.path(name)) as stream:
        stream.write(content)


def digest_shard(layout: DataLayout, name: str) -> str:
    """Return the SHA-256 of a shard."""
    store = open_store(layout)
    with _reaching(store), _open_stream(store, name) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _open_stream(store: ShardStore, name: str) -> BufferedReader:
    if store.filesystem is None:
        return Path(store.path(name)).open("rb")
    return cast(BufferedReader, store.filesystem.open_input_stream(store.path(name)))


def remove_shards(layout: DataLayout, names: Iterable[str]) -> None:
    """Remove files from the place of the shards; raises `UsageError` if it is another home's."""
    store = open_store(layout)
    with _reaching(store):
        _require_own(layout, store)
        for name in names:
            path = store.path(name)
            Path(path).unlink() if store.filesystem is None else store.filesystem.delete_file(path)


def remove_orphans(layout: DataLayout, named: Sequence[str]) -> list[str]:
    """Remove the shards that the catalog does not name; return their names. Hold the home."""
    orphans = unnamed_files(layout, named)
    remove_shards(layout, orphans)
    return orphans


def unnamed_files(layout: DataLayout, named: Sequence[str]) -> list[str]:
    """Return the shards and parts that the catalog does not name; other files are left alone."""
    return sorted(name for name in list_shards(layout).keys() - set(named) if _OURS.fullmatch(name))


def claim_place(layout: DataLayout) -> None:
    """Mark an unmarked place outside the home as this home's own.

    Raises `UsageError` if it has the mark of another home, or of this one before it was copied or
    moved.
    """
    store = open_store(layout)
    with _reaching(store):
        _require_own(layout, store)


def _require_own(layout: DataLayout, store: ShardStore) -> None:
    if not store.uri:
        return
    ours = f"{read_home_id(layout)}\n{layout.home}".encode()
    if not _is_there(store, _MARK):
        put_shard(layout, _MARK, ours)
    with _open_stream(store, _MARK) as stream:
        marked = stream.read()
    if marked not in (ours, ours.split(b"\n")[0]):
        owner = marked.decode(errors="replace").partition("\n")[2] or "an unknown path"
        raise UsageError(
            f"The shards in {store.uri} belong to another home, at {owner}. Give each home "
            "a prefix of its own; if this home has taken the place of the other, remove "
            f"{store.path(_MARK)} first."
        )


def _is_there(store: ShardStore, name: str) -> bool:
    if store.filesystem is None:
        return Path(store.path(name)).exists()
    from pyarrow import fs

    return store.filesystem.get_file_info(store.path(name)).type != fs.FileType.NotFound


@contextmanager
def explaining_damage(store: ShardStore, name: str) -> Iterator[None]:
    """Raise `CatalogMismatch` for a shard that cannot be read, unless its place does not answer."""
    import pyarrow as pa

    try:
        yield
    except (OSError, pa.ArrowException) as error:
        with _reaching(store):
            _is_there(store, name)
        raise CatalogMismatch(
            f"A shard cannot be read: {error} `genreflow doctor --repair` finds the damaged ones; "
            "`genreflow extract` then makes them again."
        ) from error


@contextmanager
def _reaching(store: ShardStore) -> Iterator[None]:
    """Raise `TransientError` for an object store that does not answer."""
    try:
        yield
    except OSError as error:
        if store.is_local:
            raise
        raise _unreachable(store.uri, error) from error


def _unreachable(uri: str, error: OSError) -> TransientError:
    return TransientError(
        f"The shards in {uri} cannot be reached: {error}. Check the bucket, the network and the "
        "AWS variables of the environment, then try again."
    )
