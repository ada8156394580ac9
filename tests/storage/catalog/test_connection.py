"""Opening the catalog: one writer, short transactions, a schema that is known."""

import hashlib
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from importlib.resources import files
from pathlib import Path

import duckdb
import pytest

from genre_core.errors import CatalogMismatch, TransientError
from storage.catalog import connection
from storage.catalog.connection import (
    FIRST_VERSION,
    fetch_rows,
    fetch_values,
    insert_rows,
    open_catalog,
)
from storage.home import DataLayout

Start = Callable[..., subprocess.Popen[str]]
HOLD = """
import duckdb, sys, threading
held = duckdb.connect(sys.argv[1])
print("ready", flush=True)
threading.Event().wait(float(sys.argv[2]))
held.close()
"""


INSERT = "insert into features values ('key', 'thesis', 3, 12, 29, '{}')"
DIE = f"""
import os, sys
from pathlib import Path
from storage.catalog.connection import open_catalog
from storage.home import DataLayout
with open_catalog(DataLayout(Path(sys.argv[1]))) as catalog:
    catalog.execute({INSERT!r})
    os._exit(9)
"""


@pytest.fixture
def layout(tmp_path: Path) -> DataLayout:
    return DataLayout(tmp_path)


def features(layout: DataLayout) -> list[str]:
    with open_catalog(layout) as catalog:
        return fetch_values(catalog, "select feature_key from features")


def test_the_first_opening_makes_every_table(layout: DataLayout) -> None:
    with open_catalog(layout) as catalog:
        tables = fetch_values(catalog, "select table_name from duckdb_tables() order by 1")

    assert tables == [
        "assignments", "audit_checks", "audits", "challenges", "decisions", "duplicates",
        "excluded_tracks", "extracted", "features", "fingerprint_keys", "fingerprints",
        "golden_songs", "models", "night_steps", "nights", "outcomes", "predictions", "promotions",
        "rejected", "removals", "runs", "schema_version", "scores", "shards", "snapshot_tracks",
        "snapshots",
        "song_embeddings", "song_map", "sound", "suspect_neighbours", "suspects", "tracks",
    ]  # fmt: skip


def test_a_transaction_is_kept_whole_or_not_at_all(layout: DataLayout) -> None:
    def write_half() -> None:
        with open_catalog(layout) as catalog:
            catalog.execute(INSERT)
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        write_half()
    undone = features(layout)
    died = subprocess.run([sys.executable, "-c", DIE, str(layout.home)], check=False)
    killed = features(layout)

    with open_catalog(layout) as catalog:
        catalog.execute(INSERT)

    assert died.returncode == 9
    assert (undone, killed, features(layout)) == ([], [], ["key"])


def test_rows_find_their_columns_by_name(layout: DataLayout) -> None:
    row = {"n_frames": 29, "n_bands": 12, "fragment_s": 3, "representation": "it's"}

    with open_catalog(layout) as catalog:
        insert_rows(catalog, "features", [{**row, "settings": "{}", "feature_key": "key"}])
        insert_rows(catalog, "features", [])
        rows = fetch_rows(catalog, "select * exclude (settings) from features")

    assert rows == [{**row, "feature_key": "key"}]


def test_rows_of_small_and_large_numbers_go_in_together(layout: DataLayout) -> None:
    rows = [
        {"shard": name, "feature_key": "key", "n_rows": 1, "n_bytes": n_bytes}
        for name, n_bytes in (("small", 5), ("large", 5_000_000_000))
    ]

    with open_catalog(layout) as catalog:
        insert_rows(catalog, "shards", rows)
        found = fetch_values(catalog, "select n_bytes from shards order by shard")

    assert found == [5_000_000_000, 5]


def test_a_catalog_in_another_instance_of_the_process_is_a_passing_trouble(
    layout: DataLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "LOCK_TIMEOUT_S", 0.2)

    with (
        duckdb.connect(str(layout.catalog)),
        pytest.raises(TransientError, match="in use by another thread of this process"),
        open_catalog(layout),
    ):
        pass


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

    assert features(layout) == []


@pytest.mark.parametrize("version", [FIRST_VERSION - 1, FIRST_VERSION + 1])
def test_a_catalog_of_another_version_is_refused(layout: DataLayout, version: int) -> None:
    with open_catalog(layout) as catalog:
        catalog.execute("update schema_version set version = ?", [version])

    with (
        pytest.raises(
            CatalogMismatch,
            match=rf"has version {version}; .* reads version {FIRST_VERSION}\. Use the",
        ),
        open_catalog(layout),
    ):
        pytest.fail("a catalog of another version was opened")


def test_a_changed_schema_has_a_new_version() -> None:
    """Change both: a home under an older schema would be called damaged."""
    schema = files("storage.catalog").joinpath("schema.sql").read_bytes()

    assert (FIRST_VERSION, hashlib.sha256(schema).hexdigest()[:16]) == (12, "837876953bcaad70")


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

    assert [row["version"] for row in versions] == [FIRST_VERSION, FIRST_VERSION + 2]
    with duckdb.connect(
        str(older.home / f"catalog.duckdb.version-{FIRST_VERSION}"), read_only=True
    ) as copy:
        assert copy.execute("select max(version) from schema_version").fetchone() == (
            FIRST_VERSION,
        )


