"""Opening the catalog: one writer, short transactions, a schema that is known."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from genre_core.errors import CatalogMismatch, TransientError
from storage.catalog import connection
from storage.catalog.connection import fetch_rows, insert_rows, open_catalog
from storage.catalog.songs import count_outcomes
from storage.home import DataLayout
from tests.catalogs import in_catalog

Start = Callable[..., subprocess.Popen[str]]
HOLD = """
import duckdb, sys, threading
from tests.catalogs import in_catalog
held = duckdb.connect(sys.argv[1])
print("ready", flush=True)
threading.Event().wait(float(sys.argv[2]))
held.close()
"""


@pytest.fixture
def layout(tmp_path: Path) -> DataLayout:
    return DataLayout(tmp_path)


def test_the_first_opening_makes_every_table(layout: DataLayout) -> None:
    with open_catalog(layout) as catalog:
        rows = fetch_rows(catalog, "select table_name from duckdb_tables() order by 1")

    assert [row["table_name"] for row in rows] == [
        "assignments", "audit_checks", "audits", "challenges", "decisions", "duplicates",
        "excluded_tracks", "extracted", "features", "fingerprint_keys", "fingerprints",
        "golden_songs", "night_steps", "nights", "outcomes", "predictions", "promotions",
        "rejected", "removals", "runs", "schema_version", "scores", "shards", "snapshot_tracks",
        "snapshots",
        "song_embeddings", "sound", "suspect_neighbours", "suspects", "tracks",
    ]  # fmt: skip


def test_what_is_written_is_there_when_the_catalog_is_opened_again(layout: DataLayout) -> None:
    with open_catalog(layout) as catalog:
        catalog.execute("insert into features values ('key', 'thesis', 3, 12, 29, '{}')")

    with open_catalog(layout) as catalog:
        rows = fetch_rows(catalog, "select feature_key, n_frames from features")

    assert rows == [{"feature_key": "key", "n_frames": 29}]


def test_an_error_undoes_all_of_its_transaction(layout: DataLayout) -> None:
    def write_half() -> None:
        with open_catalog(layout) as catalog:
            catalog.execute("insert into features values ('key', 'thesis', 3, 12, 29, '{}')")
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        write_half()

    with open_catalog(layout) as catalog:
        assert fetch_rows(catalog, "select * from features") == []


def test_an_error_while_the_catalog_is_made_leaves_one_that_can_be_opened(
    layout: DataLayout,
) -> None:
    with pytest.raises(RuntimeError), open_catalog(layout):
        raise RuntimeError

    assert sum(in_catalog(layout, count_outcomes).values()) == 0


def test_rows_find_their_columns_by_name(layout: DataLayout) -> None:
    row = {"n_frames": 29, "n_bands": 12, "fragment_s": 3, "representation": "it's"}

    with open_catalog(layout) as catalog:
        insert_rows(catalog, "features", [{**row, "settings": "{}", "feature_key": "key"}])
        rows = fetch_rows(catalog, "select * exclude (settings) from features")

    assert rows == [{**row, "feature_key": "key"}]


def test_rows_of_small_and_large_numbers_go_in_together(layout: DataLayout) -> None:
    rows = [
        {"shard": name, "feature_key": "key", "n_rows": 1, "n_bytes": n_bytes}
        for name, n_bytes in (("small", 5), ("large", 5_000_000_000))
    ]

    with open_catalog(layout) as catalog:
        insert_rows(catalog, "shards", rows)
        found = fetch_rows(catalog, "select n_bytes from shards order by shard")

    assert found == [{"n_bytes": 5_000_000_000}, {"n_bytes": 5}]


def test_no_rows_are_no_work(layout: DataLayout) -> None:
    with open_catalog(layout) as catalog:
        insert_rows(catalog, "features", [])

        assert fetch_rows(catalog, "select * from features") == []


def test_a_catalog_held_by_another_process_is_a_passing_trouble(
    layout: DataLayout, in_another_process: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "LOCK_TIMEOUT_S", 0.2)
    in_another_process(HOLD, layout.catalog, 30)

    with (
        pytest.raises(TransientError, match="is held by another process; wait until"),
        open_catalog(layout),
    ):
        pytest.fail("two processes write one catalog")


def test_a_catalog_is_waited_for_until_the_other_process_lets_go(
    layout: DataLayout, in_another_process: Start
) -> None:
    in_another_process(HOLD, layout.catalog, 0.5)

    assert sum(in_catalog(layout, count_outcomes).values()) == 0


@pytest.mark.parametrize("version", [5, 7])
def test_a_catalog_of_another_version_is_refused(layout: DataLayout, version: int) -> None:
    with open_catalog(layout) as catalog:
        catalog.execute("update schema_version set version = ?", [version])

    with (
        pytest.raises(
            CatalogMismatch, match=rf"has version {version}; .* reads version 7\. Use the"
        ),
        open_catalog(layout),
    ):
        pytest.fail("a catalog of another version was opened")


@pytest.fixture
def older(layout: DataLayout, monkeypatch: pytest.MonkeyPatch) -> DataLayout:
    """A catalog that two migrations lead from."""
    with open_catalog(layout):
        pass
    steps = [
        lambda catalog: catalog.execute("alter table shards add column owner varchar default 'a'"),
        lambda catalog: catalog.execute("update schema_version set version = version"),
    ]
    monkeypatch.setattr(connection, "MIGRATIONS", steps)
    return layout


def test_an_older_catalog_is_migrated_once_and_a_copy_kept(older: DataLayout) -> None:
    for _ in range(2):
        with open_catalog(older) as catalog:
            catalog.execute("select owner from shards")
            versions = fetch_rows(catalog, "select version from schema_version order by version")

    assert [row["version"] for row in versions] == [6, 8]
    with duckdb.connect(str(older.home / "catalog.duckdb.version-6"), read_only=True) as copy:
        assert copy.execute("select max(version) from schema_version").fetchone() == (6,)


def test_a_migration_that_fails_leaves_the_older_catalog(older: DataLayout) -> None:
    with pytest.raises(RuntimeError), open_catalog(older):
        raise RuntimeError

    with duckdb.connect(str(older.catalog)) as catalog:
        assert catalog.execute("select max(version) from schema_version").fetchone() == (6,)
        with pytest.raises(duckdb.BinderException):
            catalog.execute("select owner from shards")


def test_a_database_that_is_no_catalog_is_refused_with_a_sentence(layout: DataLayout) -> None:
    with duckdb.connect(str(layout.catalog)) as other:
        other.execute("create table invoices (amount integer)")

    with pytest.raises(CatalogMismatch, match="but no catalog"), open_catalog(layout):
        pytest.fail("a foreign database was opened")


def test_a_file_that_is_no_database_is_refused_at_once_wherever_it_stands(
    layout: DataLayout,
) -> None:
    locked = DataLayout(layout.home / "padlock")
    locked.home.mkdir()
    locked.catalog.write_bytes(b"no database" * 1_000)

    with pytest.raises(CatalogMismatch, match="cannot be opened"), open_catalog(locked):
        pytest.fail("a file that is no database was opened")


def test_a_process_that_dies_in_a_transaction_leaves_the_state_before_it(
    layout: DataLayout,
) -> None:
    program = (
        "import os, sys; from pathlib import Path; "
        "from storage.home import DataLayout; "
        "from storage.catalog.connection import open_catalog\n"
        "with open_catalog(DataLayout(Path(sys.argv[1]))) as catalog:\n"
        "    catalog.execute(\"insert into features values ('key', 'thesis', 3, 12, 29, '{}')\")\n"
        "    os._exit(9)\n"
    )
    with open_catalog(layout):
        pass

    died = subprocess.run([sys.executable, "-c", program, str(layout.home)], check=False)

    assert died.returncode == 9
    with open_catalog(layout) as catalog:
        assert fetch_rows(catalog, "select * from features") == []
