"""Opening the writer's catalog: one process at a time, in short transactions."""

from __future__ import annotations  # DuckDB's types, kept alive, are told as leaks at exit

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.resources import files
from typing import Any

import duckdb

from genre_core.errors import CatalogMismatch, TransientError
from storage.catalog.migrations import MIGRATIONS, migrate
from storage.layout import DataLayout

SCHEMA_VERSION = 3
PATIENCE_S = 20.0
PAUSE_S = 0.1
logger = logging.getLogger(__name__)


@contextmanager
def open_catalog(layout: DataLayout) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the catalog in one transaction; commit at the end, roll back on an error.

    Raises
    ------
    TransientError
        If another process holds the catalog for longer than 20 s.
    CatalogMismatch
        If another version of genreflow wrote it, or it is no catalog.
    """
    connection = _connect(layout)
    try:
        connection.execute("begin transaction")
        _ensure_schema(connection)
        yield connection
        connection.execute("commit")
    finally:
        connection.close()


def insert_rows(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    rows: Sequence[Mapping[str, Any]],
    on_conflict: str = "",
) -> None:
    """Insert rows into a table of the catalog by the names of their columns."""
    if rows:
        statement = f"insert into {table} by name select unnest(?, recursive := true) {on_conflict}"
        connection.execute(statement, [[dict(row) for row in rows]])


def fetch_rows(
    connection: duckdb.DuckDBPyConnection, statement: str, parameters: Sequence[Any] = ()
) -> list[dict[str, Any]]:
    """Give the rows of a statement as dictionaries."""
    cursor = connection.execute(statement, list(parameters))
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def explain_failure(
    layout: DataLayout, error: duckdb.IOException
) -> TransientError | CatalogMismatch:
    """Say why the catalog cannot be opened: held by another process, or not ours to read."""
    if "could not set lock" in str(error).lower():
        return TransientError(
            f"{layout.catalog} is held by another process; wait until its run has ended, then "
            f"try again. ({error})"
        )
    return CatalogMismatch(f"{layout.catalog} cannot be opened: {error}")


def _connect(layout: DataLayout) -> duckdb.DuckDBPyConnection:
    layout.home.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return duckdb.connect(str(layout.catalog))
        except duckdb.IOException as error:
            failure = explain_failure(layout, error)
            if isinstance(failure, CatalogMismatch) or time.monotonic() > deadline:
                raise failure from error
            time.sleep(PAUSE_S)


def _ensure_schema(connection: duckdb.DuckDBPyConnection) -> None:
    rows = fetch_rows(connection, "select table_name from duckdb_tables()")
    tables = {row["table_name"] for row in rows}
    if not tables:
        connection.execute(files("storage.catalog").joinpath("schema.sql").read_text("utf-8"))
        return
    if "schema_version" not in tables:
        raise CatalogMismatch("The file is a DuckDB database, but no catalog. Use another --home.")
    rows = fetch_rows(connection, "select max(version) as version from schema_version")
    version = rows[0]["version"]
    if version != SCHEMA_VERSION and version not in MIGRATIONS:
        raise CatalogMismatch(
            f"The catalog has version {version}; this genreflow knows version "
            f"{SCHEMA_VERSION}. Use the genreflow that wrote it, or another --home."
        )
    migrate(connection, version)
