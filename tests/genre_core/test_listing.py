"""One song in several places of a listing: fetched once, and never decided by their order."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations

import pytest

from genre_core.dataset.listing import keep_labels, settle_archived, settle_ids
from genre_core.records import Outcome, Source


def source(location: str, genre: str = "jazz", source_id: str = "site 1", **more: str) -> Source:
    return Source(location=location, genre=genre, source_id=source_id, **more)


def places(sources: Sequence[Source]) -> list[str]:
    return [each.location for each in sources]


def told(outcomes: Sequence[Outcome]) -> dict[str, tuple[str, str, str]]:
    return {o.location: (str(o.result), str(o.stage), str(o.reason)) for o in outcomes}


DUPLICATE = ("duplicate", "sources", "duplicate_id")
CONFLICT = ("quarantined", "sources", "label_conflict")


def test_different_songs_are_all_to_be_fetched() -> None:
    songs = [source("/a", source_id="/a"), source("/b", "rock", "/b"), source("/c", "", "")]

    settled = settle_ids(songs, [])

    assert (settled.sources, settled.outcomes) == (tuple(songs), ())


def test_a_song_that_is_listed_again_is_a_duplicate_of_the_first() -> None:
    settled = settle_ids([source("/b"), source("/a"), source("/b")], [])

    assert places(settled.sources) == ["/b"]
    assert told(settled.outcomes) == {"/a": DUPLICATE}
    assert settled.outcomes[0].message == "the same song as /b (jazz), listed again."
    assert settled.outcomes[0].source_id == "site 1"


def test_the_place_whose_song_is_in_storage_stays_the_first() -> None:
    settled = settle_ids([source("/a"), source("/b")], [source("/b")])

    assert places(settled.sources) == ["/b"]
    assert told(settled.outcomes) == {"/a": DUPLICATE}


def test_a_song_in_storage_that_is_listed_elsewhere_now_is_a_duplicate() -> None:
    settled = settle_ids([source("/new")], [source("/old")])

    assert places(settled.sources) == ["/old"]
    assert told(settled.outcomes) == {"/new": DUPLICATE}


@pytest.mark.parametrize(
    "order", list(permutations([("/a", "jazz"), ("/b", "rock"), ("/c", "rock")]))
)
def test_a_song_under_two_genres_is_in_conflict_whatever_comes_first(
    order: tuple[tuple[str, str], ...],
) -> None:
    settled = settle_ids([source(*place) for place in order], [])

    assert settled.sources == ()
    assert told(settled.outcomes) == dict.fromkeys(["/a", "/b", "/c"], CONFLICT)
    assert all("'jazz', 'rock'" in outcome.message for outcome in settled.outcomes)
    assert {o.location: o.genre for o in settled.outcomes} == dict(order)


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


def test_a_song_in_storage_is_in_conflict_with_another_genre_of_the_listing() -> None:
    settled = settle_ids([source("/new", "rock")], [source("/old", "jazz")])

    assert settled.sources == ()
    assert told(settled.outcomes) == {"/new": CONFLICT, "/old": CONFLICT}


def test_a_song_in_storage_takes_the_genre_that_the_listing_now_gives_it() -> None:
    settled = settle_ids([source("/a", "rock"), source("/b", "rock")], [source("/b", "jazz")])

    assert [(s.location, s.genre) for s in settled.sources] == [("/b", "rock")]
    assert told(settled.outcomes) == {"/a": DUPLICATE}


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
    assert told(settled.outcomes) == {"/a": DUPLICATE, "/b": DUPLICATE}
    assert "had.txt" in settled.outcomes[0].message


def unlabelled(location: str) -> Source:
    return Source(location=location, genre="", source_id="site 1", is_unlabelled=True)


@pytest.mark.parametrize("order", list(permutations([source("/b"), unlabelled("/a")])))
def test_a_song_listed_with_a_genre_and_without_one_has_the_genre(order: list[Source]) -> None:
    settled = settle_ids(order, [])

    assert [(s.genre, s.is_unlabelled) for s in settled.sources] == [("jazz", False)]
    assert [str(o.reason) for o in settled.outcomes] == ["duplicate_id"]


def test_one_place_listed_with_a_genre_and_without_one_has_the_genre() -> None:
    settled = settle_ids([unlabelled("/a"), source("/a")], [])

    assert (settled.sources, settled.outcomes) == ((source("/a"),), ())


def test_a_stored_song_without_a_genre_takes_that_of_the_place_where_it_is_listed_now() -> None:
    settled = settle_ids([source("/new")], [unlabelled("/old")])

    assert settled.sources == (source("/old"),)
    assert told(settled.outcomes) == {"/new": DUPLICATE}


def test_an_unlabelled_place_is_no_side_of_a_conflict() -> None:
    settled = settle_ids([source("/a"), unlabelled("/b"), source("/c", "rock")], [])

    assert told(settled.outcomes) == {"/a": CONFLICT, "/b": DUPLICATE, "/c": CONFLICT}
    assert "'jazz', 'rock'; it is /a (jazz), /c (rock)." in settled.outcomes[0].message


def test_songs_without_genres_in_two_places_are_fetched_once() -> None:
    settled = settle_ids([unlabelled("/a"), unlabelled("/b")], [])

    assert settled.sources == (unlabelled("/a"),)
    assert settled.outcomes[0].message == "the same song as /a (no genre), listed again."


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
