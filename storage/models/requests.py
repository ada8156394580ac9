"""The bodies of requests to predict songs, in the forms of MLflow's scoring server.

Their senders are strangers: what a body claims to hold is checked before it is believed.
"""

import csv
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from io import BytesIO, StringIO
from itertools import islice, zip_longest
from typing import Any

from genre_core.errors import UsageError
from storage.extras import describe_missing, has_module

Row = Mapping[str, object]

MAX_BODY_BYTES = 32 << 20
MAX_ROWS = 100
_MAX_VALUES = 100_000  # in JSON: a list takes 2 bytes in the text, and 60 in memory
_MAX_PARQUET_BYTES = 2 << 20  # its values may be repeated, and are packed
_PACKINGS = {"UNCOMPRESSED", "SNAPPY"}
_ENCODINGS = {"PLAIN", "RLE", "BIT_PACKED", "PLAIN_DICTIONARY", "RLE_DICTIONARY"}
_COLUMNS = ("song", "audio_base64")


def read_rows(body: bytes, content_type: str) -> list[Row]:
    """Return the rows of a body; one that is too large or cannot be read is a `UsageError`."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in _READERS:
        raise UsageError(f"Send the songs as one of {', '.join(_READERS)}, not {kind!r}.")
    try:
        rows = list(islice(_READERS[kind](body), MAX_ROWS + 1))
    except (ValueError, TypeError, LookupError, RecursionError, OSError, csv.Error) as error:
        cause = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise UsageError(f"The request cannot be read as {kind}: {cause}.") from error
    if len(rows) > MAX_ROWS:
        raise UsageError(f"The request has more than {MAX_ROWS} rows. Send several requests.")
    return rows


def _read_json(body: bytes) -> Iterable[Row]:
    if sum(body.count(sign) for sign in (b"[", b"{", b",")) > _MAX_VALUES:
        raise ValueError(f"it has more than {_MAX_VALUES} values")
    document = json.loads(body)
    forms = ("dataframe_records", "dataframe_split", "instances", "inputs")
    given = [name for name in forms if isinstance(document, dict) and name in document]
    if len(given) != 1:
        raise ValueError(f"it must be an object with one of {', '.join(forms)}")
    rows = document[given[0]]
    if given == ["dataframe_split"]:
        rows = [_to_row(rows["columns"], values) for values in _require_list(rows["data"])]
    elif isinstance(rows, dict):
        columns = [values if isinstance(values, list) else [values] for values in rows.values()]
        rows = [dict(zip(rows, values, strict=True)) for values in zip_longest(*columns)]
    return [row if isinstance(row, dict) else {"song": row} for row in _require_list(rows)]


def _require_list(rows: object) -> list[Any]:
    if not isinstance(rows, list):
        raise TypeError("its rows are no list")
    return rows


def _to_row(columns: Sequence[str], values: object) -> Row:
    return dict(zip(columns, values, strict=False)) if isinstance(values, list) else {}


def _read_csv(body: bytes) -> Iterable[Row]:
    csv.field_size_limit(MAX_BODY_BYTES)
    return csv.DictReader(StringIO(body.decode("utf-8-sig")))


def _read_parquet(body: bytes) -> Iterable[Row]:
    if not has_module("pyarrow"):
        raise UsageError(describe_missing("train", "Reading Parquet"))
    from pyarrow.parquet import ParquetFile

    if len(body) > _MAX_PARQUET_BYTES:
        raise ValueError(f"it is larger than {_MAX_PARQUET_BYTES} bytes; send audio as JSON")
    open_file = partial(
        ParquetFile,
        thrift_string_size_limit=_MAX_PARQUET_BYTES,
        thrift_container_size_limit=_MAX_VALUES,
    )
    file = open_file(BytesIO(body))
    metadata = file.metadata
    if metadata.num_rows > MAX_ROWS:
        raise ValueError(f"it claims {metadata.num_rows} rows; {MAX_ROWS} are allowed")
    columns = map(metadata.schema.column, range(metadata.num_columns))
    names = [c.path for c in columns if c.path in _COLUMNS and c.physical_type == "BYTE_ARRAY"]
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for column in map(group.column, range(group.num_columns)):
            _require_small(column)
    # as dictionary: a value that is repeated is held once
    file = open_file(BytesIO(body), read_dictionary=names)
    # in batches: groups and columns may hold more rows than the file claims
    for batch in file.iter_batches(MAX_ROWS, columns=names, use_threads=False):
        yield from batch.to_pylist()


def _require_small(column: Any) -> None:  # noqa: ANN401
    """Refuse a column of a Parquet file whose values may be many times larger than the file."""
    packed = (column.compression, *column.encodings)
    if column.compression not in _PACKINGS or not set(column.encodings) <= _ENCODINGS:
        raise ValueError(f"it is packed as {', '.join(packed)}; use SNAPPY and PLAIN")
    if column.total_uncompressed_size > MAX_BODY_BYTES:
        raise ValueError(f"it claims {column.total_uncompressed_size} bytes in a column")


_READERS: Mapping[str, Callable[[bytes], Iterable[Row]]] = {
    "application/json": _read_json,
    "text/csv": _read_csv,
    "application/vnd.apache.parquet": _read_parquet,
}
