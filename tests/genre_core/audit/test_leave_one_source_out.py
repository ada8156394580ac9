"""Leave-one-source-out: what a source gives away is worth nothing on music from elsewhere."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from genre_core.audit.learners import Fit
from genre_core.audit.leave_one_source_out import check_leave_one_source_out
from genre_core.audit.rules import AuditConfig, Check, Level
from genre_core.audit.songs import (
    AuditedSong,
    assign_folds,
    collection_of,
    name_sources,
    release_of,
)
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


def source_out(
    songs: list[AuditedSong], fit: Fit, centre: Callable[[AuditedSong], Float32Array]
) -> Check:
    return check_leave_one_source_out(one_learner(make_examples(songs, centre), fit), songs, CONFIG)


def test_genres_that_sound_alike_everywhere_are_known_elsewhere(memorise: Fit) -> None:
    check = source_out(from_sites(4, 4), memorise, genre_centre)

    assert (check.level, check.value, check.chance) == (Level.PASS, 1.0, 0.5)
    assert check.interval is not None
    assert check.interval.low == pytest.approx(0.025 ** (1 / 32))  # 32 songs, all right
    assert (check.details["n_sources"], check.details["level"]) == (4, "collection")


@pytest.mark.parametrize(
    ("n_sites", "n_songs", "level"), [(60, 2, Level.WARN), (8, 5, Level.INCONCLUSIVE)]
)
def test_genres_that_only_the_source_gives_away_fall_to_chance(
    memorise: Fit, n_sites: int, n_songs: int, level: Level
) -> None:
    check = source_out(from_sites(n_sites, n_songs), memorise, site_centre)

    outside, within = check.details["outside"], check.details["within"]
    assert check.level is level
    assert check.interval is not None
    assert check.interval.low <= 0.5
    assert (check.interval.high >= 0.75) is (level is Level.INCONCLUSIVE)
    assert within["accuracy"] > 0.95  # type: ignore[index]
    assert outside["accuracy"] == check.value  # type: ignore[index]


def test_one_source_a_genre_cannot_be_tested(memorise: Fit) -> None:
    songs = [replace(song, artists=(song.genre,)) for song in make_library(10)]

    check = source_out(songs, memorise, genre_centre)

    assert (check.level, check.passed, check.value) == (Level.INCONCLUSIVE, False, None)
    assert "genres of one source: jazz, rock" in check.message


def test_a_genre_of_one_source_is_learnt_but_not_scored(memorise: Fit) -> None:
    sites = from_sites(4, 4)
    jazz = [song for song in sites if song.genre == "jazz"]
    near = [
        s
        for s in sites
        if s.genre == "rock" and s.location[:13] in ("https://site0", "https://site1")
    ]
    folk = [replace(song, artist="x") for song in near]

    check = source_out([*jazz, *folk], memorise, genre_centre)

    assert check.value == pytest.approx(1.0)
    assert check.chance == pytest.approx(16 / 24)


@pytest.mark.parametrize(
    ("location", "collection"),
    [
        ("https://Music.example/a/b.mp3", "music.example"),
        ("/srv/fma/jazz/album/1.mp3", "/srv/fma"),
        ("/srv/other/Jazz/1.mp3", "/srv/other"),
        ("/srv/mixed/1.mp3", "/srv/mixed"),
    ],
)
def test_a_collection_is_a_site_or_the_parent_of_the_folder_of_the_genre(
    location: str, collection: str
) -> None:
    assert collection_of(make_song(0, "jazz", location=location)) == collection


@pytest.mark.parametrize(
    ("album", "artist", "release"),
    [
        ("Kind of Blue", "Miles", "album:kindofblue"),
        ("", "Miles", "artist:miles"),
        ("", "", "folder:/music/jazz"),
    ],
)
def test_a_release_is_the_album_or_else_the_artist_or_else_the_folder(
    album: str, artist: str, release: str
) -> None:
    assert release_of(make_song(0, "jazz", album=album, artist=artist)) == release


@pytest.mark.parametrize(
    ("songs", "level", "n_sources"),
    [
        (from_sites(2, 1), "collection", 2),
        (make_library(3), "album", 6),
        ([make_song(n, g, artist=g) for g in ("jazz", "rock") for n in range(5)], "", 2),
    ],
)
def test_the_widest_level_with_two_sources_in_two_genres_is_taken(
    songs: list[AuditedSong], level: str, n_sources: int
) -> None:
    found, sources = name_sources(songs)

    assert (found, len(set(sources.values()))) == (level, n_sources)


def test_sources_are_assigned_to_folds_of_equal_size_and_few_are_a_fold_each() -> None:
    few = assign_folds({"1": "a", "2": "b", "3": "c", "4": "a"}, 5)
    sources = {f"{source} {n}": str(source) for source in range(12) for n in range(source + 1)}
    many = assign_folds(sources, 3)

    sizes = Counter(many[source] for source in sources.values())
    assert sorted(few.values()) == [0, 1, 2]
    assert sum(sizes.values()) == 78
    assert max(sizes.values()) - min(sizes.values()) <= 1
