"""Overlap: a planted leak is found, whatever its kind."""

from dataclasses import replace

import pytest

from genre_core.audit.overlap import check_overlap
from genre_core.audit.rules import Check, Level
from genre_core.audit.songs import AuditedSong, name_recordings
from genre_core.records import Split
from tests.genre_core.audit.conftest import make_library, make_song


def overlap(songs: list[AuditedSong], *duplicates: tuple[str, str]) -> Check:
    return check_overlap(songs, name_recordings(songs, duplicates))


def test_a_library_whose_artists_are_kept_apart_passes() -> None:
    check = overlap(make_library(10))

    assert (check.level, check.value, check.chance) == (Level.PASS, 0.0, 0.0)


def test_an_artist_in_two_subsets_is_found_however_its_name_is_written() -> None:
    songs = [
        *make_library(10),
        make_song(20, "jazz", artist="The  B-52's", split=Split.TRAIN),
        make_song(21, "rock", artist="the b52s", split=Split.TEST),
    ]

    check = overlap(songs)

    assert (check.level, check.value) == (Level.FAIL, 1.0)
    assert check.details["artists"] == ["b52s"]
    assert check.message.startswith("in two subsets of the split: 1 artists (b52s).")


def test_a_guest_in_two_subsets_is_found_but_where_main_artists_alone_are_kept_apart() -> None:
    one = make_song(20, "jazz", artist="Star feat. Guest", split=Split.TRAIN)
    other = make_song(21, "jazz", artist="Guest", split=Split.TEST)
    loose = [replace(song, split_level="main_artist") for song in (one, other)]

    found, warned = (overlap([*make_library(10), *songs]) for songs in ([one, other], loose))

    assert (found.level, found.details["artists"]) == (Level.FAIL, ["guest"])
    assert (warned.level, warned.value) == (Level.WARN, 0.0)
    assert warned.details["by_main_artist"] == {"jazz": {"n_songs": 2, "n_artists_apart": 1}}


def test_duplicates_of_duplicates_in_two_subsets_are_found() -> None:
    songs = make_library(10)
    one, other = songs[0], songs[9]

    check = overlap(songs, (one.track_id, "elsewhere"), (other.track_id, "elsewhere"))

    assert (one.split, other.split) == (Split.TRAIN, Split.TEST)
    assert (check.level, check.value) == (Level.FAIL, 1.0)
    assert len(check.details["recordings"]) == 1  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "found", "changes"),
    [
        ("recordings", None, {0: {"packets_id": "same"}, 9: {"packets_id": "same"}}),
        ("tracks", ["jazz0000"], {0: {"assigned": "test"}}),
        ("groups", ["artist:jazz0"], {9: {"group_id": "artist:jazz0"}}),
    ],
)
def test_packets_changed_places_and_groups_are_found(
    kind: str, found: list[str] | None, changes: dict[int, dict[str, str]]
) -> None:
    songs = make_library(10)
    for number, change in changes.items():
        songs[number] = replace(songs[number], **change)  # type: ignore[arg-type]

    check = overlap(songs)

    assert (check.level, check.value) == (Level.FAIL, 1.0)
    assert found is None or check.details[kind] == found


def test_duplicates_in_one_subset_are_no_leak() -> None:
    songs = make_library(10)

    assert overlap(songs, (songs[0].track_id, songs[1].track_id)).level is Level.PASS


def test_a_genre_that_is_only_split_by_song_is_warned_of() -> None:
    by_song = [make_song(n, "folk", artist="Ada", split_level="song") for n in range(10)]

    check = overlap([*make_library(10), *by_song])

    assert (check.level, check.value) == (Level.WARN, 0.0)
    assert check.details["by_song"] == {"folk": {"n_songs": 10, "n_artists_apart": 1}}


@pytest.mark.parametrize(("n_unknown", "level"), [(2, Level.PASS), (3, Level.WARN)])
def test_more_than_a_tenth_of_songs_without_an_artist_is_warned_of(
    n_unknown: int, level: Level
) -> None:
    songs = make_library(10)

    check = overlap([replace(song, artists=()) for song in songs[:n_unknown]] + songs[n_unknown:])

    assert (check.level, check.details["n_unknown"]) == (level, n_unknown)
