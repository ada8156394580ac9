"""Folders as libraries: one folder per genre, or any shape for songs without a genre."""

import logging
import os
from pathlib import Path

import pytest

from genre_core.errors import UsageError
from genre_core.records import Source
from storage.sources.listing import list_sources
from tests.storage.sources.conftest import write_fma


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def names(sources: list[Source]) -> list[str]:
    return [Path(source.location).name for source in sources]


def labels(sources: list[Source]) -> dict[str, tuple[str, bool, bool]]:
    return {Path(s.location).name: (s.genre, s.is_unlabelled, bool(s.label_fault)) for s in sources}


def test_each_song_has_the_genre_of_its_folder_at_any_depth(tmp_path: Path) -> None:
    touch(tmp_path, "rock/b.mp3", "rock/live/1999/a.FLAC", "джаз & Rap/歌 'x'\n\"y\".opus")
    touch(tmp_path, "rock/.a.mp3", "rock/.trash/b.mp3", ".cache/c.mp3", ".hidden.mp3")
    touch(tmp_path, "rock/notes.txt", "rock/cover.jpg", "rock/album.cue", "rock/mp3")

    assert list_sources(tmp_path) == [
        Source(location=str(tmp_path / "rock/b.mp3"), genre="rock"),
        Source(location=str(tmp_path / "rock/live/1999/a.FLAC"), genre="rock"),
        Source(location=str(tmp_path / "джаз & Rap/歌 'x'\n\"y\".opus"), genre="джаз & Rap"),
    ]


def test_songs_outside_the_genre_folders_are_listed_without_genre(tmp_path: Path) -> None:
    touch(tmp_path, "rock/a.mp3", "loose.mp3")

    found = labels(list_sources(tmp_path))

    assert found == {"loose.mp3": ("", False, True), "a.mp3": ("rock", False, False)}


def test_a_name_that_is_not_utf8_is_listed_with_escapes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    touch(tmp_path, "rock/caf\udce9.mp3", "rock/b.mp3")

    with caplog.at_level(logging.WARNING):
        assert names(list_sources(tmp_path)) == ["b.mp3", "caf\\udce9.mp3"]

    assert "Rename the file" in caplog.text


def test_links_that_lead_nowhere_or_round_and_fifos_are_listed(tmp_path: Path) -> None:
    touch(tmp_path, "rock/a.mp3")
    rock = tmp_path / "rock"
    (rock / "dangling.mp3").symlink_to(tmp_path / "gone.mp3")
    (rock / "round.mp3").symlink_to(rock / "round.mp3")
    os.mkfifo(rock / "pipe.mp3")

    assert set(names(list_sources(tmp_path))) == {"a.mp3", "gone.mp3", "round.mp3", "pipe.mp3"}


def test_folders_that_links_lead_to_are_followed_once(tmp_path: Path) -> None:
    music, album = tmp_path / "music", tmp_path / "album"
    touch(tmp_path, "music/rock/a.mp3", "album/b.mp3")
    (music / "rock" / "album").symlink_to(album)
    (album / "round").symlink_to(album)

    assert names(list_sources(music)) == ["b.mp3", "a.mp3"]


@pytest.mark.parametrize("takes_unlabelled", [False, True])
def test_what_is_neither_folder_nor_table_or_holds_no_song_is_refused(
    tmp_path: Path, takes_unlabelled: bool
) -> None:
    touch(tmp_path, "empty/rock/notes.txt", "song.mp3", "notes.txt")

    for name, words in (
        ("gone", "gone is not there"),
        ("empty", "holds no songs"),
        ("song.mp3", "neither a folder nor a manifest"),
        ("notes.txt", "neither a folder nor a manifest"),
    ):
        with pytest.raises(UsageError, match=words):
            list_sources(str(tmp_path / name), takes_unlabelled=takes_unlabelled)


def test_every_song_of_a_folder_of_any_shape_may_be_unlabelled(tmp_path: Path) -> None:
    touch(tmp_path, "loose.mp3", "Ada/Notes/one.flac", "rock/two.ogg", "cover.jpg", ".hid/x.mp3")
    (tmp_path / "twice.mp3").symlink_to(tmp_path / "loose.mp3")

    sources = list_sources(tmp_path, takes_unlabelled=True)

    assert sorted(names(sources)) == ["loose.mp3", "one.flac", "two.ogg"]
    assert set(labels(sources).values()) == {("", True, False)}


def test_clips_of_a_collection_without_a_top_genre_may_be_unlabelled(tmp_path: Path) -> None:
    found = labels(list_sources(write_fma(tmp_path / "fma"), takes_unlabelled=True))

    assert found["000002.mp3"] == ("Hip-Hop", False, False)
    assert found["000005.mp3"] == ("", True, False)
