"""A catalog that an older genreflow wrote is brought up to date when it is opened."""

from pathlib import Path

import duckdb
import pytest

from storage.catalog.connection import SCHEMA_VERSION, fetch_rows, open_catalog
from storage.home import DataLayout

OLDER = (2, 3)
COLUMNS = """
    select table_name, column_name, data_type, is_nullable, column_default
    from duckdb_columns() order by table_name, column_name
"""


@pytest.fixture(params=OLDER)
def old(tmp_path: Path, request: pytest.FixtureRequest) -> DataLayout:
    layout = DataLayout(tmp_path / "old")
    layout.home.mkdir()
    with duckdb.connect(str(layout.catalog)) as connection:
        schema = Path(__file__).with_name(f"schema_{request.param}.sql")
        connection.execute(schema.read_text("utf-8"))
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


def test_a_migrated_catalog_tells_each_of_its_versions_once(old: DataLayout) -> None:
    for _ in range(2):
        with open_catalog(old) as catalog:
            versions = fetch_rows(catalog, "select version from schema_version order by version")

    found = [row["version"] for row in versions]
    assert found == list(range(found[0], SCHEMA_VERSION + 1))
