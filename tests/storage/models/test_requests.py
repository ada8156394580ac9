"""The body of a request is read in MLflow's forms, and what it claims is checked first."""

import io
import json
import tracemalloc

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from genre_core.errors import UsageError
from storage.models.requests import MAX_ROWS, read_rows

JSON, CSV, PARQUET = "application/json", "text/csv", "application/vnd.apache.parquet"
TABLE = pd.DataFrame({"song": ["a.wav", "b.wav"]})


def as_json(document: object) -> bytes:
    return json.dumps(document).encode()


def as_parquet(table: pa.Table, **options: object) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (as_json({"dataframe_records": [{"song": "a.wav"}, {"song": "b.wav"}]}), JSON),
        (as_json({"dataframe_split": {"columns": ["song"], "data": [["a.wav"], ["b.wav"]]}}), JSON),
        (as_json({"instances": [{"song": "a.wav"}, {"song": "b.wav"}]}), f"{JSON}; charset=utf-8"),
        (as_json({"inputs": {"song": ["a.wav", "b.wav"]}}), JSON),
        (as_json({"inputs": ["a.wav", "b.wav"]}), JSON),
        (TABLE.to_csv(index=False).encode(), CSV),
        (as_parquet(pa.Table.from_pandas(TABLE)), PARQUET),
    ],
)
def test_every_form_gives_the_same_rows(body: bytes, kind: str) -> None:
    rows = read_rows(body, kind)

    assert [row["song"] for row in rows] == ["a.wav", "b.wav"]


def test_rows_of_other_types_stand_beside_good_ones() -> None:
    given = [{"song": "a.wav"}, {"song": 7}, None, [], "b.wav", {"audio_base64": {}}]

    rows = read_rows(as_json({"dataframe_records": given}), JSON)

    assert len(rows) == len(given)
    assert [rows[0]["song"], rows[4]["song"]] == ["a.wav", "b.wav"]


def test_a_list_in_a_cell_of_parquet_is_not_read() -> None:
    table = pa.table({"song": [["a.wav"] * 3_000_000, []], "audio_base64": ["AAAA", None]})

    rows = read_rows(as_parquet(table), PARQUET)

    assert [list(row) for row in rows] == [["audio_base64"]] * 2
    assert rows[0]["audio_base64"] == "AAAA"


ROWS = pa.table({"song": ["a.wav"] * 3_000_000})


def claiming_one_row(table: pa.Table, n_lies: int) -> bytes:
    """A Parquet file whose footer says 1 in the first places where it should say 3,000,000."""
    body = as_parquet(table, store_schema=False, row_group_size=len(table))
    begin = len(body) - 8 - int.from_bytes(body[-8:-4], "little")
    rows, one = b"\x80\x9b\xee\x02", b"\x82\x80\x80\x00"  # varints in zigzag, of four bytes
    assert body[begin:].count(rows) == 4
    return body[:begin] + body[begin:].replace(rows, one, n_lies)


@pytest.mark.parametrize(
    ("body", "kind", "sentence"),
    [
        (claiming_one_row(ROWS, 1), PARQUET, "more than 100 rows"),
        (as_parquet(ROWS), PARQUET, "claims 3000000 rows"),
        (as_parquet(ROWS.slice(0, 9), compression="zstd"), PARQUET, "packed as ZSTD"),
        (b"PAR1" + b"x" * (2 << 20), PARQUET, "larger than 2097152 bytes"),
        (b"PAR1 and no table PAR1", PARQUET, "cannot be read"),
        (as_json({"dataframe_records": [{}] * (MAX_ROWS + 1)}), JSON, "more than 100 rows"),
        (b"song\n" + b"a\n" * 1_000_000, CSV, "more than 100 rows"),
        (b'{"inputs": [' + b"[]," * 1_000_000, JSON, "more than 100000 values"),
        (b'{"inputs": ' + b"[" * 90_000, JSON, "cannot be read"),
        (
            as_json({"dataframe_split": {"index": [0], "columns": ["song"], "data": "x"}}),
            JSON,
            "no list",
        ),
        (as_json({"inputs": [], "instances": []}), JSON, "one of"),
        (b"\xff", JSON, "cannot be read"),
        (b"[]", JSON, "one of"),
        (b"", "text/html", "not 'text/html'"),
    ],
)
def test_a_claim_is_refused_before_memory_is_taken(body: bytes, kind: str, sentence: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(UsageError, match=sentence):
            read_rows(body, kind)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 50_000_000
