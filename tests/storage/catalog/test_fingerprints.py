"""Fingerprints in the catalog: duplicates are found among all songs, also of earlier waves."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from genre_core.signal.fingerprints import ITEM_S, MAX_SONGS_PER_KEY, Items
from storage.catalog import fingerprints as stored
from storage.catalog.connection import fetch_rows, open_catalog
from storage.catalog.fingerprints import Fingerprint

if TYPE_CHECKING:
    from genre_core.records import Track
    from storage.home import DataLayout
    from tests.storage.catalog.conftest import Store


def noise(seed: int, n_items: int = 300) -> Items:
    """A fingerprint of no song: random bits."""
    return np.random.default_rng(seed).integers(0, 1 << 32, n_items, dtype=np.uint32)


def record(layout: DataLayout, *songs: tuple[Track, Items]) -> int:
    fingerprints = [Fingerprint(track_id=track.track_id, items=items) for track, items in songs]
    with open_catalog(layout) as catalog:
        return stored.record_fingerprints(catalog, fingerprints)


def duplicates(layout: DataLayout) -> list[dict[str, Any]]:
    with open_catalog(layout) as catalog:
        return fetch_rows(catalog, "select * from duplicates order by all")


@pytest.fixture
def two(store: Store) -> list[Track]:
    """Two recorded tracks, the smaller id first."""
    tracks = sorted((store.track("a"), store.track("b")), key=lambda track: track.track_id)
    store.add_songs(*tracks)
    return tracks


def test_tracks_are_selected_until_they_have_a_fingerprint(store: Store, two: list[Track]) -> None:
    record(store.layout, (two[0], noise(0, 0)))

    with open_catalog(store.layout) as catalog:
        assert stored.select_unfingerprinted(catalog) == [two[1]]


def test_full_fingerprints_decide_on_songs_whose_first_minute_is_alike(store: Store) -> None:
    songs = [store.track(str(n)) for n in range(4)]
    store.add_songs(*songs)
    same, medley = noise(0, 948), np.concatenate([noise(0, 463), noise(1, 485)])
    full = dict(
        zip((song.track_id for song in songs), (same, same, medley, noise(2, 948)), strict=True)
    )

    with open_catalog(store.layout) as catalog:
        first = [
            Fingerprint(track_id=track_id, items=items[:463], is_partial=True)
            for track_id, items in full.items()
        ]
        n_first = stored.record_fingerprints(catalog, first)
        doubtful = [track.track_id for track in stored.select_doubtful(catalog)]
        pairs = [
            stored.record_fingerprints(catalog, [Fingerprint(track_id=own, items=full[own])])
            for own in doubtful
        ]
        left = stored.select_doubtful(catalog)
        n_keys = fetch_rows(catalog, "select count(*) as n from fingerprint_keys")[0]["n"]

    assert n_first == 0
    assert set(doubtful) == {song.track_id for song in songs[:3]}
    assert sum(pairs) == 1
    assert {duplicates(store.layout)[0][side] for side in ("track_id", "other_id")} == {
        songs[0].track_id,
        songs[1].track_id,
    }
    assert left == []
    assert n_keys == 4 * 128


def test_fingerprints_of_another_version_are_made_anew_and_compared_with_none(
    store: Store, two: list[Track]
) -> None:
    record(store.layout, (two[0], noise(0)))

    with open_catalog(store.layout) as catalog:
        catalog.execute("update fingerprints set version = version - 1")
        stored.drop_stale_fingerprints(catalog)
        missing = stored.select_unfingerprinted(catalog)

    assert missing == two
    assert record(store.layout, (two[1], noise(0))) == 0
    assert record(store.layout, (two[0], noise(0))) == 1


def test_no_fingerprints_record_nothing(store: Store) -> None:
    assert record(store.layout) == 0


def test_duplicates_are_found_within_a_wave_and_among_earlier_ones(store: Store) -> None:
    songs = [store.track(str(n)) for n in range(5)]
    store.add_songs(*songs)
    items = noise(0)

    first = record(store.layout, (songs[0], items), (songs[1], noise(1)))
    second = record(store.layout, (songs[2], items), (songs[3], items), (songs[4], noise(2)))

    expected = {
        frozenset((songs[i].track_id, songs[j].track_id)) for i, j in [(0, 2), (0, 3), (2, 3)]
    }
    assert (first, second) == (0, 3)
    assert {frozenset((d["track_id"], d["other_id"])) for d in duplicates(store.layout)} == expected


def test_a_duplicate_is_found_whichever_search_of_a_wave_it_falls_into(
    store: Store, two: list[Track], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "SONGS_PER_SEARCH", 1)

    assert record(store.layout, (two[0], noise(0)), (two[1], noise(0))) == 1


def test_the_offset_is_that_of_the_smaller_id(store: Store, two: list[Track]) -> None:
    record(store.layout, (two[0], noise(0)), (two[1], noise(0)[40:]))

    assert duplicates(store.layout) == [
        {
            "track_id": two[0].track_id,
            "other_id": two[1].track_id,
            "similarity": 1.0,
            "offset_s": pytest.approx(40 * ITEM_S),
        }
    ]


def test_songs_that_share_keys_but_not_their_bits_are_no_duplicates(
    store: Store, two: list[Track]
) -> None:
    half = np.concatenate([noise(0)[:150], noise(1)[150:]])

    assert record(store.layout, (two[0], noise(0)), (two[1], half)) == 0


def test_songs_of_the_built_in_library_are_matched_with_nothing(store: Store) -> None:
    own, builtin = store.track("a"), replace(store.track("b"), is_builtin=True)
    store.add_songs(own, builtin)

    found = [record(store.layout, (song, noise(0))) for song in (builtin, own)]

    assert found == [0, 0]


def test_keys_of_more_than_a_thousand_songs_find_nothing(store: Store) -> None:
    songs = [store.track(str(n)) for n in range(MAX_SONGS_PER_KEY + 1)]
    store.add_songs(*songs[-2:])

    assert record(store.layout, *((song, noise(0, 60)) for song in songs)) == 0
