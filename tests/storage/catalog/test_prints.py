"""Fingerprints in the catalog: copies are found among all songs, also those of earlier waves."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from genre_core.signal.fingerprints import ITEM_S, MOST_HOLDERS, Items
from storage.catalog import fingerprints as prints
from storage.catalog.connection import fetch_rows, open_catalog
from storage.catalog.fingerprints import Print, record_prints, select_unprinted

if TYPE_CHECKING:
    from genre_core.records import Track
    from storage.home import DataLayout
    from tests.storage.catalog.conftest import Store


def noise(seed: int, n_items: int = 300) -> Items:
    """A fingerprint of no song: each bit is a throw of a coin."""
    return np.random.default_rng(seed).integers(0, 1 << 32, n_items, dtype=np.uint32)


def printed(track: Track, items: Items) -> Print:
    return Print(track_id=track.track_id, items=items, bit_rate=128_000)


def copies(layout: DataLayout) -> list[dict[str, Any]]:
    with open_catalog(layout) as catalog:
        return fetch_rows(catalog, "select * from copies order by all")


def pair(one: Track, other: Track) -> tuple[str, str]:
    low, high = sorted((one.track_id, other.track_id))
    return low, high


def test_tracks_without_a_print_are_given_until_they_have_one(store: Store) -> None:
    one, other = store.track("a"), store.track("b")
    store.add_songs(one, other)

    record_prints(store.layout, [printed(one, noise(0, 0))])

    assert [track.track_id for track in select_unprinted(store.layout)] == [other.track_id]


def test_no_prints_are_nothing_to_record(store: Store) -> None:
    assert record_prints(store.layout, []) == 0


def test_copies_are_found_within_a_wave_and_among_earlier_ones(store: Store) -> None:
    songs = [store.track(str(n)) for n in range(5)]
    store.add_songs(*songs)
    items = noise(0)

    first = record_prints(store.layout, [printed(songs[0], items), printed(songs[1], noise(1))])
    second = record_prints(
        store.layout,
        [printed(songs[2], items), printed(songs[3], items), printed(songs[4], noise(2))],
    )

    alike = [pair(songs[i], songs[j]) for i, j in ((0, 2), (0, 3), (2, 3))]
    assert (first, second) == (0, 3)
    assert sorted((c["track_id"], c["other_id"]) for c in copies(store.layout)) == sorted(alike)


def test_a_copy_is_found_whichever_search_of_a_wave_it_falls_into(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prints, "SONGS_PER_SEARCH", 1)
    one, other = store.track("a"), store.track("b")
    store.add_songs(one, other)

    assert record_prints(store.layout, [printed(one, noise(0)), printed(other, noise(0))]) == 1


def test_the_offset_is_that_of_the_smaller_id(store: Store) -> None:
    one, other = sorted((store.track("a"), store.track("b")), key=lambda track: track.track_id)
    store.add_songs(one, other)

    record_prints(store.layout, [printed(one, noise(0)), printed(other, noise(0)[40:])])

    (copy,) = copies(store.layout)
    assert copy == {
        "track_id": one.track_id,
        "other_id": other.track_id,
        "similarity": 1.0,
        "offset_s": pytest.approx(40 * ITEM_S),
    }


def test_songs_that_share_keys_and_not_their_bits_are_no_copies(store: Store) -> None:
    one, other = store.track("a"), store.track("b")
    store.add_songs(one, other)
    half = np.concatenate([noise(0)[:150], noise(1)[150:]])

    record_prints(store.layout, [printed(one, noise(0)), printed(other, half)])

    assert copies(store.layout) == []


def test_songs_of_the_built_in_library_are_matched_with_nothing(store: Store) -> None:
    own, builtin = store.track("a"), replace(store.track("b"), is_builtin=True)
    store.add_songs(own, builtin)

    for song in (builtin, own):
        record_prints(store.layout, [printed(song, noise(0))])

    assert copies(store.layout) == []


def test_keys_of_more_than_a_thousand_songs_find_nothing(store: Store) -> None:
    songs = [store.track(str(n)) for n in range(MOST_HOLDERS + 1)]
    store.add_songs(*songs[-2:])

    n_found = record_prints(store.layout, [printed(song, noise(0, 60)) for song in songs])

    assert n_found == 0
