"""Opening the writer's catalog: one process at a time, in short transactions."""

from __future__ import annotations  # nanobind reports DuckDB's types as leaks if they stay alive

import errno
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import ExitStack, contextmanager
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

from genre_core.errors import CatalogMismatch, TransientError
from storage.catalog.instance import attached
from storage.files import DISK_ERRORS, disk_error, explaining_disk_errors, make_home, write_whole
from storage.home import DataLayout

if TYPE_CHECKING:
    import duckdb


class Catalog(Protocol):
    """An open connection; nanobind reports DuckDB's own type as a leak if annotations keep it."""

    def execute(self, query: str, parameters: object = None, /) -> Any:  # noqa: ANN401
        """Run a statement; return its cursor."""

    def register(self, name: str, table: object, /) -> object:
        """Let statements read an Arrow table under a name."""

    def unregister(self, name: str, /) -> object:
        """Forget a registered table."""

    def close(self) -> None:
        """Close the connection."""


Record = TypeVar("Record")
LOCK_TIMEOUT_S = 20.0
RETRY_S = 0.1
FEW_ROWS = 1000
FIRST_VERSION = 12
MIGRATIONS: list[Callable[[Catalog], None]] = []
"""Changes of the schema since the first release; number n leads from `FIRST_VERSION` + n on."""


@contextmanager
def open_catalog(layout: DataLayout) -> Iterator[Catalog]:
    """Open the catalog in one transaction; commit at the end, roll back on an error.

    A catalog of an older release is migrated first; a copy of it stays beside. Raises
    `TransientError` if another process holds it for longer than 20 s, the disk is full or the
    block writes into a home that is read-only, `CatalogMismatch` if it has a version that cannot
    be migrated, is damaged or is no catalog.
    """
    import duckdb

    try:
        with _attached(layout) as connection:
            version = _read_version(layout, connection)
            if version is None:
                _require_new(layout)
            elif version != newest_version():
                _require_migration(layout, version)
                _keep_copy(layout, connection, version)
            connection.execute("begin transaction")
            if version != newest_version():
                _bring_up_to_date(connection, version)
            yield connection
            connection.execute("commit")
    except duckdb.Error as error:
        failure = _find_disk_error(layout, error)
        if failure is None and not _is_damage(error):
            raise
        raise failure or explain_failure(layout, error) from error


def open_errors() -> tuple[type[duckdb.Error], ...]:
    """Return the errors of opening a file that another process or DuckDB instance has."""
    import duckdb

    return duckdb.IOException, duckdb.ResourceInUseException


def _is_damage(error: duckdb.Error) -> bool:
    """Whether a file is damaged, or has other tables than a catalog."""
    import duckdb

    damages = (
        *(duckdb.IOException, duckdb.SerializationException, duckdb.CatalogException),
        *(duckdb.BinderException, duckdb.InternalException, duckdb.FatalException),
    )
    # a block with a wrong checksum raises the base class
    return isinstance(error, damages) or type(error) is duckdb.Error


def newest_version() -> int:
    """Version of the schema that this genreflow reads and writes."""
    return FIRST_VERSION + len(MIGRATIONS)


def insert_rows(
    catalog: Catalog,
    table: str,
    rows: Sequence[Mapping[str, Any]],
    on_conflict: str = "",
) -> None:
    """Insert rows, all with the keys of the first, into the columns of the same names."""
    if rows:
        with registered(catalog, "inserted", columns_of(rows)):
            catalog.execute(f"insert into {table} by name select * from inserted {on_conflict}")


