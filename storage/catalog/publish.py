"""The published store: one read-only file, replaced after each stage, and queries on it."""

from __future__ import annotations  # nanobind reports DuckDB's types as leaks if they stay alive

import json
import logging
import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb

from genre_core.errors import UsageError
from genre_core.locations import mask_location
from storage.catalog.connection import explain_failure, fetch_rows, open_catalog
from storage.catalog.extraction import all_shards
from storage.files import write_bytes
from storage.home import DataLayout
from storage.shard_store import ShardStore, list_shards, open_store

logger = logging.getLogger(__name__)

_SHARD_VIEW = "spectrograms"  # the only view: all else is in the file and needs no network
_COLUMNS = """
    track_id, tracks.genre, fragment, start_s, fragment_s, representation, n_bands, n_frames,
    "values", feature_key
"""
_NO_SPECTROGRAMS = """
    select * from (select '' as track_id, '' as genre, 0::smallint as fragment,
        0.0::double as start_s, 0.0::double as fragment_s, '' as representation,
        0::smallint as n_bands, 0::smallint as n_frames, []::float[] as "values",
        '' as feature_key) where false
"""


def publish(layout: DataLayout) -> Path:
    """Write ``spectrograms.duckdb`` beside the old one and replace it; return its path.

    Readers keep the file that they have open. Missing shards are left out: the next extract makes
    them again.

    Raises
    ------
    TransientError
        If another process holds the catalog, the disk is full, or the shards cannot be reached.
    """
    fresh = layout.home / ".spectrograms.duckdb.new"
    for left in layout.home.glob(f"{fresh.name}*"):
        left.unlink()
    with open_catalog(layout) as catalog:
        named = all_shards(catalog)
    sizes = list_shards(layout)
    shards = [shard for shard in named if shard in sizes]
    if len(shards) < len(named):
        logger.warning(
            "%s shards are missing; the next extract makes them", len(named) - len(shards)
        )
    try:
        _write_store(layout, fresh, shards)
    except (duckdb.IOException, duckdb.TransactionException) as error:
        fresh.unlink(missing_ok=True)
        raise explain_failure(layout, error) from error
    fresh.replace(layout.published)
    return layout.published


def publish_and_retain(layout: DataLayout) -> list[str]:
    """Publish; return the shards of the former store, which stay until the next extract.

    Who has the former store open still reads them. A store with a song that was removed since
    retains none.
    """
    retained = [] if _has_removed_songs(layout) else published_shards(layout)
    write_bytes(_retained_note(layout), json.dumps(retained).encode())
    publish(layout)
    return retained


def retained_shards(layout: DataLayout) -> list[str]:
    """Return the shards that the last extract retained."""
    note = _retained_note(layout)
    return json.loads(note.read_text("utf-8")) if note.exists() else []


def release_retained(layout: DataLayout) -> None:
    """Retain no shard: a song that is to be removed may be in any."""
    _retained_note(layout).unlink(missing_ok=True)


def published_shards(layout: DataLayout) -> list[str]:
    """Return the shards of the published store; none if it cannot be read."""
    try:
        return [row["shard"] for row in query_rows(layout, "select shard from shards")]
    except UsageError:
        return []


