"""The catalog for people: one file, read-only, replaced whole after each stage."""

from __future__ import annotations  # DuckDB's types, kept alive, are told as leaks at exit

import logging
import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb
from fsspec.implementations.arrow import ArrowFSWrapper

from genre_core.errors import UsageError
from genre_core.locations import mask_location
from storage.catalog.connection import explain_failure, open_catalog
from storage.catalog.extraction import all_shards
from storage.home import DataLayout
from storage.shard_store import ShardStore, list_shards, open_store

logger = logging.getLogger(__name__)

_SHARD_VIEW = "spectrograms"  # the one view; all else stands in the file, and needs no network
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
    """Write ``spectrograms.duckdb`` anew beside the old one and put it in its place.

    Readers keep the file that they have open; the next one to open it sees the new state. A
    shard that is gone is left out: the next extract makes it again.

    Raises
    ------
    TransientError
        If another process holds the catalog, or the disk refuses, or the shards cannot be reached.
    """
    fresh = layout.home / ".spectrograms.duckdb.new"
    for left in layout.home.glob(f"{fresh.name}*"):
        left.unlink()
    with open_catalog(layout) as catalog:
        named = all_shards(catalog)
    there = list_shards(layout)
    shards = [shard for shard in named if shard in there]
    if len(shards) < len(named):
        logger.warning("%s shards are gone; the next extract heals", len(named) - len(shards))
    try:
        _write_store(layout, fresh, shards)
    except (duckdb.IOException, duckdb.TransactionException) as error:
        fresh.unlink(missing_ok=True)
        raise explain_failure(layout, error) from error
    fresh.replace(layout.published)
    return layout.published


def published_shards(layout: DataLayout) -> list[str]:
    """Give the shards that readers of the published store may be reading; none if it is broken."""
    try:
        return [row["shard"] for row in query_rows(layout, "select shard from shards")]
    except UsageError:
        return []


def query(
    layout: DataLayout, statement: str, parameters: Sequence[Any] = ()
) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Ask the published store one question in SQL, with parameters in place of ``?``.

    Returns
    -------
    tuple
        The names of the columns, and the rows.

    Raises
    ------
    UsageError
        If nothing has been published yet, or DuckDB does not understand the statement.
    """
    if not layout.published.exists():
        raise UsageError(
            f"There is no store in {layout.home} yet. Run `genreflow run`, or name the right "
            "place with --home."
        )
    try:
        with duckdb.connect(str(layout.published), read_only=True) as connection:
            if _SHARD_VIEW in statement.lower():
                _open_shards(connection, open_store(layout))
            if not connection.extract_statements(statement):
                raise UsageError("The statement is empty. Try: select * from tracks limit 5")
            cursor = connection.execute(statement, list(parameters))
            return _unique([column[0] for column in cursor.description or ()]), cursor.fetchall()
    except duckdb.CatalogException as error:
        if _is_outdated(str(error)):
            raise UsageError(
                f"{layout.published} was published by an older version of this program. Run "
                "`genreflow extract`, which publishes it again."
            ) from error
        raise UsageError(f"The store cannot answer: {error}") from error
    except duckdb.Error as error:
        raise UsageError(f"The store cannot answer: {error}") from error


def _is_outdated(message: str) -> bool:
    """Whether DuckDB misses a table that this version publishes."""
    missing = re.search(r"Table with name (\w+) does not exist", message)
    published = files("storage.catalog").joinpath("published.sql").read_text("utf-8")
    return missing is not None and f"create table {missing[1]} as" in published


def _unique(names: Sequence[str]) -> list[str]:
    """Tell columns of one name apart: ``n``, ``n_1``."""
    return [
        name if name not in names[:place] else f"{name}_{names[:place].count(name)}"
        for place, name in enumerate(names)
    ]


def query_rows(
    layout: DataLayout, statement: str, parameters: Sequence[Any] = ()
) -> list[dict[str, Any]]:
    """Give the rows of a question as dictionaries."""
    names, rows = query(layout, statement, parameters)
    return [dict(zip(names, row, strict=True)) for row in rows]


def _write_store(layout: DataLayout, fresh: Path, shards: Sequence[str]) -> None:
    store = open_store(layout)
    with duckdb.connect(str(fresh)) as connection:
        _open_shards(connection, store)
        connection.create_function("mask_location", mask_location, ["varchar"], "varchar")
        connection.execute(f"attach {_quote(str(layout.catalog))} as catalog (read_only)")
        connection.execute(files("storage.catalog").joinpath("published.sql").read_text("utf-8"))
        connection.execute(f"create view {_SHARD_VIEW} as {_select_spectrograms(store, shards)}")
        connection.execute("detach catalog")
        connection.execute("checkpoint")


def _open_shards(connection: duckdb.DuckDBPyConnection, store: ShardStore) -> None:
    """Let DuckDB read the shards of an object store through Arrow.

    Its own extension for that, ``httpfs``, is fetched from elsewhere when it is used first, and
    knows nothing of the credentials in the environment; this needs neither.
    """
    if not store.is_local:
        connection.register_filesystem(ArrowFSWrapper(store.filesystem))


def _select_spectrograms(store: ShardStore, shards: Sequence[str]) -> str:
    if not shards:
        return _NO_SPECTROGRAMS
    paths = ", ".join(_quote(store.address(shard)) for shard in shards)
    return f"select {_COLUMNS} from read_parquet([{paths}]) join tracks using (track_id)"


def _quote(path: str) -> str:
    return "'" + path.replace("'", "''") + "'"
