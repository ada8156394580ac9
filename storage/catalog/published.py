"""The catalog for people: one file, read-only, replaced whole after each stage."""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb

from genre_core.errors import UsageError
from storage.catalog.connection import explain_failure
from storage.catalog.extraction import all_shards, shard_paths
from storage.layout import DataLayout

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

    Readers keep the file that they have open; the next one to open it sees the new state.

    Raises
    ------
    CatalogMismatch
        If a shard that the catalog names is gone.
    TransientError
        If another process holds the catalog.
    """
    fresh = layout.home / ".spectrograms.duckdb.new"
    fresh.unlink(missing_ok=True)
    paths = shard_paths(layout, all_shards(layout))
    try:
        _write_store(layout, fresh, paths)
    except duckdb.IOException as error:
        raise explain_failure(layout, error) from error
    fresh.replace(layout.published)
    return layout.published


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
