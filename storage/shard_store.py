"""Where shards stand: a folder of this machine, or any file system that Arrow knows, S3 first."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from genre_core.errors import CatalogMismatch, TransientError, UsageError
from genre_core.records import counted
from storage.files import explaining_disk_errors, read_home_id, write_whole
from storage.home import DataLayout

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow import fs

_MARK = "home.txt"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardStore:
    """The file system of the shards, opened; ``root`` is the folder or prefix that holds them.

    It is opened where it is used and never travels: what Arrow has open cannot be sent.
    """

    uri: str
    filesystem: fs.FileSystem
    root: str

    @property
    def is_local(self) -> bool:
        """Whether the shards are files of this machine, or of a share that it has mounted."""
        return self.filesystem.type_name == "local"

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
    from pyarrow import fs

    uri = layout.shards_uri
    if not uri:
        return ShardStore(uri="", filesystem=fs.LocalFileSystem(), root=str(layout.shards))
    if "@" in urlsplit(uri).netloc:
        raise UsageError(
            "The setting `shards` holds credentials; name the bucket and the prefix alone, and set "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment."
        )
    try:
        filesystem, root = fs.FileSystem.from_uri(uri)
    except (ValueError, NotImplementedError) as error:
        raise UsageError(
            f"The setting `shards` is {uri!r}, which is no place for shards: {error}. Use "
            "s3://bucket/prefix, or the absolute path of a folder."
        ) from error
    except OSError as error:
        raise _unreachable(uri, error) from error
    return ShardStore(uri=uri, filesystem=filesystem, root=root.rstrip("/"))


def list_shards(layout: DataLayout) -> dict[str, int]:
    """Return the size of every file below the place of the shards, in bytes, by name."""
    from pyarrow import fs

    store = open_store(layout)
    with _reaching(store):
        there = store.filesystem.get_file_info(
            fs.FileSelector(store.root, recursive=True, allow_not_found=True)
        )
    files = (file for file in there if file.type == fs.FileType.File)
    return {file.path.removeprefix(f"{store.root}/"): file.size for file in files}


def require_shards(layout: DataLayout, shards: Sequence[str]) -> ShardStore:
    """Open the place of the shards; raises `CatalogMismatch` if one of these is gone."""
    store, there = open_store(layout), list_shards(layout)
    if gone := [name for name in shards if name not in there]:
        raise CatalogMismatch(
            f"{counted(len(gone), 'shard is', 'shards are')} gone that the catalog names, among "
            f"them {store.path(gone[0])}; run `genreflow extract` again."
        )
    return store


def put_shard(layout: DataLayout, name: str, content: pa.Buffer) -> None:
    """Write a shard atomically, in place of what had its name.

    An object is written at once, from memory: a stream that breaks off would be closed, and the
    beginning kept as if it were the whole.
    """
    store = open_store(layout)
    if store.is_local:
        with explaining_disk_errors(layout), write_whole(Path(store.path(name))) as part:
            part.write_bytes(content)
        return
    with _reaching(store), store.filesystem.open_output_stream(store.path(name)) as stream:
        stream.write(content)


def digest_shard(layout: DataLayout, name: str) -> str:
    """Return the SHA-256 of a shard."""
    store = open_store(layout)
    with _reaching(store), store.filesystem.open_input_stream(store.path(name)) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def remove_shards(layout: DataLayout, names: Iterable[str]) -> None:
    """Remove files from the place of the shards; raises `UsageError` if it is another home's."""
    store = open_store(layout)
    with _reaching(store):
        _require_own(layout, store)
        for name in names:
            store.filesystem.delete_file(store.path(name))


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
    import pyarrow as pa
    from pyarrow import fs

    mark, ours = store.path(_MARK), f"{read_home_id(layout)}\n{layout.home}".encode()
    if store.filesystem.get_file_info(mark).type == fs.FileType.NotFound:
        put_shard(layout, _MARK, pa.py_buffer(ours))
    with store.filesystem.open_input_stream(mark) as stream:
        marked = stream.read()
    if marked not in (ours, ours.split(b"\n")[0]):
        owner = marked.decode(errors="replace").partition("\n")[2] or "an unknown path"
        raise UsageError(
            f"The shards in {store.uri} belong to another home, at {owner}. Give each home "
            "a prefix of its own; if this home has taken the place of the other, remove "
            f"{mark} first."
        )


@contextmanager
def explaining_damage(store: ShardStore, name: str) -> Iterator[None]:
    """Raise `CatalogMismatch` for a shard that cannot be read, unless its place does not answer."""
    import pyarrow as pa

    try:
        yield
    except (OSError, pa.ArrowException) as error:
        with _reaching(store):
            store.filesystem.get_file_info(store.path(name))
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
