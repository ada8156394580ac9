"""Folders as libraries: one folder per genre, or any shape for songs without a genre."""

import logging
import os
from pathlib import Path

import pytest

from genre_core.errors import UsageError
from genre_core.records import Source
from storage.home import DataLayout
from storage.sources.listing import KnownMusic, known_music, list_sources, remember_music
from tests.storage.sources.conftest import write_fma


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def names(sources: list[Source]) -> list[str]:
    return [Path(source.location).name for source in sources]


def labels(sources: list[Source]) -> dict[str, tuple[str, bool, bool]]:
    return {Path(s.location).name: (s.genre, s.is_unlabelled, bool(s.label_fault)) for s in sources}


def test_the_library_that_was_named_last_is_the_last(tmp_path: Path) -> None:
    layout = DataLayout(tmp_path)
    for name in ("rock", "jazz", "rock"):
        remember_music(layout, str(tmp_path / name), KnownMusic(label_from="tag"))

    assert [Path(place).name for place in known_music(layout)] == ["jazz", "rock"]
    assert known_music(layout)[str(tmp_path / "rock")] == KnownMusic(label_from="tag")


def test_a_note_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    layout = DataLayout(tmp_path)
    layout.music_note.write_text('{"/inbox": true, "/music": false}')

    known = known_music(layout)

    assert known == {"/inbox": KnownMusic(unlabelled=True), "/music": KnownMusic()}


def test_the_built_in_library_moves_with_its_home(tmp_path: Path) -> None:
    before = DataLayout(tmp_path / "before")
    before.home.mkdir()
    remember_music(before, str(before.builtin), KnownMusic())
    after = DataLayout(before.home.rename(tmp_path / "after"))

    assert list(known_music(after)) == [str(after.builtin)]


def stored_at(song: Path, genre: str) -> Source:
    return Source(location=str(song), genre=genre, source_id=str(song))


def test_each_song_has_the_genre_of_its_folder_at_any_depth(tmp_path: Path) -> None:
    touch(tmp_path, "rock/b.mp3", "rock/live/1999/a.FLAC", "джаз & Rap/歌 'x'\n\"y\".opus")
    touch(tmp_path, "rock/.a.mp3", "rock/.trash/b.mp3", ".cache/c.mp3", ".hidden.mp3")
    touch(tmp_path, "rock/notes.txt", "rock/cover.jpg", "rock/album.cue", "rock/mp3")

    assert list_sources(tmp_path) == [
        stored_at(tmp_path / "rock/b.mp3", "rock"),
        stored_at(tmp_path / "rock/live/1999/a.FLAC", "rock"),
        stored_at(tmp_path / "джаз & Rap/歌 'x'\n\"y\".opus", "джаз & Rap"),
    ]


def test_names_of_artists_that_begin_with_dots_are_not_hidden(tmp_path: Path) -> None:
    touch(tmp_path, "rock/.38 Special/a.mp3", "rock/...And You Will Know Us/b.mp3")
    touch(tmp_path, "rock/._c.mp3", "rock/.stversions/d.mp3")

    assert names(list_sources(tmp_path)) == ["b.mp3", "a.mp3"]


def test_bins_and_snapshots_hold_no_songs_and_are_no_genres(tmp_path: Path) -> None:
    bins = (
        *("#recycle", "@Recycle", "$RECYCLE.BIN/S-1-5-21", "RECYCLER", "lost+found", "found.000"),
        *("@eaDir", "#snapshot", "@Recently-Snapshot", "System Volume Information", "__MACOSX"),
    )
    touch(tmp_path, *(f"{folder}/{name}/a.mp3" for folder in (".", "rock") for name in bins))
    touch(tmp_path, "rock/b.mp3", "#1 Hits/c.mp3", "$uicideboy$/d.mp3", "@/e.mp3")

    assert sorted(names(list_sources(tmp_path))) == ["b.mp3", "c.mp3", "d.mp3", "e.mp3"]


