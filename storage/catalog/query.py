"""Queries on the published store, and the view of its spectrograms."""

from __future__ import annotations  # nanobind reports DuckDB's types as leaks if they stay alive

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genre_core.errors import StoreMissing, UsageError
from storage.catalog.instance import attached, quote
from storage.catalog.published import published_tables
from storage.extras import how_to_begin
from storage.home import DataLayout
from storage.shard_store import ShardStore, open_store

if TYPE_CHECKING:
    from typing import TypeAlias

    import duckdb

    Relation: TypeAlias = duckdb.DuckDBPyRelation

SHARD_VIEW = "spectrograms"  # the only view: all else is in the file and needs no network


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
    with _explaining_failures(layout):
        import duckdb

        with duckdb.connect(str(layout.published), read_only=True) as connection:
            _lock(connection, layout, reads_shards=SHARD_VIEW in statement.lower())
            _require_one_query(connection.extract_statements(statement))
            return _fetch(connection, statement, parameters)


def open_relation(layout: DataLayout, statement: str, parameters: Sequence[Any] = ()) -> Relation:
    """Return the same statement as a relation, which DuckDB runs when its rows are read.

    It keeps a DuckDB of its own, locked in the same way, and the store as it is now: it may be
    read by any thread, while the store is replaced. What fails while it is read is an error of
    DuckDB.
    """
    with _explaining_failures(layout):
        import duckdb

        connection = duckdb.connect(":memory:")  # one of a file is shared, with its lock
        connection.execute(f"attach {quote(str(layout.published))} as store (read_only)")
        connection.execute("use store")
        _lock(connection, layout, reads_shards=SHARD_VIEW in statement.lower())
        _require_one_query(connection.extract_statements(statement))
        return connection.sql(statement, params=list(parameters))


def query_rows(
    layout: DataLayout, statement: str, parameters: Sequence[Any] = ()
) -> list[dict[str, Any]]:
    """Return the rows of a statement of our own as dictionaries, or raise `UsageError`.

    It is not locked, as it shares the instance of this process, and does not read shards.
    """
    with _explaining_failures(layout), attached(layout.published, read_only=True) as connection:
        names, rows = _fetch(connection, statement, parameters)
    return [dict(zip(names, row, strict=True)) for row in rows]


@contextmanager
def keep_open(layout: DataLayout) -> Iterator[None]:
    """Keep the store open for the queries of a block: each takes some 10 ms less."""
    with _explaining_failures(layout), attached(layout.published, read_only=True):
        yield


@contextmanager
def _explaining_failures(layout: DataLayout) -> Iterator[None]:
    if not layout.published.exists():
        raise StoreMissing(
            f"There is no store in {layout.home} yet. {how_to_begin()}, or name the right home "
            "with --home."
        )
    import duckdb

    try:
        _require_duckdb(layout.published)
        yield
    except (duckdb.Error, OSError) as error:
        raise _explain_query(layout, error) from error


def _require_duckdb(path: Path) -> None:
    """Refuse a file of another program, for which DuckDB would download a reader."""
    import duckdb

    with path.open("rb") as file:
        if file.read(12)[8:] != b"DUCK":
            raise duckdb.IOException(f"{path} is no DuckDB database")


def _explain_query(layout: DataLayout, error: Exception) -> UsageError:
    import duckdb

    text = str(error)
    if _is_outdated(text):
        return UsageError(
            f"{layout.published} was published by another version of genreflow. Run "
            "`genreflow extract` to publish it again."
        )
    cause = text.partition("\n")[0]
    if text.startswith(
        "Traceback"
    ):  # of the file system that shards in an object store are read by
        reason = next((line for line in text.splitlines()[1:] if line[:1].strip()), text)
        return UsageError(f"The shards cannot be read: {reason}. Check the place that they are in.")
    if isinstance(error, PermissionError):
        return UsageError(f"{layout.published} cannot be read: {error.strerror}. Ask its owner.")
    if isinstance(error, duckdb.PermissionException):
        return UsageError(f"A query may read the published views alone: {cause}")
    if isinstance(error, OSError) or type(error) is duckdb.Error or str(layout.published) in text:
        return UsageError(
            f"{layout.published} is damaged, or of another program: {cause}. Run "
            "`genreflow extract` to publish it again."
        )
    if ".parquet" in text:
        return UsageError(
            f"A shard cannot be read: {cause}. Run `genreflow doctor --repair`, then `genreflow "
            "extract`."
        )
    return UsageError(f"The query failed: {error}")


def _fetch(
    connection: duckdb.DuckDBPyConnection, statement: str, parameters: Sequence[Any]
) -> tuple[list[str], list[tuple[Any, ...]]]:
    cursor = connection.execute(statement, list(parameters))
    return _unique([column[0] for column in cursor.description or ()]), cursor.fetchall()


def _lock(connection: duckdb.DuckDBPyConnection, layout: DataLayout, *, reads_shards: bool) -> None:
    """Restrict DuckDB to the open store, and to its shards where they are read; for good."""
    if reads_shards:
        _allow_shards(connection, open_store(layout))
    connection.execute("set python_enable_replacements = false")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")


def _allow_shards(connection: duckdb.DuckDBPyConnection, store: ShardStore) -> None:
    """Let DuckDB read the shards, where they are now: the home may have been moved."""
    register_shards(connection, store)
    shards = [shard for (shard,) in connection.execute("select shard from shards").fetchall()]
    addresses = ", ".join(quote(store.address(shard)) for shard in shards)
    connection.execute(f"set allowed_paths = [{addresses}]")
    connection.execute(f"create temp view {SHARD_VIEW} as {select_spectrograms(store, shards)}")


def _require_one_query(statements: Sequence[duckdb.Statement]) -> None:
    """Refuse all but one statement that reads; ``pivot`` is parsed as `StatementType.MULTI`."""
    import duckdb

    if not statements:
        raise UsageError("The statement is empty. Try: select * from tracks limit 5")
    if len(statements) > 1:
        raise UsageError(f"These are {len(statements)} statements. Run one at a time.")
    if statements[0].type not in {duckdb.StatementType.SELECT, duckdb.StatementType.MULTI}:
        raise UsageError(
            f"A {statements[0].type.name} statement is refused: the store is read-only. Start with "
            "select, with, from, pivot, describe, summarize or show."
        )


def _is_outdated(message: str) -> bool:
    """Return whether DuckDB misses a table that this version publishes."""
    missing = re.search(r"Table with name (\w+) does not exist", message)
    return missing is not None and missing[1] in published_tables()


def _unique(names: Sequence[str]) -> list[str]:
    """Number columns of the same name: ``n``, ``n_1``."""
    return [
        name if name not in names[:place] else f"{name}_{names[:place].count(name)}"
        for place, name in enumerate(names)
    ]


def register_shards(connection: duckdb.DuckDBPyConnection, store: ShardStore) -> None:
    """Let DuckDB read the shards of an object store through Arrow.

    DuckDB's own ``httpfs`` must be downloaded, and does not read credentials of the environment.
    """
    if not store.is_local:
        from fsspec.implementations.arrow import ArrowFSWrapper

        connection.register_filesystem(ArrowFSWrapper(store.filesystem))


def select_spectrograms(store: ShardStore, shards: Sequence[str]) -> str:
    """Return the statement of the view of the spectrograms, over shards where they are now."""
    if not shards:
        return _NO_SPECTROGRAMS
    paths = ", ".join(quote(store.address(shard)) for shard in shards)
    return f"select {_COLUMNS} from read_parquet([{paths}]) join tracks using (track_id)"
