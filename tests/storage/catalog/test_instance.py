"""Files attached to the instance of a process: shared while in use, free afterwards."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest

from storage.catalog.instance import attached


@pytest.fixture
def numbers(tmp_path: Path) -> Path:
    """A file with a table of one row; its name needs quoting."""
    path = tmp_path / 'it\'s "mine".duckdb'
    with attached(path) as connection:
        connection.execute("create table numbers as select 1 as n")
    return path


def count(path: Path) -> int:
    with attached(path) as connection:
        return int(connection.execute("select count(*) from numbers").fetchall()[0][0])


def test_a_file_is_whole_and_free_when_the_last_connection_is_closed(numbers: Path) -> None:
    with attached(numbers) as first, attached(numbers) as second:
        first.execute("insert into numbers values (2)")
        assert second.execute("select n from numbers order by n").fetchall() == [(1,), (2,)]

    assert [path.name for path in numbers.parent.iterdir()] == [numbers.name]
    with duckdb.connect(str(numbers)) as alone:
        assert alone.execute("select count(*) from numbers").fetchall() == [(2,)]


def test_what_was_not_committed_is_rolled_back(numbers: Path) -> None:
    with attached(numbers) as connection:
        connection.execute("begin transaction")
        connection.execute("insert into numbers values (2)")

    assert count(numbers) == 1


def test_files_of_the_same_name_are_kept_apart(numbers: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / numbers.name
    other.parent.mkdir()
    with attached(numbers), attached(other) as connection:
        connection.execute("create table numbers (n integer)")

    assert (count(numbers), count(other)) == (1, 0)


def test_threads_attach_and_release_the_same_file_at_once(numbers: Path) -> None:
    def add(_number: int) -> None:
        with attached(numbers) as connection:
            connection.execute("insert into numbers values (0)")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(100)))

    assert count(numbers) == 101


def test_a_fork_has_an_instance_of_its_own(numbers: Path) -> None:
    count(numbers)

    child = os.fork()
    if not child:
        os._exit(count(numbers) + 40)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 41


def test_after_a_fatal_error_a_file_is_attached_to_another_instance(numbers: Path) -> None:
    with pytest.raises(duckdb.FatalException), attached(numbers):
        raise duckdb.FatalException

    assert count(numbers) == 1
