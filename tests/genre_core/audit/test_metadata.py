"""Metadata: what is written beside the music predicts a genre, but no artist's own songs."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from genre_core.audit.metadata import check_metadata
from genre_core.audit.rules import AuditConfig, Level
from genre_core.audit.songs import AuditedSong
from genre_core.records import Split
from tests.genre_core.audit.conftest import make_library

CONFIG = AuditConfig()


def plain(songs: list[AuditedSong]) -> list[AuditedSong]:
    """Give songs metadata that know nothing of the genre; five songs are by one artist."""
    rng = np.random.default_rng(5)
    return [
        replace(
            song,
            artist=f"Artist {song.genre}{nth // 5}",
            group_id=f"artist:artist{song.genre}{nth // 5}",
            codec=str(rng.choice(["mp3", "opus"])),
            sample_rate=int(rng.choice([44_100, 48_000])),
            bit_rate=int(rng.integers(128_000, 320_000)),
            channels=2,
        )
        for nth, song in enumerate(songs)
    ]


def right_predictions(songs: list[AuditedSong]) -> dict[str, str]:
    return {song.track_id: song.genre for song in songs if song.split != Split.TRAIN}


def test_metadata_that_know_nothing_pass() -> None:
    songs = plain(make_library(100))

    check = check_metadata(songs, right_predictions(songs), CONFIG)

    assert check.level is Level.PASS
    assert check.chance == 0.5
    assert check.interval is not None
    assert check.interval[0] <= 0.5 <= check.interval[1]


def test_the_name_of_an_artist_does_not_give_its_own_songs_away() -> None:
    songs = plain(make_library(40))
    names = {song.artist: f"Unique{nth}" for nth, song in enumerate(songs)}
    songs = [replace(song, artist=names[song.artist]) for song in songs]

    check = check_metadata(songs, right_predictions(songs), CONFIG)

    assert check.details["by_cue"]["artist"] == pytest.approx(0.5, abs=0.15)  # type: ignore[index]


def test_artists_stay_apart_in_a_genre_that_is_only_split_by_song() -> None:
    songs = [
        replace(song, group_id=f"track:{song.track_id}", split_level="song")
        for song in plain(make_library(40))
    ]
    names = {song.artist: f"Unique{nth}" for nth, song in enumerate(songs)}
    songs = [replace(song, artist=names[song.artist]) for song in songs]

    check = check_metadata(songs, right_predictions(songs), CONFIG)

    assert check.details["by_cue"]["artist"] == pytest.approx(0.5, abs=0.15)  # type: ignore[index]


@pytest.mark.parametrize(
    ("cue", "reveal"),
    [
        ("artist", lambda song: {"artist": f"{song.artist} {song.genre} orchestra"}),
        ("album", lambda song: {"album": f"the best of {song.genre}"}),
        ("publisher", lambda song: {"publisher": f"{song.genre} records"}),
        ("year", lambda song: {"year": 1958 if song.genre == "jazz" else 1994}),
        ("file", lambda song: {"channels": 1 if song.genre == "jazz" else 2}),
    ],
)
def test_words_and_numbers_that_artists_of_a_genre_share_are_warned_of(
    cue: str, reveal: Callable[[AuditedSong], dict[str, object]]
) -> None:
    songs = [
        replace(song, **reveal(song))  # type: ignore[arg-type]
        for song in plain(make_library(40))
    ]

    check = check_metadata(songs, right_predictions(songs), CONFIG)

    by_cue = check.details["by_cue"]
    assert check.level is Level.WARN
    assert by_cue[cue] == max(by_cue.values()) == 1.0  # type: ignore[index, attr-defined]
    assert "Genre and origin go together" in check.message


def test_the_score_of_the_run_stands_beside_that_of_the_metadata() -> None:
    songs = plain(make_library(40))
    predictions = {**right_predictions(songs)}
    wrong = sorted(predictions)[:6]  # of jazz, whose 12 songs are predicted
    predictions |= dict.fromkeys(wrong, "rock")

    check = check_metadata(songs, predictions, CONFIG)

    assert check.details["champion_recall"] == pytest.approx((0.5 + 1.0) / 2)
    assert "what the best run has above chance (0.75 on its 24 songs)" in check.message


def test_what_no_song_has_is_no_cue() -> None:
    check = check_metadata(plain(make_library(20)), {}, CONFIG)

    assert set(check.details["by_cue"]) == {"artist", "file"}  # type: ignore[call-overload]
    assert "no run has finished" in check.message


def test_few_songs_whose_interval_includes_chance_and_the_limit_are_inconclusive() -> None:
    songs = plain(make_library(20))
    predictions = dict.fromkeys(right_predictions(songs), "jazz")

    check = check_metadata(songs, predictions, CONFIG)

    assert check.level is Level.INCONCLUSIVE
    assert "Inconclusive: 40 songs are too few (interval includes chance)." in check.message


def test_genres_of_one_artist_each_cannot_be_tested() -> None:
    songs = [replace(song, group_id=song.genre) for song in make_library(10)]

    check = check_metadata(songs, {}, CONFIG)

    assert (check.level, check.value) == (Level.INCONCLUSIVE, None)
    assert "each by two artists at least" in check.message


def test_a_library_of_three_songs_a_genre_is_audited() -> None:
    songs = [
        replace(song, artist=f"Artist {nth}", group_id=f"artist:artist{nth}")
        for nth, song in enumerate(make_library(3))
    ]

    check = check_metadata(songs, {}, CONFIG)

    assert check.level in (Level.INCONCLUSIVE, Level.PASS, Level.WARN)
