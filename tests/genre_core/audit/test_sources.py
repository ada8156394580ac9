"""Where songs come from, at the widest level where several sources can be told apart."""

from collections import Counter

import pytest

from genre_core.audit.songs import assign_folds, collection_of, name_sources, release_of
from tests.genre_core.audit.conftest import make_library, make_song


@pytest.mark.parametrize(
    ("location", "collection"),
    [
        ("https://Music.example/a/b.mp3", "music.example"),
        ("/srv/fma/jazz/album/1.mp3", "/srv/fma"),
        ("/srv/other/Jazz/1.mp3", "/srv/other"),
        ("/srv/mixed/1.mp3", "/srv/mixed"),
    ],
)
def test_a_collection_is_a_site_or_what_stands_above_the_folder_of_the_genre(
    location: str, collection: str
) -> None:
    assert collection_of(make_song(0, "jazz", location=location)) == collection


def test_a_release_is_the_album_or_else_the_artist_or_else_the_folder() -> None:
    song = make_song(0, "jazz", album="Kind of Blue", artist="Miles")
    names = [
        release_of(song),
        release_of(make_song(0, "jazz", artist="Miles")),
        release_of(make_song(0, "jazz", artist="")),
    ]

    assert names == ["album:kindofblue", "artist:miles", "folder:/music/jazz"]


def test_the_widest_level_with_two_sources_in_two_genres_is_taken() -> None:
    sites = [
        make_song(number, genre, location=f"https://{site}.example/{genre}/{number}.mp3")
        for genre in ("jazz", "rock")
        for number, site in enumerate(["a", "b"])
    ]

    level, sources = name_sources(sites)

    assert level == "collection"
    assert set(sources.values()) == {"a.example", "b.example"}


def test_where_a_genre_is_a_folder_artists_are_sources() -> None:
    level, sources = name_sources(make_library(3))

    assert level == "album"
    assert len(set(sources.values())) == 6


def test_one_source_a_genre_is_no_level() -> None:
    songs = [make_song(n, genre, artist=genre) for genre in ("jazz", "rock") for n in range(5)]

    assert name_sources(songs)[0] == ""


def test_few_sources_are_left_out_one_by_one() -> None:
    folds = assign_folds({"1": "a", "2": "b", "3": "c", "4": "a"}, 5)

    assert sorted(folds.values()) == [0, 1, 2]


def test_many_sources_are_dealt_into_folds_of_equal_size() -> None:
    sources = {f"{source} {n}": str(source) for source in range(12) for n in range(source + 1)}

    folds = assign_folds(sources, 3)

    sizes = Counter(folds[source] for source in sources.values())
    assert sum(sizes.values()) == 78
    assert max(sizes.values()) - min(sizes.values()) <= 1
