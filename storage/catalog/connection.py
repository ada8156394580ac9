"""Opening the writer's catalog: one process at a time, in short transactions."""

from __future__ import annotations  # DuckDB's types, kept alive, are told as leaks at exit

import logging
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb

from genre_core.errors import CatalogMismatch, TransientError
from storage.catalog.migrations import MIGRATIONS, migrate
from storage.files import REFUSALS, refusal, telling_refusal
from storage.home import DataLayout

SCHEMA_VERSION = 5
PATIENCE_S = 20.0
PAUSE_S = 0.1
logger = logging.getLogger(__name__)


@contextmanager
def open_catalog(layout: DataLayout) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the catalog in one transaction; commit at the end, roll back on an error.

    Raises
    ------
    TransientError
        If another process holds the catalog for longer than 20 s, or the disk refuses.
    CatalogMismatch
        If a newer version of genreflow wrote it, or it is no catalog.

    Notes
    -----
    A catalog of an older version is brought up to date; a copy of it is kept beside.
    """
    connection = _connect(layout)
    try:
        version = _read_version(connection)
        if version in MIGRATIONS:
            connection.close()
            connection = _keep_copy(layout)
        connection.execute("begin transaction")
        if version != SCHEMA_VERSION:
            _ensure_schema(connection)
        yield connection
        connection.execute("commit")
    except duckdb.Error as error:
        if failure := _find_refusal(layout, error):
            raise failure from error
        raise
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


def explain_failure(layout: DataLayout, error: duckdb.Error) -> TransientError | CatalogMismatch:
    """Say why the catalog cannot be used: held by another, a disk that refuses, or not ours."""
    if failure := _find_refusal(layout, error):
        return failure
    if "could not set lock" in str(error).lower():
        return TransientError(
            f"{layout.catalog} is held by another process; wait until its run has ended, then "
            f"try again. ({error})"
        )
    return CatalogMismatch(f"{layout.catalog} cannot be opened: {error}")


def _find_refusal(layout: DataLayout, error: duckdb.Error) -> TransientError | None:
    """Find out whether the disk has refused; DuckDB tells it in words alone."""
    codes = [code for code in REFUSALS if os.strerror(code) in str(error)]
    return refusal(layout, codes[0]) if codes else None


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


def _keep_copy(layout: DataLayout) -> duckdb.DuckDBPyConnection:
    """Keep a copy of a catalog that is about to be migrated; open the catalog again."""
    with _connect(layout) as connection:
        version = _read_version(connection)
        connection.execute("checkpoint")
    copy = layout.catalog.with_name(f"{layout.catalog.name}.version-{version}")
    with telling_refusal(layout):
        part = copy.with_name(f".{copy.name}.part")
        shutil.copyfile(layout.catalog, part)
        part.replace(copy)
    logger.warning("the catalog had version %s; a copy of it stays in %s", version, copy)
    return _connect(layout)


def _ensure_schema(connection: duckdb.DuckDBPyConnection) -> None:
    if not _has_tables(connection):
        connection.execute(files("storage.catalog").joinpath("schema.sql").read_text("utf-8"))
        return
    version = _read_version(connection)
    if version != SCHEMA_VERSION and version not in MIGRATIONS:
        raise CatalogMismatch(
            f"The catalog has version {version}; this genreflow knows version "
            f"{SCHEMA_VERSION}. Use the genreflow that wrote it, or another --home."
        )
    migrate(connection, version)


def _read_version(connection: duckdb.DuckDBPyConnection) -> int | None:
    """Give the version of a catalog; none if it is empty."""
    try:
        rows = fetch_rows(connection, "select max(version) as version from schema_version")
    except duckdb.CatalogException:
        # asked only now: DuckDB's own tables take longer to read than all the rest of the opening
        if _has_tables(connection):
            raise CatalogMismatch(
                "The file is a DuckDB database, but no catalog. Use another --home."
            ) from None
        return None
    return int(rows[0]["version"])


def _has_tables(connection: duckdb.DuckDBPyConnection) -> bool:
    return bool(fetch_rows(connection, "select table_name from duckdb_tables() limit 1"))


def copy_catalog(layout: DataLayout, target: Path) -> None:
    """Copy the catalog into one file that holds all that was committed.

    Raises
    ------
    TransientError
        If another process holds the catalog.
    """
    with open_catalog(layout):
        pass  # an older catalog is brought up to date, and one that is held is waited for
    try:
        with duckdb.connect(str(layout.catalog)) as connection:
            connection.execute("checkpoint")
            # within the connection: nobody else can write until the copy is whole
            shutil.copyfile(layout.catalog, target)
    except duckdb.IOException as error:
        raise explain_failure(layout, error) from error
