"""A query reads the published store and its shards, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from genre_core.errors import UsageError
from storage.catalog.publish import publish
from storage.catalog.query import query

if TYPE_CHECKING:
    from pathlib import Path

    from tests.storage.catalog.conftest import Store

WRITES = (
    "copy (select 1) to '{file}'",
    "attach '{file}' as other; create table other.t as select 1 as a",
    "attach '{file}' as other",
    "export database '{file}'",
    "select 1; copy (select 1) to '{file}'",
    "explain analyze copy (select 1) to '{file}'",
    "create table other as select 1",
    "install httpfs",
    "set threads = 1",
)
READS = (
    "select content from read_text('{file}')",
    "select * from read_csv('{file}')",
    "select * from '{file}'",
    "select * from glob('/*')",
    "select * from read_text((select '{file}'))",
    "select content from read_text('{file}'), spectrograms",
    "select * from duckdb_secrets()",
)
QUERIES = (
    "from tracks",
    "with n as (select count(*) from tracks) select * from n",
    "describe tracks",
    "summarize outcomes",
    "show tables",
    "pivot tracks on genre using count(*)",
    "select avg(values[1]) from spectrograms",
)


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("statement", WRITES)
def test_a_statement_that_writes_is_refused_and_changes_no_file(
    store: Store, tmp_path: Path, statement: str
) -> None:
    publish(store.layout)
    before = files_of(tmp_path)

    with pytest.raises(UsageError):
        query(store.layout, statement.format(file=tmp_path / "other"))

    assert files_of(tmp_path) == before


def test_a_shard_that_a_query_may_read_is_not_written(store: Store) -> None:
    store.freeze("key", *store.three_songs())
    publish(store.layout)
    before = files_of(store.layout.home)
    (shard,) = [name for name in before if name.endswith(".parquet")]

    with pytest.raises(UsageError):
        query(store.layout, f"copy (select 1 as spectrograms) to '{shard}'")

    assert files_of(store.layout.home) == before


@pytest.mark.parametrize("statement", READS)
def test_a_query_reads_no_other_file(store: Store, tmp_path: Path, statement: str) -> None:
    publish(store.layout)
    secret = tmp_path / "secret.csv"
    secret.write_text("secret\n")

    with pytest.raises(UsageError):
        query(store.layout, statement.format(file=secret))


@pytest.mark.parametrize("statement", QUERIES)
def test_every_way_to_ask_is_answered(store: Store, statement: str) -> None:
    store.freeze("key", *store.three_songs())
    publish(store.layout)

    names, rows = query(store.layout, statement)

    assert names
    assert rows
