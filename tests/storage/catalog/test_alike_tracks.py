"""Assigned tracks that are alike are read as one, which changes no assignment."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import TYPE_CHECKING

import pytest

from genre_core.dataset.artists import Credit, name_artists
from genre_core.dataset.golden import GoldenConfig
from genre_core.dataset.groups import Candidate
from genre_core.dataset.splits import Assignment, assign, find_torn
from genre_core.records import Split
from storage.catalog.assignments import read_library, record_assignments, spread_conflicts
from storage.catalog.connection import insert_rows
from storage.catalog.recordings import recording_keys

if TYPE_CHECKING:
    from tests.storage.catalog.conftest import Store

GOLDEN = GoldenConfig(share=0.2, min_groups=6)
ARTISTS = ["", "Unknown Artist", *"abcdefghij", "a & b", "c feat. d", "e", "e", "e"]
Library = tuple[list[Candidate], Mapping[str, Assignment]]


def draw_songs(store: Store, rng: Random, first: int, n_songs: int) -> None:
    """Add songs of a few artists, some of them duplicates, as if they were extracted."""
    tracks = [
        store.track(
            f"{n}{rng.choice(['', '', '', ' (feat. f)'])}",
            rng.choice(["jazz", "rock", "soul"]),
            rng.choice(ARTISTS),
        )
        for n in range(first, first + n_songs)
    ]
    store.add_songs(*tracks)
    ids = [track.track_id for track in tracks]
    extracted = [
        {"track_id": t, "feature_key": "key", "shard": "shard", "n_fragments": 1} for t in ids
    ]
    store.call(insert_rows, "extracted", extracted)
    pairs = [sorted(rng.sample(ids, 2)) for _ in range(n_songs // 20)]
    found = [
        {"track_id": one, "other_id": other, "similarity": 1.0, "offset_s": 0.0}
        for one, other in pairs
    ]
    store.call(insert_rows, "duplicates", found, "on conflict do nothing")


def read_one_by_one(store: Store) -> Library:
    rows = store.rows("select track_id, genre, artist, title, album_artist from tracks")
    names = name_artists([Credit(artist=a, title=t, album_artist=o) for *_, a, t, o in rows])
    keys = store.call(recording_keys)
    candidates = [
        Candidate(track_id=row[0], genre=row[1], artists=own, recordings=keys.get(row[0], ()))
        for row, own in zip(rows, names, strict=True)
    ]
    assigned = store.rows("""
        select track_id, tracks.genre, split, group_id, split_level
        from assignments join tracks using (track_id)
    """)
    return candidates, {
        track_id: Assignment(
            track_id=track_id,
            genre=genre,
            split=Split(split),
            group_id=group_id,
            split_level=level,
        )
        for track_id, genre, split, group_id, level in assigned
    }


@pytest.mark.parametrize("seed", range(8))
def test_a_library_whose_alike_tracks_are_read_as_one_is_assigned_like_one_read_one_by_one(
    store: Store, seed: int
) -> None:
    rng, n_alike = Random(seed), 0
    for night in range(4):
        draw_songs(store, rng, 100 * night, 100)
        if night:  # corrected tags tie subsets
            corrected = f"artist = '{rng.choice('abc')}'"
            store.rows(f"update tracks set {corrected} where hash(title, {seed}) % 25 = 0")
        library, expected = store.call(read_library, ["key"]), read_one_by_one(store)

        found, plan = (assign(*own, seed, GOLDEN) for own in (library, expected))

        conflicts = store.call(spread_conflicts, found.conflicts)
        assert (found.assignments, conflicts) == (plan.assignments, plan.conflicts)
        torn = find_torn(*store.call(read_library))
        assert store.call(spread_conflicts, torn) == find_torn(*expected)
        store.call(record_assignments, plan.assignments, conflicts)
        n_alike += len(expected[0]) - len(library[0])
    assert n_alike > 100
