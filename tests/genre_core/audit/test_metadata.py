"""Metadata: what is written beside the music predicts a genre, but no artist's own songs."""

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
    assert check.interval.low <= 0.5 <= check.interval.high


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
