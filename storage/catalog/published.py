"""The catalog for people: one file, read-only, replaced whole after each stage."""

import logging
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb

from genre_core.errors import UsageError
from storage.catalog.connection import explain_failure
from storage.catalog.extraction import all_shards
from storage.layout import DataLayout

logger = logging.getLogger(__name__)

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
        If another process holds the catalog, or the disk refuses.
    """
    fresh = layout.home / ".spectrograms.duckdb.new"
    for left in layout.home.glob(f"{fresh.name}*"):
        left.unlink()
    named = [layout.shards / shard for shard in all_shards(layout)]
    paths = [path for path in named if path.exists()]
    if len(paths) < len(named):
        logger.warning("%s shards are gone; the next extract heals", len(named) - len(paths))
    try:
        _write_store(layout, fresh, paths)
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
            if not connection.extract_statements(statement):
                raise UsageError("The statement is empty. Try: select * from tracks limit 5")
            cursor = connection.execute(statement, list(parameters))
            return _unique([column[0] for column in cursor.description or ()]), cursor.fetchall()
    except duckdb.Error as error:
        raise UsageError(f"The store cannot answer: {error}") from error


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


def _write_store(layout: DataLayout, fresh: Path, shards: Sequence[Path]) -> None:
    with duckdb.connect(str(fresh)) as connection:
        connection.execute(f"attach {_quote(layout.catalog)} as catalog (read_only)")
        connection.execute(files("storage.catalog").joinpath("published.sql").read_text("utf-8"))
        connection.execute(f"create view spectrograms as {_select_spectrograms(shards)}")
        connection.execute("detach catalog")
        connection.execute("checkpoint")


def _select_spectrograms(shards: Sequence[Path]) -> str:
    if not shards:
        return _NO_SPECTROGRAMS
    paths = ", ".join(_quote(path.resolve()) for path in shards)
    return f"select {_COLUMNS} from read_parquet([{paths}]) join tracks using (track_id)"


def _quote(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
