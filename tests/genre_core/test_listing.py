"""One song in several places of a listing: fetched once, and never decided by their order."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from genre_core.dataset.listing import explain_genres, keep_labels, settle_archived, settle_ids
from genre_core.records import Outcome, Source


def source(location: str, genre: str = "jazz", source_id: str = "site 1", **more: str) -> Source:
    return Source(location=location, genre=genre, source_id=source_id, **more)


def places(sources: Sequence[Source]) -> list[str]:
    return [each.location for each in sources]


def by_place(outcomes: Sequence[Outcome]) -> dict[str, tuple[str, str, str]]:
    return {o.location: (str(o.result), str(o.stage), str(o.reason)) for o in outcomes}


DUPLICATE = ("duplicate", "sources", "duplicate_id")
CONFLICT = ("quarantined", "sources", "label_conflict")


@pytest.mark.parametrize(
    ("listed", "held", "kept", "outcomes"),
    [
        ("/b /a /b", "", "/b", {"/a": DUPLICATE}),
        ("/a /b", "/b", "/b", {"/a": DUPLICATE}),  # the place whose song is in storage
        ("/new", "/old", "/old", {"/new": DUPLICATE}),
        ("/new:rock", "/old", "", {"/new": CONFLICT, "/old": CONFLICT}),
        ("/a:rock /b:rock", "/b", "/b:rock", {"/a": DUPLICATE}),  # the listing was corrected
        ("/a /b:rock", "", "", {"/a": CONFLICT, "/b": CONFLICT}),
        ("/b:rock /a", "", "", {"/a": CONFLICT, "/b": CONFLICT}),
        ("/b /a:", "", "/b", {"/a": DUPLICATE}),
        ("/a: /b", "", "/a", {"/b": DUPLICATE}),
        ("/a: /a", "", "/a", {}),
        ("/new", "/old:", "/old", {"/new": DUPLICATE}),
        ("/a /b: /c:rock", "", "", {"/a": CONFLICT, "/b": DUPLICATE, "/c": CONFLICT}),
        ("/a: /b:", "", "/a:", {"/b": DUPLICATE}),
    ],
)
def test_one_place_of_a_song_is_fetched_unless_its_genres_differ(
    listed: str, held: str, kept: str, outcomes: dict[str, tuple[str, str, str]]
) -> None:
    """``/a`` is a place under jazz, ``/a:rock`` under rock, ``/a:`` without a genre."""
    settled = settle_ids(read(listed), read(held))

    assert list(settled.sources) == read(kept)
    assert by_place(settled.outcomes) == outcomes


def read(places: str) -> list[Source]:
    found = []
    for place in places.split():
        location, colon, genre = place.partition(":")
        found.append(
            unlabelled(location) if colon and not genre else source(location, genre or "jazz")
        )
    return found


def test_different_songs_are_all_to_be_fetched() -> None:
    songs = [source("/a", source_id="/a"), source("/b", "rock", "/b"), source("/c", "", "")]

    settled = settle_ids(songs, [])

    assert (settled.sources, settled.outcomes) == (tuple(songs), ())


def test_messages_name_the_place_of_a_duplicate() -> None:
    labelled, bare = settle_ids(read("/b /a"), []), settle_ids(read("/b: /a:"), [])

    assert labelled.outcomes[0].message == "the same song as /b (jazz), listed again."
    assert bare.outcomes[0].message == "the same song as /b (no genre), listed again."
    assert labelled.outcomes[0].source_id == "site 1"


def test_a_conflict_says_where_the_song_is_listed() -> None:
    listed = [source("/a", "jazz"), source("https://me:secret@b.example/x?key=1", "rock")]

    settled = settle_ids(listed, [])

    assert "it is /a (jazz), https://b.example/x (rock). List it" in settled.outcomes[0].message


def test_one_place_under_two_genres_has_one_outcome() -> None:
    settled = settle_ids([source("/a", "rock"), source("/a", "jazz")], [])

    assert settled.sources == ()
    (outcome,) = settled.outcomes
    assert (outcome.location, outcome.genre, outcome.reason) == (
        "/a",
        "jazz, rock",
        "label_conflict",
    )


def test_a_label_of_no_genre_makes_no_conflict_with_another_place() -> None:
    songs = [source("/a", "Foo", label_fault="no genre"), source("/b")]

    settled = settle_ids(songs, [])

    assert (settled.sources, settled.outcomes) == (tuple(songs), ())


def test_one_place_by_its_address_and_by_its_list_is_one_song() -> None:
    url = "https://site.example/track"
    page, entry = source(url, source_id=url), source(url, source_id="site 1", site="site")

    settled = settle_ids([page, entry], [])

    assert [(s.location, s.source_id, s.site) for s in settled.sources] == [(url, "site 1", "site")]
    assert settled.outcomes == ()


def test_messages_name_no_credentials() -> None:
    address, by_id = (
        "https://me:secret@site.example/a?key=secret",
        "https://site.example/a?key=secret",
    )
    songs = [source(place, source_id=by_id) for place in (address, f"{address}#2")]

    (outcome,) = settle_ids(songs, []).outcomes

    assert "https://site.example/a (jazz)" in outcome.message
    assert "secret" not in outcome.message


def test_a_song_of_the_archive_is_not_fetched_unless_storage_has_it() -> None:
    songs = [source("/a"), source("/b"), source("/c", source_id="site 2"), source("/d", "x", "3")]

    settled = settle_archived(songs, [songs[2]], {"site 1", "site 2"}, "had.txt")

    assert places(settled.sources) == ["/c", "/d"]
    assert by_place(settled.outcomes) == {"/a": DUPLICATE, "/b": DUPLICATE}
    assert "had.txt" in settled.outcomes[0].message


def unlabelled(location: str) -> Source:
    return Source(location=location, genre="", source_id="site 1", is_unlabelled=True)


def test_no_listing_takes_a_label_away() -> None:
    listed = [unlabelled("/a"), unlabelled("/b"), source("/c", "soul")]

    kept = keep_labels(listed, {"/a": "jazz", "/c": "rock"}, ())

    assert [(s.genre, s.is_unlabelled) for s in kept] == [
        ("jazz", False),
        ("", True),
        ("soul", False),
    ]


def test_an_unlabelled_song_stays_one_if_its_label_cannot_be_taken() -> None:
    bare = source("/a", "", label_fault="no genre")
    listed = [bare, source("/b", "polka"), source("/c", "jazz"), replace(bare, location="/new")]

    kept = keep_labels(listed, {"/a": "", "/b": "", "/c": ""}, ("jazz",))

    assert [(s.genre, s.is_unlabelled, bool(s.label_fault)) for s in kept] == [
        ("", True, False),
        ("", True, False),
        ("jazz", False, False),
        ("", False, True),
    ]


def test_a_listing_of_one_genre_or_of_one_artist_a_genre_is_explained() -> None:
    def explain(*songs: tuple[str, str]) -> str:
        sources = [
            Source(location=f"/{n}.mp3", genre=genre, artist=artist)
            for n, (genre, artist) in enumerate(songs)
        ]
        return explain_genres(sources, lambda source: source.artist)

    assert explain(("Data", ""), ("Data", "")) == "All songs have one genre (Data: 2)."
    by_artist = [("ABBA", "Abba"), ("ABBA", "ABBA"), ("Queen", "Queen"), ("Queen", "queen")]
    found = explain(*by_artist, ("Nena", "Nena"))
    assert found == "The genres are artists: 3 of 3 have the name of one (ABBA, Nena, Queen)."
    one_each = explain(("hot", "Queen"), ("hot", "Queen"), ("cool", "Abba"), ("cool", "ABBA"))
    assert one_each == "Every genre has one artist alone (cool: 2, hot: 2)."
    assert explain(*by_artist, ("Queen", "")) == ""
    assert explain(*by_artist, ("rock", "Queen"), ("rock", "Abba")) == ""
    assert explain(("rock", "Queen"), ("pop", "Abba")) == ""
    assert explain(("rock", "")) == ""
    tree = [("Beatles, The", "The Beatles feat. Billy Preston"), *by_artist, ("Air", "AIR")]
    found = explain(*tree, ("Compilations", "Blur"), ("Compilations", "Pulp"))
    assert found.startswith("The genres are artists: 4 of 5 ")
    albums = [("Air - Moon Safari", "Air"), ("Blur - Blur", "Blur"), ("Pulp - Hits", "Pulp")]
    assert explain(*albums).startswith("The genres are artists: 3 of 3 ")
    artists = ("Air", "Blur", "Pulp", "Moby")
    moods = [(f"mood {artist}", artist) for artist in artists for _ in range(2)]
    found = explain(*moods, ("mixed", "Air"), ("mixed", "Blur"))
    assert found.startswith("4 of 5 genres have one artist alone (mood Air: 2, ")
    assert explain(*moods[2:], ("mixed", "Air"), ("mixed", "Blur")) == ""
