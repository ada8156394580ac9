"""Libraries of one folder per genre."""

import logging
import os
from pathlib import Path

import pytest

from genre_core.errors import UsageError
from genre_core.records import Source
from storage.sources.listing import list_sources


def _touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_each_song_has_the_genre_of_its_folder_at_any_depth(tmp_path: Path) -> None:
    _touch(tmp_path, "rock/b.mp3", "rock/live/1999/a.FLAC", "Hip-Hop & Rap/c.opus")

    sources = list_sources(tmp_path)

    assert sources == [
        Source(location=str(tmp_path / "Hip-Hop & Rap/c.opus"), genre="Hip-Hop & Rap"),
        Source(location=str(tmp_path / "rock/b.mp3"), genre="rock"),
        Source(location=str(tmp_path / "rock/live/1999/a.FLAC"), genre="rock"),
    ]


def test_what_is_hidden_or_no_audio_is_no_song(tmp_path: Path) -> None:
    _touch(tmp_path, "rock/a.mp3", "rock/.a.mp3", "rock/.trash/b.mp3", ".cache/c.mp3")
    _touch(tmp_path, "rock/notes.txt", "rock/cover.jpg", "rock/album.cue", "rock/mp3")

    assert [Path(source.location).name for source in list_sources(tmp_path)] == ["a.mp3"]


def test_names_in_any_script_are_kept(tmp_path: Path) -> None:
    _touch(tmp_path, "джаз/Пе\nсня.mp3", "ジャズ/歌 'x' \"y\".ogg", "Español/ñ.m4a")

    found = {(source.genre, Path(source.location).name) for source in list_sources(tmp_path)}

    assert found == {
        ("джаз", "Пе\nсня.mp3"),
        ("ジャズ", "歌 'x' \"y\".ogg"),
        ("Español", "ñ.m4a"),
    }


def test_songs_outside_the_genre_folders_are_listed_without_genre(tmp_path: Path) -> None:
    _touch(tmp_path, "rock/a.mp3", "loose.mp3", ".hidden.mp3")

    loose, sorted_in = list_sources(tmp_path)

    assert (loose.genre, sorted_in.genre) == ("", "rock")
    assert loose.location == str(tmp_path / "loose.mp3")
    assert "no genre folder" in loose.label_fault
    assert sorted_in.label_fault == ""


def test_a_name_that_is_not_utf8_is_listed_with_escapes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _touch(tmp_path, "rock/caf\udce9.mp3", "rock/b.mp3")

    with caplog.at_level(logging.WARNING):
        names = [Path(source.location).name for source in list_sources(tmp_path)]

    assert names == ["b.mp3", "caf\\udce9.mp3"]
    assert "Rename the file" in caplog.text


def test_links_that_lead_nowhere_or_round_and_fifos_are_listed(tmp_path: Path) -> None:
    _touch(tmp_path, "rock/a.mp3")
    rock = tmp_path / "rock"
    (rock / "dangling.mp3").symlink_to(tmp_path / "gone.mp3")
    (rock / "round.mp3").symlink_to(rock / "round.mp3")
    os.mkfifo(rock / "pipe.mp3")

    names = {Path(source.location).name for source in list_sources(tmp_path)}

    assert names == {"a.mp3", "gone.mp3", "round.mp3", "pipe.mp3"}


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nowhere is not there"):
        list_sources(str(tmp_path / "nowhere"))


def test_an_empty_library_is_refused(tmp_path: Path) -> None:
    _touch(tmp_path, "rock/notes.txt")

    with pytest.raises(UsageError, match="holds no songs"):
        list_sources(tmp_path)


def test_a_file_that_is_no_manifest_is_refused(tmp_path: Path) -> None:
    _touch(tmp_path, "song.mp3")

    with pytest.raises(UsageError, match="neither a folder nor a manifest"):
        list_sources(tmp_path / "song.mp3")


def test_folders_that_links_lead_to_are_followed_once(tmp_path: Path) -> None:
    music, album = tmp_path / "music", tmp_path / "album"
    _touch(tmp_path, "music/rock/a.mp3", "album/b.mp3")
    (music / "rock" / "album").symlink_to(album)
    (album / "round").symlink_to(album)

    assert [Path(source.location).name for source in list_sources(music)] == ["b.mp3", "a.mp3"]
