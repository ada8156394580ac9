"""The published store: one read-only file, replaced after each stage."""

from __future__ import annotations  # nanobind reports DuckDB's types as leaks if they stay alive

import json
import logging
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from genre_core.errors import CatalogMismatch, TransientError, UsageError
from genre_core.locations import mask_location
from genre_core.records import counted
from storage.catalog.connection import explain_failure, fetch_values, open_catalog
from storage.catalog.extraction import all_shards
from storage.catalog.instance import quote
from storage.catalog.published import (
    digest_inputs,
    digest_text,
    make_tables,
    note_digest,
    update_tables,
)
from storage.catalog.query import SHARD_VIEW, query_rows, register_shards, select_spectrograms
from storage.files import explaining_disk_errors, write_bytes, write_whole
from storage.home import DataLayout
from storage.shard_store import list_shards, open_store, remove_orphans

if TYPE_CHECKING:
    import duckdb

logger = logging.getLogger(__name__)


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
    import duckdb

    for left in layout.home.glob(f".{layout.published.name}.*"):  # of a killed process
        left.unlink()
    sizes = list_shards(layout)
    shards = [shard for shard in state.shards if shard in sizes]
    if n_missing := len(state.shards) - len(shards):
        logger.warning("missing: %s; the next extract makes it good", counted(n_missing, "shard"))
    store = open_store(layout)
    view = select_spectrograms(store, shards)
    if changed == {} and _noted_view(layout) == digest_text(view):
        return
    try:
        with explaining_disk_errors(layout), write_whole(layout.published) as part:
            if changed is None or not _update_copy(layout, part, changed, view):
                _write_store(layout, part, state.digests, view)
    except (
        *(duckdb.IOException, duckdb.ResourceInUseException, duckdb.TransactionException),
    ) as error:
        raise explain_failure(layout, error) from error


def _noted_view(layout: DataLayout) -> str:
    statement = "select comment from duckdb_views() where view_name = ?"
    rows = query_rows(layout, statement, [SHARD_VIEW])
    return rows[0]["comment"] if rows else ""


def _update_copy(layout: DataLayout, part: Path, changed: Mapping[str, str], view: str) -> bool:
    """Copy the store and bring the copy up to date; return whether it could be read."""
    import duckdb

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
    import duckdb

    try:
        with duckdb.connect(str(part)) as connection:
            register_shards(connection, open_store(layout))
            connection.create_function("mask_location", mask_location, ["varchar"], "varchar")
            connection.execute(_IS_PLAIN)
            connection.execute(f"attach {quote(str(layout.catalog))} as catalog (read_only)")
            yield connection
            connection.execute(f"create or replace view {SHARD_VIEW} as {view}")
            note_digest(connection, f"view {SHARD_VIEW}", digest_text(view))
            connection.execute("detach catalog")
            connection.execute("checkpoint")
    finally:
        part.with_name(f"{part.name}.wal").unlink(missing_ok=True)  # of a failure
