"""The published store: one read-only file, replaced after each stage, and queries on it."""

from __future__ import annotations  # nanobind reports DuckDB's types as leaks if they stay alive

import json
import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb

from genre_core.errors import CatalogMismatch, UsageError
from genre_core.locations import mask_location
from genre_core.records import counted
from storage.catalog.connection import OPEN_ERRORS, explain_failure, fetch_values, open_catalog
from storage.catalog.extraction import all_shards
from storage.catalog.instance import attached, quote
from storage.files import write_bytes, write_whole
from storage.home import DataLayout
from storage.shard_store import ShardStore, list_shards, open_store
from storage.shards import remove_orphans

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


def publish(layout: DataLayout) -> None:
    """Write ``spectrograms.duckdb`` beside the old one and replace it.

    The home must be held. Readers keep the file that they have open. Missing shards are left out:
    the next extract makes them again. Raises `TransientError` if the catalog is in use, the disk is
    full, or the shards cannot be reached.
    """
    named, _ = _read_named(layout)
    _replace_store(layout, named)


def publish_and_sweep(layout: DataLayout) -> None:
    """Publish, then remove the shards that neither the new store nor the former one names.

    Those of the former store stay until the next call, for processes that have it open; not if it
    holds a song that was removed since.
    """
    named, removed = _read_named(layout)
    retained = [] if _holds_songs(layout, removed) else published_shards(layout)
    write_bytes(_retained_note(layout), json.dumps(retained).encode())
    _replace_store(layout, named)
    remove_orphans(layout, [*retained, *named])


def retained_shards(layout: DataLayout) -> list[str]:
    """Return the shards that the last extract retained."""
    note = _retained_note(layout)
    try:
        return json.loads(note.read_text("utf-8")) if note.exists() else []
    except ValueError as error:
        raise CatalogMismatch(f"{note} is damaged ({error}). Remove it and retry.") from error


def release_retained(layout: DataLayout) -> None:
    """Retain no shard of the former store: a song to be removed may be in any."""
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
    with (
        _explaining_failures(layout),
        duckdb.connect(str(layout.published), read_only=True) as connection,
    ):
        _lock(connection, layout, reads_shards=_SHARD_VIEW in statement.lower())
        _require_one_query(connection.extract_statements(statement))
        return _fetch(connection, statement, parameters)


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
def _explaining_failures(layout: DataLayout) -> Iterator[None]:
    if not layout.published.exists():
        raise UsageError(
            f"There is no store in {layout.home} yet. Run `genreflow run`, or name the right "
            "place with --home."
        )
    try:
        _require_duckdb(layout.published)
        yield
    except (duckdb.Error, OSError) as error:
        raise _explain_query(layout, error) from error


def _require_duckdb(path: Path) -> None:
    """Refuse a file of another program, for which DuckDB would download a reader."""
    with path.open("rb") as file:
        if file.read(12)[8:] != b"DUCK":
            raise duckdb.IOException(f"{path} is no DuckDB database")


def _explain_query(layout: DataLayout, error: Exception) -> UsageError:
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
    _register_shards(connection, store)
    shards = [shard for (shard,) in connection.execute("select shard from shards").fetchall()]
    addresses = ", ".join(quote(store.address(shard)) for shard in shards)
    connection.execute(f"set allowed_paths = [{addresses}]")
    connection.execute(f"create temp view {_SHARD_VIEW} as {_select_spectrograms(store, shards)}")


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


def _holds_songs(layout: DataLayout, track_ids: Sequence[str]) -> bool:
    """Return whether the published store has one of these songs, or cannot be read."""
    if not track_ids or not layout.published.exists():
        return False
    statement = "select 1 from tracks where track_id in (select unnest(?)) limit 1"
    try:
        return bool(query_rows(layout, statement, [track_ids]))
    except UsageError:
        return True


def _read_named(layout: DataLayout) -> tuple[list[str], list[str]]:
    """Return the shards that the catalog names, and the songs that were removed."""
    with open_catalog(layout) as catalog:
        removed = fetch_values(catalog, "select track_id from removals")
        return all_shards(catalog), removed


def _replace_store(layout: DataLayout, named: Sequence[str]) -> None:
    for left in layout.home.glob(f".{layout.published.name}.*"):  # of a killed process
        left.unlink()
    sizes = list_shards(layout)
    shards = [shard for shard in named if shard in sizes]
    if n_missing := len(named) - len(shards):
        logger.warning("missing: %s; the next extract makes it good", counted(n_missing, "shard"))
    try:
        with write_whole(layout.published) as part:
            _write_store(layout, part, shards)
    except (*OPEN_ERRORS, duckdb.TransactionException) as error:
        raise explain_failure(layout, error) from error


def _is_outdated(message: str) -> bool:
    """Return whether DuckDB misses a table that this version publishes."""
    missing = re.search(r"Table with name (\w+) does not exist", message)
    published = files("storage.catalog").joinpath("published.sql").read_text("utf-8")
    return missing is not None and f"create table {missing[1]} as" in published


def _unique(names: Sequence[str]) -> list[str]:
    """Number columns of the same name: ``n``, ``n_1``."""
    return [
        name if name not in names[:place] else f"{name}_{names[:place].count(name)}"
        for place, name in enumerate(names)
    ]


def _write_store(layout: DataLayout, part: Path, shards: Sequence[str]) -> None:
    store = open_store(layout)
    with duckdb.connect(str(part)) as connection:
        _register_shards(connection, store)
        connection.create_function("mask_location", mask_location, ["varchar"], "varchar")
        connection.execute(f"attach {quote(str(layout.catalog))} as catalog (read_only)")
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
    paths = ", ".join(quote(store.address(shard)) for shard in shards)
    return f"select {_COLUMNS} from read_parquet([{paths}]) join tracks using (track_id)"
