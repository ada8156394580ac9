"""A file that a song came from is gone only if its disk is there without it."""

import shutil
from pathlib import Path

import pytest

from storage.fetch.download import is_gone


def write(*parts: str | Path) -> Path:
    song = Path(*parts)
    song.parent.mkdir(parents=True, exist_ok=True)
    song.write_bytes(b"a song")
    return song


def test_a_file_that_its_folder_has_lost_is_gone(tmp_path: Path) -> None:
    song = write(tmp_path, "jazz", "a.mp3")
    before = is_gone(str(song))

    song.unlink()

    assert (before, is_gone(str(song))) == (False, True)


def test_a_file_whose_disk_is_absent_is_not_gone(tmp_path: Path) -> None:
    other = write(tmp_path, "here", "jazz", "a.mp3")
    absent = tmp_path / "disk" / "rock" / "a.mp3"
    (tmp_path / "disk").mkdir()

    assert not is_gone(str(absent), [str(other), str(absent)])


def test_a_file_is_gone_with_its_folder_if_the_song_stands_beside(tmp_path: Path) -> None:
    old = write(tmp_path, "music", "rock", "album", "a.mp3")
    new = write(tmp_path, "music", "jazz", "album", "a.mp3")

    shutil.rmtree(tmp_path / "music" / "rock")

    assert is_gone(str(old), [str(old), str(new)])
    assert not is_gone(str(old), [str(old), "https://example.org/a.mp3"])


@pytest.mark.parametrize(
    "name", ["a" * 300, "loop/a.mp3", "far/a.mp3", "file/a.mp3"], ids=lambda name: name[:8]
)
def test_what_cannot_be_looked_at_is_not_gone(tmp_path: Path, name: str) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "far").symlink_to(tmp_path / "absent" / "folder")
    (tmp_path / "file").write_bytes(b"")

    assert not is_gone(str(tmp_path / name), [])


def test_a_link_whose_file_is_absent_is_not_gone(tmp_path: Path) -> None:
    (tmp_path / "a.mp3").symlink_to(tmp_path / "absent" / "a.mp3")

    assert not is_gone(str(tmp_path / "a.mp3"))


def test_an_address_is_never_gone() -> None:
    assert not is_gone("https://example.org/a.mp3")
