"""The DuckDB instance of this process, to which files are attached.

Making an instance takes 25 ms, attaching a file to one that is there 2 ms.
"""

from __future__ import annotations  # nanobind reports DuckDB's types as leaks if they stay alive

import atexit
import os
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb


class Instance:
    """An instance in memory, made when the first file is attached."""

    def __init__(self) -> None:
        self.process_id = os.getpid()
        self._lock = threading.Lock()
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._users: Counter[str] = Counter()
        self._names: dict[str, str] = {}

    def attach(self, path: Path, *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
        """Return a connection to a file; who attaches one that is attached shares it."""
        import duckdb

        key = str(path)
        with self._lock:
            if self._connection is None:
                self._connection = duckdb.connect(":memory:")
            if not self._users[key]:
                name = self._free_name(path.stem)
                # a database of another program must not make DuckDB download its reader
                how = "type duckdb, read_only" if read_only else "type duckdb"
                self._connection.execute(f"attach {quote(key)} as {name} ({how})")
                self._names[key] = name
            self._users[key] += 1
            connection = self._connection.cursor()
            connection.execute(f"use {self._names[key]}")
        return connection

    def release(self, path: Path, connection: duckdb.DuckDBPyConnection) -> None:
        """Close a connection, which rolls back; the last one of a file detaches it."""
        import duckdb

        key = str(path)
        connection.close()
        with self._lock:
            self._users[key] -= 1
            if self._connection is not None and not self._users[key]:
                try:
                    self._connection.execute(f"detach {self._names.pop(key)}")
                except duckdb.Error:  # no room for the checkpoint: the next opening makes it
                    self._connection.close()
                    _start_anew()

    def close(self) -> None:
        """Close the instance and all that is attached to it."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = None
            self._users.clear()
            self._names.clear()

    def _free_name(self, stem: str) -> str:
        """Return the name that DuckDB gives to a file of its own, numbered if it is in use."""
        name, n_alike = quote_name(stem), 0
        while name in self._names.values():
            n_alike += 1
            name = quote_name(f"{stem}_{n_alike}")
        return name


_instances = [Instance()]
"""The last is in use; those before it failed, or belong to the parent of this process: its threads
do not live in a fork."""


@contextmanager
def attached(path: Path, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection to a file, which is attached to the instance of this process."""
    import duckdb

    instance, path = _instances[-1], path.resolve()
    connection = instance.attach(path, read_only=read_only)
    try:
        yield connection
    except duckdb.FatalException:  # this instance does nothing any more
        _start_anew()
        raise
    finally:
        instance.release(path, connection)


def quote(text: str) -> str:
    """Return a text as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def quote_name(name: str) -> str:
    """Return a name of a table or column as SQL takes it."""
    return '"' + name.replace('"', '""') + '"'


@contextmanager
def plain_name(path: Path, suffix: str) -> Iterator[Path]:
    """Yield another name of a file: DuckDB takes one with an asterisk or brackets for a pattern."""
    with TemporaryDirectory() as folder:
        link = Path(folder) / f"table{suffix}"
        link.symlink_to(path.resolve())
        yield link


def _start_anew() -> None:
    _instances.append(Instance())


def _close_all() -> None:
    """Leave no connection to the end of the interpreter, where nanobind calls it leaked."""
    for instance in _instances:
        if instance.process_id == os.getpid():
            instance.close()


os.register_at_fork(after_in_child=_start_anew)
atexit.register(_close_all)
