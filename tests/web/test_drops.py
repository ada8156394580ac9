"""Dropped songs are kept for an hour, within bounds, in a folder that goes with the server."""

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flows.web import drops
from flows.web.drops import KEPT_S, MAX_SONGS, Drops, tidy_name
from genre_core.errors import UsageError

DROP = "a-drop-of-songs"


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of temporary files, for this test alone."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def new_drops() -> Iterator[Callable[[], Drops]]:
    """Make the dropped songs of a server, which end with the test."""
    made: list[Drops] = []

    def make() -> Drops:
        made.append(Drops())
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def kept(new_drops: Callable[[], Drops]) -> Drops:
    return new_drops()


def folders(temporary: Path) -> list[Path]:
    return list(temporary.glob("genreflow-dropped-*"))


def test_songs_that_were_dropped_an_hour_ago_are_removed_with_their_files(kept: Drops) -> None:
    old, new = kept.add(DROP, "old.mp3"), kept.add(DROP, "new.mp3")
    old.path.write_bytes(b"sound")
    old.at_s = time.monotonic() - KEPT_S - 1

    kept.sweep()

    assert kept.of(DROP) == [new]
    assert kept.find(old.token) is None
    assert (old.folder.exists(), new.folder.exists()) == (False, True)


def test_the_folder_goes_when_the_server_ends(kept: Drops, temporary: Path) -> None:
    kept.add(DROP, "song.mp3").path.write_bytes(b"sound")
    assert len(folders(temporary)) == 1
    kept.close()
    assert folders(temporary) == []


def test_a_folder_that_a_killed_server_left_is_removed_but_that_of_another_one_stays(
    temporary: Path, new_drops: Callable[[], Drops]
) -> None:
    left = temporary / "genreflow-dropped-left"
    left.mkdir()
    (left / ".lock").touch()
    other = new_drops()
    song = other.add(DROP, "song.mp3")

    new_drops().add(DROP, "another.mp3")

    assert not left.exists()
    assert song.folder.exists()
    assert len(folders(temporary)) == 2


def test_a_song_of_the_user_stays_where_it_is(kept: Drops, tmp_path: Path) -> None:
    own = tmp_path / "mine.mp3"
    own.write_bytes(b"sound")
    kept.add(DROP, own.name, file=own)
    kept.forget(DROP)
    assert own.read_bytes() == b"sound"
    assert kept.of(DROP) == []


def test_no_more_songs_and_bytes_are_taken_than_there_may_be(
    kept: Drops, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(MAX_SONGS):
        kept.add(DROP, "song.mp3")
    with pytest.raises(UsageError, match=f"holds {MAX_SONGS} dropped songs"):
        kept.add(DROP, "one more.mp3")
    kept.forget(DROP)

    monkeypatch.setattr(drops, "MAX_BYTES", 10)
    first, fetched = kept.add(DROP, "song.mp3", n_bytes=8), kept.add(DROP, "at an address")
    with pytest.raises(UsageError, match="GiB"):
        kept.add(DROP, "sent at the same time", n_bytes=8)
    with pytest.raises(UsageError, match="GiB"):
        kept.reserve(fetched, 8)
    first.path.write_bytes(b"12")
    kept.settle(first)
    kept.reserve(fetched, 8)


def test_what_is_fetched_for_a_song_that_was_forgotten_is_removed(kept: Drops) -> None:
    ended, running = kept.add(DROP, "song.mp3"), kept.add(DROP, "song.mp3")
    kept.forget(DROP)
    for song in (ended, running):
        song.path.parent.mkdir()
        song.path.write_bytes(b"sound")
    with pytest.raises(UsageError, match="was removed"):
        kept.reserve(running, 1)

    kept.settle(ended)
    assert (ended.folder.exists(), running.folder.exists()) == (False, True)
    kept.sweep()
    assert not running.folder.exists()


def test_what_is_fetched_until_after_the_server_ended_is_removed(
    kept: Drops, temporary: Path
) -> None:
    song = kept.add(DROP, "at an address")
    kept.close()
    song.path.parent.mkdir(parents=True)
    song.path.write_bytes(b"sound")
    kept.settle(song)
    assert folders(temporary) == []


def test_excerpts_of_all_dropped_songs_share_one_cache_and_go_with_their_song(kept: Drops) -> None:
    songs = [kept.add(DROP, "song.mp3"), kept.add("another-drop", "song.mp3")]
    excerpts = []
    for song in songs:
        excerpts.append(song.previews / song.token[:2] / f"{song.token}.v1.0-1000.mp3")
        excerpts[-1].parent.mkdir(parents=True, exist_ok=True)
        excerpts[-1].write_bytes(b"sound")

    kept.forget(DROP)
    assert [path.exists() for path in excerpts] == [False, True]
    excerpts[0].write_bytes(b"made at the same time")
    kept.sweep()
    assert [path.exists() for path in excerpts] == [False, True]
    assert songs[0].previews == songs[1].previews


def test_a_name_is_shown_without_folders_and_control_characters() -> None:
    assert tidy_name("../../etc/passwd") == "passwd"
    assert tidy_name("C:\\Music\\song.mp3") == "song.mp3"
    assert tidy_name("a\x1b[31m\u202eb.mp3") == "a\\x1b[31m\\u202eb.mp3"
    assert tidy_name("é" * 5000) == "é" * 200
    assert tidy_name(" / ") == "a song"


def test_the_folder_is_for_its_user_alone(kept: Drops, temporary: Path) -> None:
    kept.add(DROP, "song.mp3")
    assert [one.stat().st_mode & 0o777 for one in folders(temporary)] == [0o700]