def test_a_migration_that_fails_leaves_the_older_catalog(older: DataLayout) -> None:
    with pytest.raises(RuntimeError), open_catalog(older):
        raise RuntimeError

    with duckdb.connect(str(older.catalog)) as catalog:
        assert catalog.execute("select max(version) from schema_version").fetchone() == (
            FIRST_VERSION,
        )
        with pytest.raises(duckdb.BinderException):
            catalog.execute("select owner from shards")


def test_a_file_that_is_no_catalog_is_refused(layout: DataLayout) -> None:
    damaged = DataLayout(layout.home / "padlock")  # a name that DuckDB's lock error resembles
    damaged.home.mkdir()
    damaged.catalog.write_bytes(b"no database" * 1_000)
    with duckdb.connect(str(layout.catalog)) as other:
        other.execute("create table invoices (amount integer)")

    for refused, message in ((layout, "but no catalog"), (damaged, "is damaged, or no catalog")):
        with pytest.raises(CatalogMismatch, match=message), open_catalog(refused):
            pytest.fail("a file that is no catalog was opened")


def test_a_catalog_is_made_for_its_user_alone(tmp_path: Path) -> None:
    layout = DataLayout(tmp_path / "deep" / "home")

    with open_catalog(layout):
        pass

    modes = [stat.S_IMODE(path.stat().st_mode) for path in (layout.home, layout.catalog)]
    assert modes == [0o700, 0o600]


FOREIGN = (
    "create table schema_version (number integer)",
    "create table schema_version (version integer)",
    f"create table schema_version as select {FIRST_VERSION} as version",
    "create table songs (title varchar)",
)


@pytest.mark.parametrize("statement", FOREIGN)
def test_a_database_of_another_program_is_no_catalog(layout: DataLayout, statement: str) -> None:
    with duckdb.connect(str(layout.catalog)) as other:
        other.execute(statement)

    with (
        pytest.raises(CatalogMismatch, match=r"no catalog|this genreflow reads"),
        open_catalog(layout) as catalog,
    ):
        catalog.execute("select track_id from tracks")


@pytest.mark.parametrize("content", [b"", b"no database", b"\0" * 20_000])
def test_a_damaged_catalog_ends_in_a_sentence_and_stays(layout: DataLayout, content: bytes) -> None:
    layout.catalog.write_bytes(content)

    with pytest.raises(CatalogMismatch, match="Restore a backup"), open_catalog(layout):
        pass

    assert layout.catalog.read_bytes() == content


def test_a_database_of_sqlite_is_no_catalog_and_nothing_is_downloaded(layout: DataLayout) -> None:
    with closing(sqlite3.connect(layout.catalog)) as other:
        other.execute("create table songs (title text)")

    with (
        pytest.raises(CatalogMismatch, match=r"catalog\.duckdb .* no catalog") as raised,
        open_catalog(layout),
    ):
        pass

    assert "download" not in str(raised.value)


def test_a_block_with_a_wrong_checksum_ends_in_a_sentence(layout: DataLayout) -> None:
    with open_catalog(layout) as catalog:
        insert_rows(catalog, "snapshot_tracks", [
            {"snapshot_id": "s", "track_id": str(n), "genre": "jazz", "split": "train",
             "group_id": str(n), "split_level": "group"} for n in range(50_000)
        ])  # fmt: skip
    content = bytearray(layout.catalog.read_bytes())
    for place in range(12_288, len(content), 4096):  # behind the headers
        content[place] ^= 0xFF
    layout.catalog.write_bytes(content)

    with pytest.raises(CatalogMismatch, match="Restore a backup"), open_catalog(layout) as catalog:
        fetch_values(catalog, "select max(group_id) from snapshot_tracks")


def test_no_new_catalog_is_made_beside_a_published_library(layout: DataLayout) -> None:
    layout.published.write_bytes(b"a library")

    with pytest.raises(CatalogMismatch, match="Restore a backup"), open_catalog(layout):
        pass


@pytest.mark.parametrize("n_others", [1, 100])
def test_of_two_rows_for_one_key_the_first_is_inserted_among_few_as_among_many(
    layout: DataLayout, n_others: int
) -> None:
    rows = [{"n": 0, "word": "first"}, {"n": 0, "word": "second"}]
    rows += [{"n": n, "word": None} for n in range(1, n_others + 1)]

    with open_catalog(layout) as catalog:
        catalog.execute("create temp table numbers (n integer primary key, word varchar)")
        insert_rows(catalog, "numbers", rows, "on conflict do update set word = excluded.word")
        found = fetch_values(catalog, "select word from numbers where n = 0")
        n_rows = fetch_values(catalog, "select count(*) from numbers")

    assert (found, n_rows) == (["first"], [n_others + 1])
