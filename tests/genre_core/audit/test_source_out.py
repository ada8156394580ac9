"""Source out: what a source gives away is worth nothing on music from elsewhere."""

from dataclasses import replace

import numpy as np
import pytest

from genre_core.audit.learners import Fit
from genre_core.audit.leave_one_source_out import check_leave_one_source_out
from genre_core.audit.rules import AuditConfig, Check, Level
from genre_core.audit.songs import AuditedSong
from genre_core.examples import Float32Array
from tests.genre_core.audit.conftest import make_examples, make_library, make_song, one_learner

CONFIG = AuditConfig(n_folds=8)


def from_sites(n_sites: int, n_songs: int) -> list[AuditedSong]:
    """Two genres, each with songs from every site."""
    return [
        make_song(100 * site + n, genre, location=f"https://site{site}.example/{genre}/{n}.mp3")
        for site in range(n_sites)
        for genre in ("jazz", "rock")
        for n in range(n_songs)
    ]


def genre_centre(song: AuditedSong) -> Float32Array:
    """Genres sound alike on every site."""
    return np.full((2, 3), 1.0 if song.genre == "jazz" else -1.0, np.float32)


def site_centre(song: AuditedSong) -> Float32Array:
    """Each site makes a difference of its own between the genres, and none is as on another."""
    site = int(song.location.split(".")[0].removeprefix("https://site"))
    place = np.random.default_rng([site, song.genre == "jazz"]).normal(0, 1, (2, 3))
    return place.astype(np.float32)


def source_out(songs: list[AuditedSong], fit: Fit, centre: object) -> Check:
    return check_leave_one_source_out(one_learner(make_examples(songs, centre), fit), songs, CONFIG)  # type: ignore[arg-type]


def test_genres_that_sound_alike_everywhere_are_known_elsewhere(memorise: Fit) -> None:
    check = source_out(from_sites(4, 4), memorise, genre_centre)

    assert (check.level, check.value, check.chance) == (Level.PASS, 1.0, 0.5)
    assert check.interval is not None
    assert check.interval.low == pytest.approx(0.025 ** (1 / 32))  # 32 songs, all right
    assert (check.details["n_sources"], check.details["level"]) == (4, "collection")


def test_genres_that_only_the_source_gives_away_fall_to_chance(memorise: Fit) -> None:
    check = source_out(from_sites(60, 2), memorise, site_centre)

    outside, within = check.details["outside"], check.details["within"]
    assert check.level is Level.WARN
    assert check.interval is not None
    assert check.interval.low <= 0.5
    assert within["accuracy"] > 0.95  # type: ignore[index]
    assert outside["accuracy"] == check.value  # type: ignore[index]


def test_one_source_a_genre_cannot_be_tested_and_says_so(memorise: Fit) -> None:
    songs = [replace(song, artist=song.genre) for song in make_library(10)]

    check = source_out(songs, memorise, genre_centre)

    assert (check.level, check.passed, check.value) == (Level.INCONCLUSIVE, False, None)
    assert "genres of one source: jazz, rock" in check.message


def test_a_genre_of_one_source_is_learnt_but_not_scored(memorise: Fit) -> None:
    songs = [
        song
        for song in from_sites(4, 4)
        if song.genre == "jazz" or "site0" in song.location or "site1" in song.location
    ]
    folk = [replace(song, genre="rock", artist="x") for song in songs if song.genre == "rock"]

    check = source_out([*[s for s in songs if s.genre == "jazz"], *folk], memorise, genre_centre)

    assert check.value == pytest.approx(1.0)
    assert check.chance == pytest.approx(16 / 24)


def test_few_sources_that_allow_both_answers_are_inconclusive(memorise: Fit) -> None:
    check = source_out(from_sites(8, 5), memorise, site_centre)

    assert check.level is Level.INCONCLUSIVE
    assert check.interval is not None
    assert check.interval.low <= 0.5 < 0.75 <= check.interval.high
