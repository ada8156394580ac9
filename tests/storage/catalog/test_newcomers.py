"""What has come since a snapshot, and what of it has gone."""

from typing import TYPE_CHECKING

from genre_core.records import Split
from storage.catalog.nightly import count_new_tracks
from storage.catalog.snapshots import read_candidates
from tests.catalogs import in_catalog

if TYPE_CHECKING:
    from storage.catalog.snapshots import Snapshot
    from tests.storage.catalog.conftest import Store


def counts(store: "Store", snapshot: "Snapshot", *genres: str) -> tuple[int, int]:
    candidates = in_catalog(store.layout, read_candidates, ["key"], genres)
    came = in_catalog(store.layout, count_new_tracks, snapshot, candidates)
    return came.n_new, came.n_gone


def add(store: "Store", name: str, genre: str) -> None:
    track = store.track(name, genre)
    store.add_songs(track)
    store.extract("key", track)


def test_a_song_that_has_come_since_the_snapshot_is_new(store: "Store") -> None:
    snapshot = store.freeze("key", *store.three_songs())
    before = counts(store, snapshot)

    add(store, "late", "jazz")

    assert (before, counts(store, snapshot)) == ((0, 0), (1, 0))


def test_a_song_with_a_golden_place_is_not_new_frozen_or_not(store: "Store") -> None:
    snapshot = store.freeze("key", *store.three_songs())
    golden = store.track("golden", "jazz")
    store.add_songs(golden)
    store.extract("key", golden)
    store.place(golden, split=Split.GOLDEN)

    assert counts(store, snapshot) == (0, 0)


def test_songs_of_a_genre_that_is_not_asked_for_any_more_are_gone(store: "Store") -> None:
    songs = store.three_songs()
    add(store, "rock", "rock")
    rock = store.track("rock", "rock")
    store.place(rock, split=Split.TRAIN)
    snapshot = store.freeze("key", *songs, rock)

    assert counts(store, snapshot, "jazz", "rock") == (0, 0)
    assert counts(store, snapshot, "jazz") == (0, 1)
