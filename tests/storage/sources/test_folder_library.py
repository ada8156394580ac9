"""Libraries of one folder per genre."""

import logging
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


def test_songs_outside_the_genre_folders_are_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _touch(tmp_path, "rock/a.mp3", "loose.mp3")

    with caplog.at_level(logging.WARNING):
        sources = list_sources(tmp_path)

    assert len(sources) == 1
    assert "loose.mp3" in caplog.text


def test_a_name_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    _touch(tmp_path, "rock/caf\udce9.mp3")

    with pytest.raises(UsageError, match="not UTF-8"):
        list_sources(tmp_path)


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
