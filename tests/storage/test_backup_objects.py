"""Backup objects are checked: their sizes each time, their digests once in seven days."""

import hashlib
from pathlib import Path

import pytest

from storage.maintenance.backup import N_TURNS, BackupObjects, object_path

CONTENT = b"a song" * 100


@pytest.fixture
def song(tmp_path: Path) -> Path:
    path = tmp_path / "song.mp3"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def copy(song: Path, tmp_path: Path) -> Path:
    """A copy of the song, made on some day."""
    folder = tmp_path / "kept"
    (folder / "files").mkdir(parents=True)
    digest = hashlib.sha256(CONTENT).hexdigest()
    BackupObjects(folder, day=0).store("song.mp3", song, digest)
    return object_path(folder, digest)


def repaired(copy: Path, song: Path, day: int) -> int:
    objects = BackupObjects(copy.parents[2], day=day)
    objects.store("song.mp3", song, copy.name)
    return objects.n_repaired


def test_a_copy_of_the_same_size_that_is_damaged_is_found_on_one_day_of_seven(
    copy: Path, song: Path
) -> None:
    found = []
    for day in range(N_TURNS):
        copy.write_bytes(CONTENT.upper())
        found.append(repaired(copy, song, day))

    assert sum(found) == 1


def test_a_copy_of_another_size_is_found_on_every_day(copy: Path, song: Path) -> None:
    for day in range(N_TURNS):
        copy.write_bytes(CONTENT[:-1])
        assert repaired(copy, song, day) == 1
        assert copy.read_bytes() == CONTENT


def test_a_song_that_is_damaged_in_the_home_spoils_no_sound_copy(copy: Path, song: Path) -> None:
    song.write_bytes(b"cut")

    assert [repaired(copy, song, day) for day in range(N_TURNS)] == [0] * N_TURNS
    assert copy.read_bytes() == CONTENT


def test_a_copy_is_not_repaired_by_a_song_that_is_damaged_itself(copy: Path, song: Path) -> None:
    copy.write_bytes(b"cut")
    song.write_bytes(b"cut short")

    assert repaired(copy, song, day=0) == 0
