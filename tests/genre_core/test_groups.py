"""Groups: who must stand on one side of a split."""

import pytest

from genre_core.dataset.groups import (
    Candidate,
    fold_artist,
    genres_without_groups,
    group_keys,
    join_artists,
    song_keys,
)


def songs(*artists: str) -> list[Candidate]:
    return [
        Candidate(track_id=f"{index:064x}"[::-1], genre="jazz", artist=artist)
        for index, artist in enumerate(artists)
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The  B-52's", "the b52s"),
        ("AC/DC", "ac dc"),
        ("  Nina Simone ", "nina_simone"),
        ("Sigur R\u00f3s", "Sigur Ro\u0301s"),
        ("ＡＢＢＡ", "abba"),
        ("STRAUß", "strauss"),
    ],
)
def test_spellings_of_one_artist_are_folded(one: str, other: str) -> None:
    assert fold_artist(one) == fold_artist(other)


@pytest.mark.parametrize(("one", "other"), [("Abba", "Abbas"), ("!!!", "???"), ("歌", "声")])
def test_two_artists_stay_two(one: str, other: str) -> None:
    assert fold_artist(one) != fold_artist(other)


@pytest.mark.parametrize("artist", ["", "   ", "\t"])
def test_a_blank_artist_is_unknown(artist: str) -> None:
    one, other = songs(artist, artist)

    assert group_keys(one) != group_keys(other)


def test_a_song_is_tied_by_artist_and_by_recording() -> None:
    song = Candidate(track_id="3f9a", genre="jazz", artist="Ada", recordings=("print:7",))

    assert group_keys(song) == ("artist:ada", "print:7")
    assert song_keys(song) == ("track:3f9a", "print:7")


@pytest.mark.parametrize("artists", ["a", "ab", "aab", "aaab", "aaabc"])
def test_too_few_groups_or_one_that_dominates_cannot_be_split_by_group(artists: str) -> None:
    assert genres_without_groups(songs(*artists)) == {"jazz"}


@pytest.mark.parametrize("artists", ["abc", "aabc", "aaabbc"])
def test_three_groups_of_which_none_holds_more_than_half_can_be(artists: str) -> None:
    assert genres_without_groups(songs(*artists)) == frozenset()


def test_groups_of_one_artist_are_joined_and_unknown_artists_join_nothing() -> None:
    groups = ["track:1", "track:2", "artist:abba", "track:4", "track:5", "recording:6"]
    artists = ["Nina Simone", "nina_simone", "Abba", "", "", "ABBA"]

    joined = join_artists(groups, artists)

    assert joined[0] == joined[1]
    assert joined[2] == joined[5]
    assert len(set(joined)) == 4
