"""Overlap: a leak that was planted is found, whatever its kind."""

from dataclasses import replace

import pytest

from genre_core.audit.overlap import check_overlap
from genre_core.audit.rules import Check, Level
from genre_core.audit.songs import AuditedSong, name_recordings
from genre_core.records import Split
from tests.genre_core.audit.conftest import make_library, make_song


def overlap(songs: list[AuditedSong], *copies: tuple[str, str]) -> Check:
    return check_overlap(songs, name_recordings(songs, copies))


def test_a_library_whose_artists_stand_apart_passes() -> None:
    check = overlap(make_library(10))

    assert (check.level, check.value, check.chance) == (Level.PASS, 0.0, 0.0)


def test_an_artist_on_two_sides_is_found_however_its_name_is_written() -> None:
    songs = [
        *make_library(10),
        make_song(20, "jazz", artist="The  B-52's", split=Split.TRAIN),
        make_song(21, "rock", artist="the b52s", split=Split.TEST),
    ]

    check = overlap(songs)

    assert check.level is Level.FAIL
    assert check.value == 1.0
    assert check.details["artists"] == ["theb52s"]
    assert "1 artists (theb52s)" in check.message


def test_copies_of_copies_on_two_sides_are_found() -> None:
    songs = make_library(10)
    one, other = songs[0], songs[9]

    check = overlap(songs, (one.track_id, "elsewhere"), (other.track_id, "elsewhere"))

    assert (one.split, other.split) == (Split.TRAIN, Split.TEST)
    assert check.level is Level.FAIL
    assert check.value == 1.0
    assert len(check.details["recordings"]) == 1  # type: ignore[arg-type]


def test_the_same_packets_under_two_track_ids_are_one_recording() -> None:
    songs = make_library(10)
    songs[0] = replace(songs[0], packets_id="same")
    songs[9] = replace(songs[9], packets_id="same")

    check = overlap(songs)

    assert (check.level, check.value) == (Level.FAIL, 1.0)


def test_copies_on_one_side_are_no_leak() -> None:
    songs = make_library(10)

    check = overlap(songs, (songs[0].track_id, songs[1].track_id))

    assert check.level is Level.PASS


def test_a_track_whose_place_was_changed_afterwards_is_found() -> None:
    songs = make_library(10)
    songs[0] = replace(songs[0], assigned="test")

    check = overlap(songs)

    assert check.level is Level.FAIL
    assert check.details["tracks"] == ["jazz0000"]


def test_a_group_on_two_sides_is_found() -> None:
    songs = make_library(10)
    songs[9] = replace(songs[9], group_id=songs[0].group_id)

    check = overlap(songs)

    assert (check.level, check.details["groups"]) == (Level.FAIL, ["artist:jazz0"])


def test_a_genre_that_is_only_split_by_song_is_shown_and_warned_of() -> None:
    loose = [make_song(n, "folk", artist="Ada", split_level="song") for n in range(10)]

    check = overlap([*make_library(10), *loose])

    assert check.level is Level.WARN
    assert check.value == 0.0
    assert check.details["by_song"] == {"folk": {"n_songs": 10, "n_artists_apart": 1}}
    assert "folk is only split by song: 10 songs, 1 artists on two sides." in check.message


@pytest.mark.parametrize(("n_unknown", "level"), [(2, Level.PASS), (3, Level.WARN)])
def test_more_than_a_tenth_of_songs_without_an_artist_is_warned_of(
    n_unknown: int, level: Level
) -> None:
    songs = make_library(10)

    check = overlap([replace(song, artist="") for song in songs[:n_unknown]] + songs[n_unknown:])

    assert check.level is level
    assert f"Of {n_unknown} of 20 songs the artist is unknown." in check.message