def columns_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Return rows, all with the keys of the first, as columns."""
    return {name: [row[name] for row in rows] for name in rows[0]}


@contextmanager
def registered(catalog: Catalog, name: str, columns: Mapping[str, Any]) -> Iterator[None]:
    """Let statements of the block read columns as a table of this name.

    Many rows pass as an Arrow table, where Arrow is installed: 200,000 in 0.2 s, as lists in 2 s.
    Few pass as lists: the first Arrow array imports pandas, which takes half a second.
    """
    if len(next(iter(columns.values()))) > FEW_ROWS and find_spec("pyarrow"):
        import pyarrow as pa

        catalog.register(name, pa.table(dict(columns)))
        yield
        catalog.unregister(name)
    else:
        _make_table(catalog, name, columns)
        yield
        catalog.execute(f"drop table temp.{name}")


def _make_table(catalog: Catalog, name: str, columns: Mapping[str, Any]) -> None:
    """Make a temporary table; a column of which nothing is known, not even a type, is text."""
    values = [
        column.tolist() if isinstance(column, np.ndarray) else list(column)
        for column in columns.values()
    ]
    kinds = ["" if any(v is not None for v in column) else "::varchar[]" for column in values]
    selected = ", ".join(
        f'unnest(${nth}{kind}) as "{column}"'
        for nth, (column, kind) in enumerate(zip(columns, kinds, strict=True), start=1)
    )
    catalog.execute(f"create or replace temp table {name} as select {selected}", values)


def fetch_rows(
    catalog: Catalog, statement: str, parameters: Sequence[Any] = ()
) -> list[dict[str, Any]]:
    """Return the rows of a statement as dictionaries; sets and tuples pass as lists."""
    values = [list(p) if isinstance(p, Set | tuple) else p for p in parameters]
    cursor = catalog.execute(statement, values)
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def fetch_values(catalog: Catalog, statement: str, parameters: Sequence[Any] = ()) -> list[Any]:
    """Return the first column of a statement."""
    return [next(iter(row.values())) for row in fetch_rows(catalog, statement, parameters)]


def fetch_map(catalog: Catalog, statement: str, parameters: Sequence[Any] = ()) -> dict[Any, Any]:
    """Return the second column of a statement by the first."""
    return dict(tuple(row.values()) for row in fetch_rows(catalog, statement, parameters))


def fetch_records(
    catalog: Catalog,
    record: type[Record],
    statement: str,
    parameters: Sequence[Any] = (),
) -> list[Record]:
    """Return the rows of a statement as records with fields of the names of its columns."""
    return [record(**row) for row in fetch_rows(catalog, statement, parameters)]


def explain_failure(layout: DataLayout, error: duckdb.Error) -> TransientError | CatalogMismatch:
    """Return the error to raise: the catalog is in use, a full disk, no catalog."""
    import duckdb

    if failure := _find_disk_error(layout, error):
        return failure
    if "could not set lock" in str(error).lower():
        return TransientError(
            f"{layout.catalog} is held by another process; wait until its run has ended, then "
            f"try again. ({error})"
        )
    if isinstance(error, duckdb.ResourceInUseException):
        return TransientError(
            f"{layout.catalog} is in use by another thread of this process; try again when that "
            f"has ended. ({error})"
        )
    message = str(error).partition("\n")[0]
    return CatalogMismatch(
        f"{layout.catalog} is damaged, or no catalog: {message} Restore a backup (`genreflow "
        "restore`), or name another home with --home."
    )


def copy_catalog(layout: DataLayout, target: Path) -> None:
    """Copy the catalog, with all that is committed, into one file."""
    with open_catalog(layout):
        pass  # migrates an older catalog, and waits for a process that holds it
    try:
        with attached(layout.catalog) as connection:
            connection.execute("checkpoint")
            # inside the connection: no other process can write while the file is copied
            shutil.copyfile(layout.catalog, target)
    except open_errors() as error:
        raise explain_failure(layout, error) from error


def _find_disk_error(layout: DataLayout, error: duckdb.Error) -> TransientError | None:
    if "attached in read-only mode" in str(error):
        return disk_error(layout, errno.EROFS)
    codes = [code for code in DISK_ERRORS if os.strerror(code) in str(error)]
    return disk_error(layout, codes[0]) if codes else None


def _is_read_only(layout: DataLayout) -> bool:
    """Whether there is a catalog, and this user may not write to it."""
    places = (layout.catalog, layout.home)
    return layout.catalog.exists() and not all(os.access(place, os.W_OK) for place in places)


@contextmanager
def _attached(layout: DataLayout) -> Iterator[Catalog]:
    make_home(layout)
    is_new = not layout.catalog.exists()
    read_only = _is_read_only(layout)
    deadline = time.monotonic() + LOCK_TIMEOUT_S
    with ExitStack() as stack:
        while True:
            try:
                connection = stack.enter_context(attached(layout.catalog, read_only=read_only))
                if is_new:
                    layout.catalog.chmod(0o600)
                break
            except open_errors() as error:
                failure = explain_failure(layout, error)
                if isinstance(failure, CatalogMismatch) or time.monotonic() > deadline:
                    raise failure from error
                time.sleep(RETRY_S)
        yield connection


def _read_version(layout: DataLayout, connection: Catalog) -> int | None:
    """Version of a catalog; None if the database is empty."""
    import duckdb

    try:
        rows = fetch_rows(connection, "select max(version) as version from schema_version")
    except duckdb.CatalogException:
        # only now: listing DuckDB's tables takes longer than the rest of the opening
        if fetch_rows(connection, "from duckdb_tables() where database_name = current_database()"):
            raise CatalogMismatch(
                f"{layout.catalog} is a DuckDB database, but no catalog. Use another --home."
            ) from None
        return None
    return int(rows[0]["version"] or 0)


def _require_new(layout: DataLayout) -> None:
    """Refuse an empty catalog beside a published store, whose shards it would not know."""
    if layout.published.exists():
        raise CatalogMismatch(
            f"{layout.catalog} is empty or was missing, but {layout.published.name} beside it "
            "holds a library. Restore a backup (`genreflow restore`), or use a new home."
        )


def _require_migration(layout: DataLayout, version: int) -> None:
    if not FIRST_VERSION <= version < newest_version():
        raise CatalogMismatch(
            f"{layout.catalog} has version {version}; this genreflow reads version "
            f"{newest_version()}. Use the genreflow that wrote it, or another --home."
        )


def _keep_copy(layout: DataLayout, connection: Catalog, version: int) -> None:
    copy = layout.catalog.with_name(f"{layout.catalog.name}.version-{version}")
    connection.execute("checkpoint")
    with explaining_disk_errors(layout), write_whole(copy) as part:
        shutil.copyfile(layout.catalog, part)


def _bring_up_to_date(connection: Catalog, version: int | None) -> None:
    if version is None:
        connection.execute(files("storage.catalog").joinpath("schema.sql").read_text("utf-8"))
    else:
        for migrate in MIGRATIONS[version - FIRST_VERSION :]:
            migrate(connection)
    connection.execute("insert into schema_version values (?)", [newest_version()])
