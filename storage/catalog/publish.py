"""The published store: one read-only file, replaced after each stage, and queries on it."""

from __future__ import annotations  # nanobind reports DuckDB's types as leaks if they stay alive

import json
import logging
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from genre_core.errors import CatalogMismatch, TransientError, UsageError
from genre_core.locations import mask_location
from genre_core.records import counted
from storage.catalog.connection import OPEN_ERRORS, explain_failure, fetch_values, open_catalog
from storage.catalog.extraction import all_shards
from storage.catalog.instance import attached, quote
from storage.catalog.published import (
    digest_inputs,
    digest_text,
    make_tables,
    note_digest,
    published_tables,
    update_tables,
)
from storage.files import explaining_disk_errors, write_bytes, write_whole
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


# a location that `mask_location` shows as it is: Python is called for the others
_IS_PLAIN = """
    create or replace temp macro is_plain(location) as not starts_with(location, '//')
        and (starts_with(location, '/') or not contains(location, ':'))
"""


def publish(layout: DataLayout) -> None:
    """Replace ``spectrograms.duckdb`` by a copy that has what changed since; not if nothing did.

    The home must be held. Readers keep the file that they have open. Missing shards are left out:
    the next extract makes them again. Raises `TransientError` if the catalog is in use, the disk is
    full, or the shards cannot be reached.
    """
    state = _read_state(layout)
    _replace_store(layout, state, _find_changed(layout, state))


def publish_and_sweep(layout: DataLayout) -> None:
    """Publish, then remove the shards that neither the new store nor the former one names.

    Every table is compared row by row, and a store that is damaged is written anew. The shards of
    the former store stay until the next call, for processes that have it open; not if it holds a
    song that was removed since.
    """
    state = _read_state(layout)
    retained = [] if _holds_songs(layout, state.removed) else published_shards(layout)
    write_bytes(_retained_note(layout), json.dumps(retained).encode())
    known = _find_changed(layout, state)
    _replace_store(layout, state, known if known is None else dict(state.digests))
    remove_orphans(layout, [*retained, *state.shards])


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    """What the catalog holds: the shards that it names, the songs that were removed, and digests.

    ``digests`` are those of `published.digest_inputs`.
    """

    shards: Sequence[str] = ()
    removed: Sequence[str] = ()
    digests: Mapping[str, str] = field(default_factory=dict)


def _read_state(layout: DataLayout) -> _State:
    with open_catalog(layout) as catalog:
        removed = fetch_values(catalog, "select track_id from removals")
        digests = digest_inputs(catalog)
        return _State(shards=all_shards(catalog), removed=removed, digests=digests)


def _find_changed(layout: DataLayout, state: _State) -> dict[str, str] | None:
    """Return the tables whose rows changed since they were published, with their digests.

    None if the store cannot be brought up to date: it is none, or of another version, holds a song
    that was removed, which would leave traces in the file, or is mostly free blocks.
    """
    if not layout.published.exists() or _holds_songs(layout, state.removed):
        return None
    try:
        rows = query_rows(layout, _NOTED)
    except UsageError:
        return None
    noted = {row["name"]: row["comment"] for row in rows}
    queries = {name: _query_part(digest) for name, digest in state.digests.items()}
    if {name: _query_part(digest) for name, digest in noted.items()} != queries:
        return None
    if any(row["is_wasteful"] for row in rows):
        return None
    return {name: digest for name, digest in state.digests.items() if noted[name] != digest}


def _query_part(digest: str | None) -> str:
    """Return the part of a digest that says how the table is made, of which columns."""
    return (digest or "").partition(" ")[0]


_NOTED = """
    select table_name as name, comment, (select free_blocks > used_blocks
        from pragma_database_size() where database_name = current_database()) as is_wasteful
    from duckdb_tables() where database_name = current_database()
"""


def _replace_store(layout: DataLayout, state: _State, changed: Mapping[str, str] | None) -> None:
    """Write the store beside the old one and replace it; ``changed`` is of `_find_changed`."""
    for left in layout.home.glob(f".{layout.published.name}.*"):  # of a killed process
        left.unlink()
    sizes = list_shards(layout)
    shards = [shard for shard in state.shards if shard in sizes]
    if n_missing := len(state.shards) - len(shards):
        logger.warning("missing: %s; the next extract makes it good", counted(n_missing, "shard"))
    store = open_store(layout)
    view = _select_spectrograms(store, shards)
    if changed == {} and _noted_view(layout) == digest_text(view):
        return
    try:
        with explaining_disk_errors(layout), write_whole(layout.published) as part:
            if changed is None or not _update_copy(layout, part, changed, view):
                _write_store(layout, part, state.digests, view)
    except (*OPEN_ERRORS, duckdb.TransactionException) as error:
        raise explain_failure(layout, error) from error


def _noted_view(layout: DataLayout) -> str:
    statement = "select comment from duckdb_views() where view_name = ?"
    rows = query_rows(layout, statement, [_SHARD_VIEW])
    return rows[0]["comment"] if rows else ""


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


def _update_copy(layout: DataLayout, part: Path, changed: Mapping[str, str], view: str) -> bool:
    """Copy the store and bring the copy up to date; return whether it could be read."""
    try:
        shutil.copyfile(layout.published, part)
        with _open_part(layout, part, view) as connection:
            update_tables(connection, changed)
        return True
    except duckdb.Error as error:
        failure = explain_failure(layout, error)
        if isinstance(failure, TransientError):
            raise failure from error
        logger.warning("%s is written anew: %s", layout.published, error)
        part.unlink(missing_ok=True)
        return False


def _write_store(layout: DataLayout, part: Path, digests: Mapping[str, str], view: str) -> None:
    with _open_part(layout, part, view) as connection:
        make_tables(connection, digests)


@contextmanager
def _open_part(layout: DataLayout, part: Path, view: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a store that is being written, with the catalog; then make its view of the shards."""
    try:
        with duckdb.connect(str(part)) as connection:
            _register_shards(connection, open_store(layout))
            connection.create_function("mask_location", mask_location, ["varchar"], "varchar")
            connection.execute(_IS_PLAIN)
            connection.execute(f"attach {quote(str(layout.catalog))} as catalog (read_only)")
            yield connection
            connection.execute(f"create or replace view {_SHARD_VIEW} as {view}")
            note_digest(connection, f"view {_SHARD_VIEW}", digest_text(view))
            connection.execute("detach catalog")
            connection.execute("checkpoint")
    finally:
        part.with_name(f"{part.name}.wal").unlink(missing_ok=True)  # of a failure


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
