"""Full and read-only disks, neighbours, other versions: one sentence, and later the run goes on."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from storage import files as disk
from storage.catalog import connection
from storage.catalog.connection import open_catalog
from storage.home import DataLayout
from storage.lock import hold_night
from tests.flows.conftest import Call, CommandResult

pytestmark = [pytest.mark.flow, pytest.mark.usefixtures("prefect_server"), pytest.mark.both]

FAILURE, USAGE, WELL = 1, 2, 0
HOLD = """
import duckdb, sys
held = duckdb.connect(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
"""
Remount = Callable[[str], None]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Remount]:
    """A disk of 4 MiB below the home; call it to mount it in another way."""
    home = tmp_path / "home"
    home.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(home)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a disk takes root")

    def remount(options: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{options}", str(home)], check=True)

    yield remount
    subprocess.run(["umount", "--lazy", str(home)], check=True)


@pytest.fixture
def music(library: Path, tmp_path: Path) -> Path:
    """Two songs of two genres."""
    for name in ("hums/song 0.wav", "hiss/song 1.flac"):
        (tmp_path / "music" / name).parent.mkdir(parents=True)
        shutil.copy(library / name, tmp_path / "music" / name)
    return tmp_path / "music"


def sentence_of(result: CommandResult) -> str:
    """Return the last line that a command printed; there is no traceback."""
    assert "Traceback" not in result.err
    return result.err.strip().splitlines()[-1]


@pytest.fixture
def layout(tmp_path: Path) -> DataLayout:
    return DataLayout(tmp_path / "home")


def test_a_first_listing_of_one_genre_is_taken_only_if_it_is_meant(
    genreflow: Call, tmp_path: Path
) -> None:
    music = tmp_path / "music"
    (music / "Data").mkdir(parents=True)
    for name in ("a.mp3", "b.mp3"):
        (music / "Data" / name).write_bytes(b"no sound")

    refused = genreflow("ingest", music)
    taken = genreflow("ingest", music, "--yes")

    assert (refused.code, taken.code) == (USAGE, WELL)
    assert "All songs have one genre (Data: 2)." in sentence_of(refused)
    assert "2 quarantined" in taken.out


def test_a_disk_without_room_is_told_before_anything_begins(
    genreflow: Call, small_disk: Remount, layout: DataLayout, library: Path
) -> None:
    result = genreflow("ingest", library)

    assert result.code == FAILURE
    assert f"The disk of {layout.home} is full. Free some space" in sentence_of(result)
    assert list(layout.home.iterdir()) == []


def test_a_disk_that_fills_up_leaves_a_store_that_the_same_command_goes_on_with(
    genreflow: Call, small_disk: Remount, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "LEAST_FREE_BYTES", 0)

    full = genreflow("ingest", library)
    small_disk("size=64m")
    again = genreflow("ingest", library)

    assert full.code == FAILURE
    assert "is full. Free some space, then try again." in sentence_of(full)
    assert again.code == WELL
    assert "19 ok, 1 duplicate, 3 quarantined, 0 retryable" in again.out


def test_a_read_only_home_is_told_and_can_still_be_asked(
    genreflow: Call, small_disk: Remount, music: Path
) -> None:
    small_disk("size=64m")
    genreflow("ingest", music)

    small_disk("ro")
    refused = genreflow("extract")
    asked = genreflow("status")
    small_disk("rw")
    again = genreflow("extract")

    assert refused.code == FAILURE
    assert "cannot be written to. Make it writable" in sentence_of(refused)
    assert (asked.code, again.code) == (WELL, WELL)


def test_a_catalog_that_another_process_holds_is_told_and_the_command_works_afterwards(
    genreflow: Call, layout: DataLayout, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_catalog(layout):
        pass
    monkeypatch.setattr(connection, "LOCK_TIMEOUT_S", 0.2)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(layout.catalog)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout
        holder.stdout.readline()
        held = genreflow("ingest", music)
        holder.communicate(b"go\n")

    again = genreflow("ingest", music)

    assert held.code == FAILURE
    assert "is held by another process; wait until its run has ended" in sentence_of(held)
    assert again.code == WELL


@pytest.mark.prefect
def test_a_second_night_is_told_to_wait(genreflow: Call, layout: DataLayout, library: Path) -> None:
    with hold_night(layout):
        result = genreflow("run", library)

    assert result.code == FAILURE
    assert "Another run of genreflow is at work" in sentence_of(result)
