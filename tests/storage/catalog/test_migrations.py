"""A catalog that an older genreflow wrote is brought up to date when it is opened."""

from pathlib import Path

import duckdb
import pytest

from storage.catalog.connection import SCHEMA_VERSION, fetch_rows, open_catalog
from storage.layout import DataLayout

OLDEST = Path(__file__).with_name("schema_2.sql").read_text("utf-8")
COLUMNS = """
    select table_name, column_name, data_type, is_nullable, column_default
    from duckdb_columns() order by table_name, column_name
"""


@pytest.fixture
def old(tmp_path: Path) -> DataLayout:
    layout = DataLayout(tmp_path / "old")
    layout.home.mkdir()
    with duckdb.connect(str(layout.catalog)) as connection:
        connection.execute(OLDEST)
        connection.execute(
            "insert into shards (shard, feature_key, n_rows, n_bytes) values ('a', 'key', 3, 40)"
        )
    return layout


def test_an_older_catalog_gets_the_tables_and_columns_of_a_new_one(
    old: DataLayout, tmp_path: Path
) -> None:
    new = DataLayout(tmp_path / "new")

    with open_catalog(old) as migrated, open_catalog(new) as fresh:
        assert fetch_rows(migrated, COLUMNS) == fetch_rows(fresh, COLUMNS)


def test_what_an_older_catalog_knows_is_kept(old: DataLayout) -> None:
    with open_catalog(old) as catalog:
        rows = fetch_rows(catalog, "select shard, n_rows, digest from shards")

    assert rows == [{"shard": "a", "n_rows": 3, "digest": ""}]


def test_a_migrated_catalog_tells_its_new_version_once(old: DataLayout) -> None:
    for _ in range(2):
        with open_catalog(old) as catalog:
            versions = fetch_rows(catalog, "select version from schema_version order by version")

    assert [row["version"] for row in versions] == [2, SCHEMA_VERSION]
