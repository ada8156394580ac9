"""The folder of a dataset: it appears whole, and replaces nothing but an older export."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from genre_core.errors import TransientError, UsageError
from storage.dataset_folder import CARD, MARK, require_replaceable, write_folder, write_sums

DIES = """
import os, pathlib, signal, sys
from storage.dataset_folder import write_folder
with write_folder(pathlib.Path(sys.argv[1])) as part:
    (part / "README.md").write_text("half a card")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def write_dataset(folder: Path, rows: str) -> None:
    with write_folder(folder) as part:
        (part / "data").mkdir()
        (part / "data" / "train.parquet").write_text(rows)
        (part / CARD).write_text(f"{MARK} for a test.")
        write_sums(part, {})


def fail_to_write(folder: Path) -> None:
    with write_folder(folder) as part:
        (part / CARD).write_text("half a card")
        raise ValueError("no room")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_an_older_export_is_replaced_as_a_whole(tmp_path: Path) -> None:
    write_dataset(tmp_path / "set", "old")
    write_dataset(tmp_path / "set", "new")

    assert (tmp_path / "set" / "data" / "train.parquet").read_text() == "new"
    assert names(tmp_path) == ["set"]


def add_a_file(folder: Path) -> None:
    (folder / "data" / "notes.txt").write_text("mine")


def change_the_card(folder: Path) -> None:
    (folder / CARD).write_text(f"{MARK}, and I wrote more.")


def link_a_file(folder: Path) -> None:
    (folder / "data" / "train.parquet").rename(folder.parent / "moved")
    (folder / "data" / "train.parquet").symlink_to(folder.parent / "moved")


def remove_the_sums(folder: Path) -> None:
    (folder / "SHA256SUMS").unlink()


@pytest.mark.parametrize("change", [add_a_file, change_the_card, link_a_file, remove_the_sums])
def test_a_folder_that_somebody_changed_is_refused(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    write_dataset(tmp_path / "set", "old")
    change(tmp_path / "set")

    with pytest.raises(UsageError, match="Name another folder"):
        require_replaceable(tmp_path / "set")


def test_a_folder_with_sums_of_another_program_is_refused(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("An image of a disk")
    write_sums(tmp_path, {})

    with pytest.raises(UsageError, match=r"README\.md is not as"):
        require_replaceable(tmp_path)


def test_a_folder_with_sums_that_are_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "SHA256SUMS").write_bytes(b"\xff\xfe of another program")

    with pytest.raises(UsageError, match="Name another folder"):
        require_replaceable(tmp_path)


def test_an_empty_folder_is_taken_and_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("mine")

    write_dataset(tmp_path / "empty", "rows")

    assert (tmp_path / "empty" / CARD).exists()
    with pytest.raises(UsageError, match="is no folder"):
        require_replaceable(tmp_path / "file")


def test_what_a_failed_export_wrote_is_gone_and_the_older_one_stays(tmp_path: Path) -> None:
    write_dataset(tmp_path / "set", "old")

    with pytest.raises(ValueError, match="no room"):
        fail_to_write(tmp_path / "set")

    assert (tmp_path / "set" / "data" / "train.parquet").read_text() == "old"
    assert names(tmp_path) == ["set"]


def test_what_a_killed_export_has_left_is_removed_by_the_next(tmp_path: Path) -> None:
    write_dataset(tmp_path / "set", "old")
    killed = subprocess.run([sys.executable, "-c", DIES, tmp_path / "set"], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(names(tmp_path)) == 3
    assert (tmp_path / "set" / "data" / "train.parquet").read_text() == "old"

    write_dataset(tmp_path / "set", "new")

    assert (tmp_path / "set" / "data" / "train.parquet").read_text() == "new"
    assert names(tmp_path) == ["set"]


def test_a_second_export_to_the_same_folder_is_refused_meanwhile(tmp_path: Path) -> None:
    with (
        write_folder(tmp_path / "set"),
        pytest.raises(TransientError, match="Another process exports"),
    ):
        write_dataset(tmp_path / "set", "rows")