@pytest.mark.parametrize("takes_unlabelled", [False, True])
def test_links_that_lead_up_are_not_followed(tmp_path: Path, takes_unlabelled: bool) -> None:
    music, album = tmp_path / "music", tmp_path / "album"
    touch(tmp_path, "music/rock/lists/a.mp3", "music/jazz/b.mp3", "album/c.mp3", "other/d.mp3")
    (music / "rock" / "lists" / "up").symlink_to("..")
    (music / "rock" / "lists" / "all").symlink_to("../..")
    (music / "all").symlink_to(".")
    (music / "more").symlink_to(tmp_path)
    (music / "rock" / "album").symlink_to(album)
    (album / "music").symlink_to(music)

    sources = list_sources(music, takes_unlabelled=takes_unlabelled)

    genre = {"a.mp3": "rock", "b.mp3": "jazz", "c.mp3": "rock"}
    unlabelled = dict.fromkeys(genre, "")
    found = {Path(source.location).name: source.genre for source in sources}
    assert found == (unlabelled if takes_unlabelled else genre)
    assert len(sources) == 3


def test_what_is_passed_over_is_counted_and_named_by_kind(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    touch(tmp_path, "rock/a.mp3", *(f"rock/{n}.JPG" for n in range(12)), "rock/Thumbs", "notes.txt")
    touch(tmp_path, ".DS_Store", "rock/.stversions/d.mp3", "rock/@eaDir/e.mp3", "rock/f.caf\udce9")
    (tmp_path / "all").symlink_to(tmp_path)

    with caplog.at_level(logging.WARNING):
        list_sources(tmp_path)

    (message,) = caplog.messages
    assert message.removeprefix(f"passed over in {tmp_path}: ").split("; ") == [
        "files .caf\\udce9: 1 (rock/f.caf\\udce9)",
        "files .jpg: 12 (rock/0.JPG, rock/1.JPG, rock/10.JPG, …)",
        "files .txt: 1 (notes.txt)",
        "files without a suffix: 1 (rock/Thumbs)",
        "hidden: 2 (.DS_Store, rock/.stversions)",
        "links that lead up: 1 (all)",
        "system folders: 1 (rock/@eaDir)",
    ]


def test_of_many_suffixes_the_most_frequent_are_named_and_the_others_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    touch(tmp_path, "rock/a.mp3", *(f"rock/x.{n}q" for n in range(300)))
    touch(tmp_path, *(f"rock/{n}.zzz" for n in range(2)))

    with caplog.at_level(logging.WARNING):
        list_sources(tmp_path)

    (message,) = caplog.messages
    parts = message.removeprefix(f"passed over in {tmp_path}: ").split("; ")
    assert len(parts) == 11
    assert parts[-2:] == ["files .zzz: 2 (rock/0.zzz, rock/1.zzz)", "291 more suffixes: 291"]


@pytest.mark.parametrize("takes_unlabelled", [False, True])
def test_the_folders_of_homes_hold_no_songs_of_a_library(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, takes_unlabelled: bool
) -> None:
    home = ("catalog.duckdb", "songs/ab/ab12.mp3", "added/b.mp3", "builtin-library/rock/c.mp3")
    touch(tmp_path, "rock/a.mp3", "rock/songs/d.mp3")
    touch(tmp_path, *(f"{at}/{name}" for at in ("data", "rock/homes/other") for name in home))

    with caplog.at_level(logging.WARNING):
        sources = list_sources(tmp_path, takes_unlabelled=takes_unlabelled)

    assert [Path(source.location).name for source in sources] == ["a.mp3", "d.mp3"]
    (message,) = caplog.messages
    assert message.endswith(": folders of genreflow: 2 (data, rock/homes/other)")


def test_music_beside_the_folders_of_its_home_is_listed_alone(tmp_path: Path) -> None:
    touch(tmp_path, "catalog.duckdb", "songs/ab/ab12.mp3", "added/b.mp3", "rock/a.mp3")

    assert labels(list_sources(tmp_path)) == {"a.mp3": ("rock", False, False)}


def test_songs_outside_the_genre_folders_are_listed_without_genre(tmp_path: Path) -> None:
    touch(tmp_path, "rock/a.mp3", "loose.mp3")

    found = labels(list_sources(tmp_path))

    assert found == {"loose.mp3": ("", False, True), "a.mp3": ("rock", False, False)}


def test_the_songs_of_a_genre_folder_whose_name_is_not_utf8_have_no_genre(tmp_path: Path) -> None:
    touch(tmp_path, "fran\udce7ais/a.mp3", "rock/caf\udce9.mp3")

    found = list_sources(tmp_path)

    assert labels(found) == {"a.mp3": ("", False, True), "caf\\udce9.mp3": ("rock", False, False)}
    assert "fran\\udce7ais, is not UTF-8. Rename it." in found[0].label_fault


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
