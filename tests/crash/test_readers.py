"""People who read the store while it is written: never blocked, no error, no half state."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from storage.catalog.extraction import all_shards, forget_shards
from storage.catalog.publish import publish, published_shards
from storage.home import DataLayout
from tests.catalogs import in_catalog
from tests.crash.nursery import KILLED, Nursery

pytestmark = pytest.mark.flow

JOINED = "storage.shards:join_shards:after:1"
MANNERS = ("reopen", "keep")
# every answer must be 0: each says in how many rows two views do not fit together
READ = """
import duckdb, json, sys, threading
QUESTIONS = [
    "select count(*) from spectrograms anti join tracks using (track_id)",
    "select count(*) from outcomes where track_id <> '' and track_id not in "
    "(select track_id from tracks)",
    "select count(*) from tracks where track_id not in (select track_id from outcomes)",
    "select (select count(*) from spectrograms) - (select coalesce(sum(n_rows), 0) from shards)",
    "select count(*) - count(distinct (track_id, fragment, feature_key)) from spectrograms",
]
states, n_reads, faults, stop = set(), 0, [], threading.Event()
def wait():
    sys.stdin.readline()
    stop.set()
threading.Thread(target=wait, daemon=True).start()
# DuckDB gives a process one store a path: who keeps it open goes on with the state it found
kept = duckdb.connect(sys.argv[1], read_only=True) if sys.argv[2] == "keep" else None
print("ready", flush=True)
while not stop.is_set():
    with kept.cursor() if kept else duckdb.connect(sys.argv[1], read_only=True) as store:
        faults += [asked for asked in QUESTIONS if store.execute(asked).fetchone()[0]]
        states.add(store.execute('select count("values") from spectrograms').fetchone()[0])
    n_reads += 1
    stop.wait(0.1)
print(json.dumps({"n_reads": n_reads, "faults": faults, "states": sorted(states)}), flush=True)
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with an empty store, as the first readers of all find it."""
    layout = DataLayout(tmp_path / "home")
    publish(layout)
    return layout.home


@pytest.fixture
def readers(home: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that read in a loop; the last keeps the store open that it found first."""
    command = [sys.executable, "-c", READ, str(DataLayout(home).published)]
    pipe = subprocess.PIPE
    started = [
        subprocess.Popen([*command, manner], stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        for manner in MANNERS
    ]
    try:
        for reader in started:
            assert reader.stdout
            assert reader.stdout.readline() == "ready\n"
        yield started
    finally:
        for reader in started:
            reader.kill()
            reader.communicate()


def test_readers_in_other_processes_see_whole_states_only_while_songs_come_and_shards_go(
    nursery: Nursery, home: Path, readers: list[subprocess.Popen[str]]
) -> None:
    first = nursery.run(home, "ingest", "extract")
    in_catalog(DataLayout(home), forget_shards, in_catalog(DataLayout(home), all_shards))
    second = nursery.run(home, "ingest", "extract")

    ended = [reader.communicate("stop\n", timeout=60) for reader in readers]
    result = [json.loads(out) for out, _ in ended]
    assert (first, second) == (0, 0)
    assert [err for _, err in ended] == [""] * 2
    assert [reader["faults"] for reader in result] == [[]] * 2
    # 18 songs of 3 fragments, or none; who keeps the empty store open sees it empty to the end
    assert [reader["states"] for reader in result] == [[0, 54], [0]]
    assert min(reader["n_reads"] for reader in result) > 3


def test_a_reader_that_keeps_a_store_open_reads_its_shards_while_they_are_joined(
    nursery: Nursery, extracted_home: Path, tmp_path: Path
) -> None:
    layout = DataLayout(tmp_path / "home")
    shutil.copytree(extracted_home, layout.home)
    in_catalog(layout, forget_shards, in_catalog(layout, all_shards))
    assert nursery.run(layout.home, "extract", point=JOINED) == KILLED
    publish(layout)  # as the ingest of the next night does: small shards stand in the store
    n_small = len(published_shards(layout))
    with duckdb.connect(str(layout.published), read_only=True) as reader:
        ended = nursery.run(layout.home, "extract")
        rows = reader.execute('select count("values") from spectrograms').fetchone()

    assert (ended, len(in_catalog(layout, all_shards))) == (0, 1)
    assert n_small > 1
    assert rows == (54,)
