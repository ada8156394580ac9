"""Candidates, places that are kept, and snapshots."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from genre_core.dataset.groups import Candidate
from genre_core.dataset.splits import Assignment
from genre_core.records import LEARNING_SPLITS, Reason, Result, Split
from storage.catalog.connection import fetch_rows, open_catalog
from storage.catalog.snapshots import (
    Placement,
    read_assignments,
    read_candidates,
    read_placements,
    read_settled,
    record_assignments,
)
from storage.catalog.songs import record_songs
from tests.catalogs import in_catalog

if TYPE_CHECKING:
    from genre_core.records import Track
    from tests.storage.catalog.conftest import Store


def builtin_track(store: Store, name: str) -> Track:
    return replace(store.track(name), is_builtin=True)


def titles(store: Store, candidates: list[Candidate]) -> set[str]:
    names = {store.track(name).track_id: name for name in ("a", "b", "c", "own", "built-in")}
    return {names[candidate.track_id] for candidate in candidates}


def test_candidates_are_the_tracks_with_examples(store: Store) -> None:
    a, b = store.track("a", artist="Ada"), store.track("b")
    store.add_songs(a, b)
    store.extract("key", a)

    candidates = in_catalog(store.layout, read_candidates, ["key"], [])

    assert candidates == [Candidate(track_id=a.track_id, genre="jazz", artist="Ada")]


def test_only_tracks_with_examples_under_all_the_keys_can_be_compared(store: Store) -> None:
    a, b, c = (store.track(name) for name in "abc")
    store.add_songs(a, b, c)
    store.extract("key 1", a)
    store.extract("key 2", a, b)
    store.extract("key 3", c)

    assert titles(store, in_catalog(store.layout, read_candidates, ["key 1", "key 2"], [])) == {"a"}


def test_genres_narrow_the_candidates(store: Store) -> None:
    a, b, c = store.track("a", "jazz"), store.track("b", "rock"), store.track("c", "soul")
    store.add_songs(a, b, c)
    store.extract("key", a, b, c)

    assert titles(store, in_catalog(store.layout, read_candidates, ["key"], ["jazz", "soul"])) == {
        "a",
        "c",
    }


def test_a_song_whose_label_is_of_no_genre_any_more_is_left_aside_until_it_is(
    store: Store,
) -> None:
    a, b = store.track("a"), store.track("b")
    store.add_songs(a, b)
    store.extract("key", a, b)
    unknown = replace(
        store.outcome(a, Result.QUARANTINED), reason=Reason.LABEL_UNKNOWN, track_id=""
    )

    in_catalog(store.layout, record_songs, [], [unknown])
    without = titles(store, in_catalog(store.layout, read_candidates, ["key"], []))
    store.add_songs(a)

    assert without == {"b"}
    assert titles(store, in_catalog(store.layout, read_candidates, ["key"], [])) == {"a", "b"}


def test_a_song_whose_source_stands_under_two_genres_is_no_candidate(store: Store) -> None:
    a, b = store.track("a"), store.track("b")
    store.add_songs(a, b)
    store.extract("key", a, b)
    listed_twice = replace(
        store.outcome(a, Result.QUARANTINED), reason=Reason.LABEL_CONFLICT, track_id=""
    )

    in_catalog(store.layout, record_songs, [], [listed_twice])

    assert titles(store, in_catalog(store.layout, read_candidates, ["key"], [])) == {"b"}


def test_the_built_in_library_stands_while_there_is_no_other_music(store: Store) -> None:
    song = builtin_track(store, "built-in")
    store.add_songs(song)
    store.extract("key", song)

    assert titles(store, in_catalog(store.layout, read_candidates, ["key"], [])) == {"built-in"}


def test_the_built_in_library_steps_back_once_there_is_other_music(store: Store) -> None:
    song, own = builtin_track(store, "built-in"), store.track("own")
    store.add_songs(song, own)
    store.extract("key", song, own)

    assert titles(store, in_catalog(store.layout, read_candidates, ["key"], [])) == {"own"}


def test_a_place_comes_back_as_it_was_given(store: Store) -> None:
    song = store.track("a")
    store.add_songs(song)
    assignment = Assignment(
        track_id=song.track_id,
        genre="jazz",
        split=Split.TEST,
        group_id="artist:ada",
        split_level="group",
    )

    in_catalog(store.layout, record_assignments, [assignment], {})

    assert in_catalog(store.layout, read_assignments) == {song.track_id: assignment}


def test_a_place_is_given_once_and_for_ever(store: Store) -> None:
    song = store.track("a")
    store.add_songs(song)
    store.place(song, split=Split.TEST)

    store.place(song, split=Split.TRAIN)

    assert in_catalog(store.layout, read_assignments)[song.track_id].split == Split.TEST


def test_a_relabelled_track_keeps_its_side_under_its_new_genre(store: Store) -> None:
    song = store.track("a")
    store.add_songs(song)
    store.place(song, split=Split.TEST)

    store.add_songs(replace(song, genre="soul"))

    place = in_catalog(store.layout, read_assignments)[song.track_id]
    assert (place.split, place.genre) == (Split.TEST, "soul")


def test_a_track_that_ties_two_splits_is_quarantined_with_the_sentence(store: Store) -> None:
    a, b = store.track("a"), store.track("b")
    store.add_songs(a, b)

    in_catalog(store.layout, record_assignments, [], {a.track_id: "ties artist:ada and print:7"})

    with open_catalog(store.layout) as catalog:
        rows = fetch_rows(
            catalog, "select outcome, stage, reason, message from outcomes order by source"
        )
    assert [tuple(row.values()) for row in rows] == [
        ("quarantined", "split", "split_conflict", "ties artist:ada and print:7"),
        ("ok", "download", "", ""),
    ]


def test_the_copy_of_a_track_that_ties_two_splits_stays_a_duplicate(store: Store) -> None:
    song = store.track("a")
    store.add_songs(song)
    in_catalog(store.layout, record_songs, [], [store.copy_of(song)])

    in_catalog(store.layout, record_assignments, [], {song.track_id: "ties two"})

    with open_catalog(store.layout) as catalog:
        rows = fetch_rows(catalog, "select outcome from outcomes order by outcome")
    assert [row["outcome"] for row in rows] == ["duplicate", "quarantined"]


def test_a_snapshot_names_the_tracks_with_a_place_and_examples(store: Store) -> None:
    a, b, _ = store.three_songs()
    unplaced = store.track("unplaced")
    store.add_songs(unplaced)
    store.extract("key", unplaced)

    snapshot = store.freeze("key", a, b, unplaced)

    assert (snapshot.n_tracks, snapshot.n_examples, snapshot.genres) == (2, 4, ("jazz",))
    assert {
        p.track_id for p in in_catalog(store.layout, read_placements, snapshot.snapshot_id)
    } == {
        a.track_id,
        b.track_id,
    }


def test_the_sides_of_a_snapshot_come_back_in_the_order_of_the_ids(store: Store) -> None:
    tracks = store.three_songs()

    snapshot = store.freeze("key", *tracks)

    placements = [
        Placement(track_id=track.track_id, genre="jazz", split=split)
        for track, split in zip(tracks, LEARNING_SPLITS, strict=True)
    ]
    expected = sorted(placements, key=lambda placement: placement.track_id)
    assert in_catalog(store.layout, read_placements, snapshot.snapshot_id) == expected


def test_the_same_tracks_give_the_same_snapshot_in_any_order(store: Store) -> None:
    a, b, c = store.three_songs()

    assert store.freeze("key", a, b, c) == store.freeze("key", c, a, b)


def test_other_tracks_give_another_snapshot(store: Store) -> None:
    a, b, c = store.three_songs()

    whole, part = store.freeze("key", a, b, c), store.freeze("key", a, b)

    assert whole.snapshot_id != part.snapshot_id
    assert whole.library_id != part.library_id


def test_feature_keys_share_the_library_but_not_the_snapshot(store: Store) -> None:
    tracks = store.three_songs()
    store.extract("key 2", *tracks)

    one, other = store.freeze("key", *tracks), store.freeze("key 2", *tracks)

    assert one.library_id == other.library_id
    assert one.snapshot_id != other.snapshot_id


def test_a_snapshot_keeps_the_genre_that_it_was_made_with(store: Store) -> None:
    a, b, c = store.three_songs()
    before = store.freeze("key", a, b, c)

    store.add_songs(replace(a, genre="soul"))
    after = store.freeze("key", a, b, c)

    assert {p.genre for p in in_catalog(store.layout, read_placements, before.snapshot_id)} == {
        "jazz"
    }
    assert after.genres == ("jazz", "soul")
    assert after.snapshot_id != before.snapshot_id


def test_the_built_in_library_has_no_say_in_the_split_of_other_music(store: Store) -> None:
    song, own = builtin_track(store, "built-in"), store.track("own")
    store.add_songs(song)
    store.extract("key", song)
    store.place(song, split=Split.TRAIN)
    alone = in_catalog(store.layout, read_settled), in_catalog(store.layout, read_assignments)

    store.add_songs(own)
    store.extract("key", own)

    assert [candidate.track_id for candidate in alone[0]] == [song.track_id]
    assert list(alone[1]) == [song.track_id]
    assert (in_catalog(store.layout, read_settled), in_catalog(store.layout, read_assignments)) == (
        [],
        {},
    )


def test_a_golden_song_is_in_no_snapshot_and_changes_no_library(store: Store) -> None:
    songs = store.three_songs()
    before = store.freeze("key", *songs)
    golden = store.track("put aside")
    store.add_songs(golden)
    store.extract("key", golden)
    store.place(golden, split=Split.GOLDEN)

    after = store.freeze("key", *songs, golden)

    assert after == before
    held = {
        place.track_id for place in in_catalog(store.layout, read_placements, after.snapshot_id)
    }
    assert golden.track_id not in held
