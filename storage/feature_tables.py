"""Tables of features that people bring: Parquet, CSV, Arrow or pandas, read by DuckDB."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from genre_core.audit.table import FeatureTable, Strings, TableColumns
from genre_core.errors import UsageError
from genre_core.examples import Float32Array, Int64Array
from genre_core.records import counted
from storage.catalog.instance import plain_name, quote, quote_name
from storage.feature_columns import NUMBER, listed, no_column, select_features
from storage.sources.manifest import NO_TEXT

if TYPE_CHECKING:
    import duckdb

SUFFIXES = (".parquet", ".pq", ".csv", ".tsv", ".csv.gz", ".tsv.gz")
MOST_VALUES = 2**29
"""Features of all rows together: 2 GiB in memory."""
MOST_UNUSABLE = 0.1
"""Share of rows that may be left out for features that are no numbers."""
ROWS_AT_ONCE = 10_000
_VIEW = "given"

BoolArray = npt.NDArray[np.bool_]


def read_feature_table(table: object, columns: TableColumns) -> FeatureTable:
    """Read the rows of a table that have a label and finite features.

    ``table`` is a path of a Parquet or CSV file, a pandas DataFrame or a pyarrow Table.
    Raises `UsageError` if it cannot be read, or a column is missing or of the wrong type.
    """
    with _open(table) as connection:
        types = {
            name: kind for name, kind, *_ in connection.execute(f"describe {_VIEW}").fetchall()
        }
        names = select_features(columns.features, types, (*_keys(columns), *columns.shortcuts))
        _require_columns(columns, types)
        _require_room(connection, names)
        values = {name: _texts(connection, name) for name in _keys(columns)}
        features, expanded = _read_features(connection, names, types)
        shortcuts = {name: _read_shortcut(connection, name, types) for name in columns.shortcuts}
    return _assemble(columns, expanded, values, features, shortcuts)


def _keys(columns: TableColumns) -> list[str]:
    named = (columns.label, columns.group, columns.track, columns.split, columns.source)
    return [name for name in dict.fromkeys(named) if name]


@contextmanager
def _open(table: object) -> Iterator[duckdb.DuckDBPyConnection]:
    import duckdb

    config: dict[str, Any] = {"autoinstall_known_extensions": "false"}
    path = Path(table) if isinstance(table, str | Path) else None
    named = plain_name(path, _suffix(path)) if path else nullcontext()
    with named as link, duckdb.connect(config=config) as connection:
        try:
            connection.execute("set enable_progress_bar = false")  # it is on standard output
            if link:
                _view_file(connection, link)
            else:
                connection.register(_VIEW, _as_arrow(table))
            yield connection
        except duckdb.Error as error:
            sentence = str(error).splitlines()[0].replace(str(link), str(path))
            raise UsageError(f"The table cannot be read: {sentence}") from error


def _suffix(path: Path) -> str:
    if not path.is_file():
        raise UsageError(f"There is no file {path}. Name a Parquet or CSV file.")
    found = [suffix for suffix in SUFFIXES if path.name.lower().endswith(suffix)]
    if not found:
        raise UsageError(f"{path} is neither Parquet nor CSV. Name one of: {', '.join(SUFFIXES)}.")
    return found[0]


def _view_file(connection: duckdb.DuckDBPyConnection, link: Path) -> None:
    is_parquet = link.suffix in {".parquet", ".pq"}
    read = "read_parquet" if is_parquet else "read_csv"
    more = "" if is_parquet else ", sample_size => -1"
    connection.execute(f"create view {_VIEW} as from {read}({quote(str(link))}{more})")


def _as_arrow(table: object) -> object:
    import pyarrow as pa

    if isinstance(table, pa.Table):
        return table
    if hasattr(table, "columns") and hasattr(table, "reset_index"):  # a DataFrame
        frame: Any = table
        named = frame.copy(deep=False)
        named.columns = ["_".join(map(str, n)) if isinstance(n, tuple) else str(n) for n in named]
        return pa.Table.from_pandas(named, preserve_index=False)
    raise UsageError(
        f"A table is a path, a pandas DataFrame or a pyarrow Table, not {type(table).__name__}."
    )


def _require_columns(columns: TableColumns, types: dict[str, str]) -> None:
    for name in (*_keys(columns), *columns.shortcuts):
        if name not in types:
            raise no_column(name, list(types))


def _require_room(connection: duckdb.DuckDBPyConnection, names: Sequence[str]) -> None:
    n_rows = _count(connection)
    if n_rows == 0:
        raise UsageError("The table has no rows.")
    if n_rows * len(names) > MOST_VALUES:
        raise UsageError(
            f"The table has {n_rows} rows of {len(names)} features; at most {MOST_VALUES} values "
            "are audited. Draw whole groups of rows into a smaller table."
        )


def _count(connection: duckdb.DuckDBPyConnection) -> int:
    return int(connection.execute(f"select count(*) from {_VIEW}").fetchall()[0][0])


def _texts(connection: duckdb.DuckDBPyConnection, name: str) -> Strings:
    query = f"select coalesce(trim({quote_name(name)}::varchar), '') as value from {_VIEW}"
    texts = np.asarray(connection.execute(query).fetchnumpy()["value"], dtype=str)
    return np.where(np.isin(texts, NO_TEXT), "", texts)


def _read_shortcut(
    connection: duckdb.DuckDBPyConnection, name: str, types: dict[str, str]
) -> np.ndarray[Any, Any]:
    if not NUMBER.fullmatch(types[name]):
        return _texts(connection, name)
    query = f"select {quote_name(name)}::double as value from {_VIEW}"
    column = np.ma.asarray(connection.execute(query).fetchnumpy()["value"])
    return np.asarray(np.ma.filled(column.astype(np.float64), np.nan))


def _read_features(
    connection: duckdb.DuckDBPyConnection, names: Sequence[str], types: dict[str, str]
) -> tuple[Float32Array, tuple[str, ...]]:
    """Read columns and lists of them as float32 (n_rows, n_features); NaN where one is missing."""
    widths = {name: _width(connection, name) if "[" in types[name] else 1 for name in names}
    expanded = tuple(
        name if widths[name] == 1 else f"{name}[{at}]"
        for name in names
        for at in range(widths[name])
    )
    n_rows, start = _count(connection), 0
    if n_rows * len(expanded) > MOST_VALUES:
        raise UsageError(f"{n_rows} rows of {len(expanded)} features are too many values to audit.")
    features = np.full((n_rows, len(expanded)), np.nan, np.float32)
    wanted = ", ".join(
        f"{quote_name(name)}::{'float[]' if '[' in types[name] else 'double'} as c{at}"
        for at, name in enumerate(names)
    )
    relation = connection.sql(f"select {wanted} from {_VIEW}")
    with np.errstate(over="ignore"):
        for batch in relation.to_arrow_reader(ROWS_AT_ONCE):
            at = 0
            rows = slice(start, start + batch.num_rows)
            for name, column in zip(names, batch.columns, strict=True):
                _fill(features[rows, at : at + widths[name]], column)
                at += widths[name]
            start += batch.num_rows
    return features, expanded


def _fill(into: Float32Array, column: Any) -> None:  # noqa: ANN401 - an Arrow array
    is_list = hasattr(column, "flatten") and hasattr(column.type, "value_type")
    if not is_list:
        into[:, 0] = column.to_numpy(zero_copy_only=False)
        return
    known = np.asarray(column.is_valid())
    into[known] = column.flatten().to_numpy(zero_copy_only=False).reshape(-1, into.shape[1])


def _width(connection: duckdb.DuckDBPyConnection, name: str) -> int:
    query = f"select min(len({quote_name(name)})), max(len({quote_name(name)})) from {_VIEW}"
    shortest, longest = connection.execute(query).fetchall()[0]
    if not longest or shortest != longest:
        lengths = "is empty" if not longest else f"has lists of {shortest} to {longest} numbers"
        raise UsageError(f"The column {name} {lengths}. Each row needs a list of the same length.")
    return int(longest)


def _assemble(
    columns: TableColumns,
    names: tuple[str, ...],
    values: dict[str, Strings],
    features: Float32Array,
    shortcuts: dict[str, np.ndarray[Any, Any]],
) -> FeatureTable:
    notes, n_rows = [], len(features)
    is_labelled = values[columns.label] != ""
    if n_without := len(_unknown_rows(values, columns.label)):
        notes.append(f"{counted(n_without, 'row')} without a label left out.")
    is_finite = _finite_rows(features, names, is_labelled, notes)
    table = FeatureTable(
        columns=columns,
        features=features,
        feature_names=names,
        labels=values[columns.label],
        groups=_known_groups(values, columns.group, notes),
        tracks=_known_groups(values, columns.track, notes),
        subsets=values.get(columns.split),
        sources=_known_sources(values, columns.source, notes),
        shortcuts=shortcuts,
        n_rows=n_rows,
        notes=tuple(notes),
    )
    kept = is_labelled & is_finite
    return table if kept.all() else table.take(np.flatnonzero(kept))


def _finite_rows(
    features: Float32Array,
    names: Sequence[str],
    rows: BoolArray,
    notes: list[str],
) -> BoolArray:
    """Which rows have numbers only; refuse a table where many have not."""
    is_finite = np.isfinite(features)
    bad_rows = rows & ~is_finite.all(axis=1)
    if not bad_rows.any():
        return ~bad_rows
    n_bad = int(bad_rows.sum())
    bad_columns = [names[at] for at in np.flatnonzero(~is_finite[bad_rows].all(axis=0)).tolist()]
    where = f"in {listed(bad_columns)}; the first is row {int(np.flatnonzero(bad_rows)[0]) + 1}"
    if n_bad > MOST_UNUSABLE * rows.sum():
        raise UsageError(
            f"{n_bad} of {int(rows.sum())} rows have missing or infinite features ({where}). "
            "Leave out these columns, or fill them."
        )
    notes.append(f"{counted(n_bad, 'row')} with missing or infinite features left out ({where}).")
    return ~bad_rows


def _unknown_rows(values: dict[str, Strings], name: str) -> Int64Array:
    unknown = np.flatnonzero(values[name] == "")
    if len(unknown) == len(values[name]):
        raise UsageError(f"The column {name} is empty.")
    return unknown


def _known_sources(values: dict[str, Strings], name: str, notes: list[str]) -> Strings | None:
    """Sources of the rows, empty where unknown: these rows are no part of their check."""
    if not name:
        return None
    if n_unknown := len(_unknown_rows(values, name)):
        notes.append(f"{counted(n_unknown, 'row')} without {name}: left out of its check.")
    return values[name]


def _known_groups(values: dict[str, Strings], name: str, notes: list[str]) -> Strings | None:
    """Groups of the rows; an unknown one is a group of its own."""
    if not name:
        return None
    column, unknown = values[name], _unknown_rows(values, name)
    if not len(unknown):
        return column
    notes.append(
        f"{counted(len(unknown), 'row')} without {name}: each counts as one of its own, which may "
        "hide a leak."
    )
    named = column.astype(object)
    named[unknown] = [f"(row {at + 1})" for at in unknown]
    return named.astype(str)
