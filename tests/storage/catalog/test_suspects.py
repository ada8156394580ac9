"""Suspects: replaced whole, published with their neighbours, and gone once they are decided."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from genre_core.dataset.suspects import Neighbour, Suspect
from storage.catalog.audits import record_suspects, suspect_rows
from storage.catalog.connection import open_catalog
from storage.catalog.publish import publish
from storage.catalog.recordings import decide_genre
from storage.catalog.removals import find_song, record_removal
from storage.catalog.songs import record_songs

if TYPE_CHECKING:
    from genre_core.records import Track
    from tests.storage.catalog.conftest import Store

EARLIER = datetime(2020, 1, 1, tzinfo=UTC)


def suspect(track: Track, confidence: float = 0.1, *near: Track) -> Suspect:
    return Suspect(
        track_id=track.track_id,
        genre=track.genre,
        confidence=confidence,
        predicted="rock",
        predicted_confidence=0.75,
        neighbours=tuple(Neighbour(track_id=t.track_id, cosine=0.5) for t in near),
    )


@pytest.fixture
def tracks(store: Store) -> list[Track]:
    """Two songs of jazz and two of rock; none has a copy."""
    songs = [
        store.track(name, genre, "Ann")
        for name, genre in zip("abcd", ["jazz", "rock"] * 2, strict=True)
    ]
    store.add_songs(*songs)
    return songs


def test_suspects_are_published_with_their_neighbours_the_least_probable_label_first(
    store: Store, tracks: list[Track]
) -> None:
    a, b, c, d = tracks
    store.call(record_suspects, "key", [suspect(a, 0.2), suspect(c, 0.1, d, b)])
    publish(store.layout)

    first, second = suspect_rows(store.layout)

    assert (second["title"], second["neighbours"]) == ("a", [])
    assert (first["artist"], first["title"], first["genre"]) == ("Ann", "c", "jazz")
    assert (first["confidence"], first["predicted"]) == (0.1, "rock")
    assert first["predicted_confidence"] == 0.75
    assert first["neighbours"] == [
        {"track_id": t.track_id, "genre": "rock", "artist": "Ann", "title": name, "cosine": 0.5}
        for t, name in ((d, "d"), (b, "b"))
    ]


def test_suspects_are_replaced_and_keep_the_time_when_they_were_found_first(
    store: Store, tracks: list[Track]
) -> None:
    a, b, c, d = tracks
    store.call(record_suspects, "key", [suspect(a, 0.1, b), suspect(d, 0.1, b)])
    with open_catalog(store.layout) as catalog:
        catalog.execute("update suspects set found_at = ?", [EARLIER])

    store.call(record_suspects, "key", [suspect(a), suspect(c)])
    publish(store.layout)

    found_at = {row["title"]: row["found_at"] for row in suspect_rows(store.layout)}
    assert found_at.keys() == {"a", "c"}
    assert found_at["a"] == EARLIER < found_at["c"]
    assert store.rows("select count(*) from suspect_neighbours") == [(0,)]


@pytest.mark.parametrize("answer", ["jazz", "rock"])
def test_a_song_leaves_the_list_when_its_label_is_confirmed_or_changed(
    store: Store, tracks: list[Track], answer: str
) -> None:
    a, _, c, _ = tracks
    store.call(record_suspects, "key", [suspect(a), suspect(c)])

    n_tracks = store.call(decide_genre, a.track_id[:12], answer, (), "ada")
    publish(store.layout)

    assert n_tracks == 1
    assert [row["title"] for row in suspect_rows(store.layout)] == ["c"]
    genres = dict(store.rows("select track_id, genre from tracks"))
    assert genres[a.track_id] == answer


def test_a_song_whose_label_its_source_has_changed_leaves_the_list(
    store: Store, tracks: list[Track]
) -> None:
    a = tracks[0]
    store.call(record_suspects, "key", [suspect(a)])

    moved = replace(a, genre="rock", location="/music/rock/a.mp3")
    store.call(record_songs, [moved], [store.outcome(moved)])
    store.rows(f"update tracks set genre = 'rock' where track_id = '{a.track_id}'")

    publish(store.layout)
    assert suspect_rows(store.layout) == []


def test_a_removed_song_is_neither_a_suspect_nor_a_neighbour(
    store: Store, tracks: list[Track]
) -> None:
    a, b, c, d = tracks
    store.embed({a: (1, 0), b: (0, 1)})
    store.call(record_suspects, "key", [suspect(a, 0.1, c), suspect(b, 0.2, a, d)])

    with open_catalog(store.layout) as catalog:
        record_removal(catalog, find_song(catalog, a.location), {}, "asked", "ann")

    places = ["suspects.track_id", "suspect_neighbours.neighbour_id", "song_embeddings.track_id"]
    for place in places:
        table = place.partition(".")[0]
        held = store.rows(f"select {place} from {table}")
        assert held
        assert (a.track_id,) not in held
    publish(store.layout)
    (row,) = suspect_rows(store.layout)
    assert [near["title"] for near in row["neighbours"]] == ["d"]
