"""The places of a home, atomic writes and digests, the lock, and the usage of the disk."""

import hashlib
import resource
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from genre_core.digests import digest_document, digest_list
from genre_core.errors import TransientError
from storage.files import digest_file, explain_sqlite, write_bytes, write_whole
from storage.home import DataLayout
from storage.lock import hold_home
from storage.maintenance.retention import measure_usage

HOLD = """
import sys
from pathlib import Path
from storage.home import DataLayout
from storage.lock import hold_home
with hold_home(DataLayout(Path(sys.argv[1]))):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_places_that_people_and_tools_rely_on() -> None:
    layout = DataLayout(Path("/home/ada/data"))

    assert {place.name for place in layout.places} == {
        *("songs", "wav", "shards", "catalog.duckdb", "spectrograms.duckdb", "mlflow.db"),
        *("mlartifacts", "champion", "prefect", "builtin-library", "collections", "reports"),
        *("previews", "added", "benchmarks"),
    }
    assert {place.parent for place in layout.places} == {layout.home}
    assert layout.published == Path("/home/ada/data/spectrograms.duckdb")
    assert layout.song("3f9a0c", ".mp3") == Path("/home/ada/data/songs/3f/3f9a0c.mp3")


def _write_half(target: Path) -> None:
    with write_whole(target) as part:
        part.write_bytes(b"half")
        raise RuntimeError


def test_a_file_is_replaced_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "folder" / "notes.txt"
    write_bytes(target, b"old")
    write_bytes(target, b"new")

    with pytest.raises(RuntimeError):
        _write_half(target)

    assert target.read_bytes() == b"new"
    assert [file.name for file in target.parent.iterdir()] == ["notes.txt"]


def test_the_digest_of_a_file_is_what_sha256sum_prints(tmp_path: Path) -> None:
    file = tmp_path / "song.mp3"
    file.write_bytes(b"sound" * 1000)
    printed = subprocess.run(["sha256sum", file], capture_output=True, text=True, check=True).stdout
    assert digest_file(file) == printed.split()[0]


def test_a_document_has_one_digest_whatever_the_order_of_its_keys() -> None:
    expected = hashlib.sha256(b'{"a": [1, 2], "b": "x"}').hexdigest()[:16]
    assert digest_document({"b": "x", "a": [1, 2]}) == expected
    assert digest_document({"b": "x", "a": [2, 1]}) != expected


def test_a_list_has_the_digest_of_its_document_whatever_its_parts() -> None:
    rows = [["ä", 1], ["b", 2], ["c", 3]]
    for parts in ([], [[]]):
        assert digest_list(parts) == digest_document([])
    for parts in ([rows], [rows[:1], rows[1:]], [[row] for row in rows]):
        assert digest_list(parts) == digest_document(rows)


def test_a_home_has_one_writer_and_is_free_after_it_was_killed(tmp_path: Path) -> None:
    layout = DataLayout(tmp_path / "home")
    with hold_home(layout):
        pass
    command = [sys.executable, "-c", HOLD, str(layout.home)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        with pytest.raises(TransientError, match="wait until it has ended"), hold_home(layout):
            pass
        writer.kill()
        writer.wait()

    with hold_home(layout):
        pass


def test_the_bytes_of_each_place_are_added_up_the_largest_first(tmp_path: Path) -> None:
    layout = DataLayout(tmp_path)
    for name, n_bytes in (("songs/ab/x.mp3", 700), ("shards/key/y.parquet", 900), ("notes", 5)):
        write_bytes(tmp_path / name, b"." * n_bytes)

    usage = measure_usage(layout)

    assert usage.places == (("shards", 900), ("songs", 700), ("other", 5))
    assert usage.total_bytes == 1605
    assert 0 < usage.free_bytes <= usage.disk_bytes


def test_shards_elsewhere_count_and_those_left_in_the_home_do_not(tmp_path: Path) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    for folder in (home / "shards", elsewhere / "key"):
        write_bytes(folder / "a.parquet", b"." * 30)

    assert measure_usage(DataLayout(home, str(elsewhere))).places == (("shards", 30),)


def test_a_database_that_takes_no_more_is_not_called_damaged(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    with closing(sqlite3.connect(path)) as database:
        database.execute("create table runs (name text)")
        resource.setrlimit(resource.RLIMIT_FSIZE, (16_384, hard))
        try:
            with pytest.raises(sqlite3.OperationalError) as error:
                database.execute("insert into runs values (zeroblob(9000000))")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    failure = explain_sqlite(DataLayout(tmp_path), path, error.value)
    assert isinstance(failure, TransientError)
    assert "mlflow.db could not be read or written (disk I/O error)" in str(failure)


def test_a_database_that_another_program_writes_is_not_called_damaged(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    with (
        closing(sqlite3.connect(path)) as first,
        closing(sqlite3.connect(path, timeout=0.01)) as second,
    ):
        first.execute("begin immediate")
        with pytest.raises(sqlite3.OperationalError) as error:
            second.execute("begin immediate")

    failure = explain_sqlite(DataLayout(tmp_path), path, error.value)
    assert isinstance(failure, TransientError)
    assert "mlflow.db is in use by another program" in str(failure)