def query(
    layout: DataLayout, statement: str, parameters: Sequence[Any] = ()
) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Return the column names and rows of one read-only SQL statement on the published store.

    DuckDB is locked before the statement is parsed: it opens the store and, for the view of the
    spectrograms, its shards, and nothing else.

    Raises
    ------
    UsageError
        If nothing has been published yet, or the statement is not one query, or fails.
    """
    if not layout.published.exists():
        raise UsageError(
            f"There is no store in {layout.home} yet. Run `genreflow run`, or name the right "
            "place with --home."
        )
    try:
        with duckdb.connect(str(layout.published), read_only=True) as connection:
            _lock(connection, layout, reads_shards=_SHARD_VIEW in statement.lower())
            _require_one_query(connection.extract_statements(statement))
            cursor = connection.execute(statement, list(parameters))
            return _unique([column[0] for column in cursor.description or ()]), cursor.fetchall()
    except duckdb.CatalogException as error:
        if _is_outdated(str(error)):
            raise UsageError(
                f"{layout.published} was published by another version of genreflow. Run "
                "`genreflow extract` to publish it again."
            ) from error
        raise UsageError(f"The query failed: {error}") from error
    except duckdb.Error as error:
        raise UsageError(f"The query failed: {error}") from error


def query_rows(
    layout: DataLayout, statement: str, parameters: Sequence[Any] = ()
) -> list[dict[str, Any]]:
    """Return the rows of `query` as dictionaries."""
    names, rows = query(layout, statement, parameters)
    return [dict(zip(names, row, strict=True)) for row in rows]


def _lock(connection: duckdb.DuckDBPyConnection, layout: DataLayout, *, reads_shards: bool) -> None:
    """Restrict DuckDB to the open store, and to its shards where they are read; for good."""
    if reads_shards:
        store = open_store(layout)
        _register_shards(connection, store)
        shards = connection.execute("select shard from shards").fetchall()
        addresses = ", ".join(_quote(store.address(shard)) for (shard,) in shards)
        connection.execute(f"set allowed_paths = [{addresses}]")
    connection.execute("set python_enable_replacements = false")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")


def _require_one_query(statements: Sequence[duckdb.Statement]) -> None:
    """Refuse all but one statement that reads; ``pivot`` is parsed as `StatementType.MULTI`."""
    if not statements:
        raise UsageError("The statement is empty. Try: select * from tracks limit 5")
    if len(statements) > 1:
        raise UsageError(f"These are {len(statements)} statements. Run one at a time.")
    if statements[0].type not in {duckdb.StatementType.SELECT, duckdb.StatementType.MULTI}:
        raise UsageError(
            f"A {statements[0].type.name} statement is refused: the store is read-only. Start with "
            "select, with, from, pivot, describe, summarize or show."
        )


def _retained_note(layout: DataLayout) -> Path:
    return layout.home / ".retained-shards.json"


def _has_removed_songs(layout: DataLayout) -> bool:
    with open_catalog(layout) as catalog:
        removed = [row["track_id"] for row in fetch_rows(catalog, "select track_id from removals")]
    if not removed or not layout.published.exists():
        return False
    statement = "select 1 from tracks where track_id in (select unnest(?)) limit 1"
    try:
        return bool(query_rows(layout, statement, [removed]))
    except UsageError:  # nobody can read it
        return True


def _is_outdated(message: str) -> bool:
    """Tell whether DuckDB misses a table that this version publishes."""
    missing = re.search(r"Table with name (\w+) does not exist", message)
    published = files("storage.catalog").joinpath("published.sql").read_text("utf-8")
    return missing is not None and f"create table {missing[1]} as" in published


def _unique(names: Sequence[str]) -> list[str]:
    """Number columns of the same name: ``n``, ``n_1``."""
    return [
        name if name not in names[:place] else f"{name}_{names[:place].count(name)}"
        for place, name in enumerate(names)
    ]


def _write_store(layout: DataLayout, fresh: Path, shards: Sequence[str]) -> None:
    store = open_store(layout)
    with duckdb.connect(str(fresh)) as connection:
        _register_shards(connection, store)
        connection.create_function("mask_location", mask_location, ["varchar"], "varchar")
        connection.execute(f"attach {_quote(str(layout.catalog))} as catalog (read_only)")
        connection.execute(files("storage.catalog").joinpath("published.sql").read_text("utf-8"))
        connection.execute(f"create view {_SHARD_VIEW} as {_select_spectrograms(store, shards)}")
        connection.execute("detach catalog")
        connection.execute("checkpoint")


def _register_shards(connection: duckdb.DuckDBPyConnection, store: ShardStore) -> None:
    """Let DuckDB read the shards of an object store through Arrow.

    DuckDB's own ``httpfs`` must be downloaded, and does not read credentials of the environment.
    """
    if not store.is_local:
        from fsspec.implementations.arrow import ArrowFSWrapper

        connection.register_filesystem(ArrowFSWrapper(store.filesystem))


def _select_spectrograms(store: ShardStore, shards: Sequence[str]) -> str:
    if not shards:
        return _NO_SPECTROGRAMS
    paths = ", ".join(_quote(store.address(shard)) for shard in shards)
    return f"select {_COLUMNS} from read_parquet([{paths}]) join tracks using (track_id)"


def _quote(path: str) -> str:
    return "'" + path.replace("'", "''") + "'"
