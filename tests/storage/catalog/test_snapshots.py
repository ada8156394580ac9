"""Candidates, assignments that stay, snapshots and their choice, and tracks new since one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from genre_core.dataset.groups import Candidate
from genre_core.dataset.splits import Assignment
from genre_core.digests import digest_document
from genre_core.errors import CatalogMismatch, UsageError
from genre_core.records import LEARNING_SPLITS, Reason, Result, Split
from storage.catalog.assignments import (
    candidate_ids,
    read_library,
    record_assignments,
)
from storage.catalog.nightly import count_new_tracks
from storage.catalog.publish import publish
from storage.catalog.removals import unused_models, unused_snapshots
from storage.catalog.runs import record_run
from storage.catalog.snapshots import (
    NEWEST,
    Placement,
    Snapshot,
    SnapshotChoice,
    choose_published,
    choose_snapshot,
    read_newest_snapshots,
    read_placements,
    read_snapshot,
    record_snapshot,
)
from storage.catalog.songs import record_songs

if TYPE_CHECKING:
    from genre_core.records import Track
    from tests.storage.catalog.conftest import Store


def candidates(store: Store, keys: tuple[str, ...] = ("key",), *genres: str) -> set[str]:
    """The names of the candidates."""
    names = {store.track(name).track_id: name for name in ("a", "b", "c", "own", "built-in")}
    return {names[track_id] for track_id in store.call(candidate_ids, keys, genres)}


def add(store: Store, key: str, *tracks: Track) -> None:
    store.add_songs(*tracks)
    store.extract(key, *tracks)


def freeze(store: Store, key: str, titles: str, **named: bool) -> Snapshot:
    """Freeze some of the three songs under a key."""
    ids = [store.track(title).track_id for title in titles]
    return store.call(record_snapshot, key, ids, 0, **named)


def chosen(store: Store, choice: SnapshotChoice = NEWEST) -> Snapshot | None:
    """Return the snapshot of a choice, on which catalog and published store agree."""
    publish(store.layout)
    found = store.call(choose_snapshot, choice)
    assert choose_published(store.layout, choice) == found
    return found


def counts(store: Store, snapshot: Snapshot, *genres: str) -> tuple[int, int]:
    tracks = store.call(count_new_tracks, snapshot, ["key"], genres)
    return tracks.n_new, tracks.n_gone


def test_the_id_of_a_snapshot_digests_its_tracks_genres_and_splits(store: Store) -> None:
    snapshot = store.freeze("key", *store.three_songs())

    rows = store.rows("select track_id, genre, split from snapshot_tracks order by track_id")
    library_id = digest_document([list(row) for row in rows])
    assert snapshot.library_id == library_id
    assert snapshot.snapshot_id == digest_document([library_id, "key"])
    assert freeze(store, "none", "").library_id == digest_document([])


def test_candidates_have_examples_under_all_the_keys_and_a_genre_of_the_settings(
    store: Store,
) -> None:
    a, b, c = store.track("a", artist="Ada"), store.track("b", "rock"), store.track("c", "soul")
    store.add_songs(a, b, c)
    store.extract("key 1", a, b)
    store.extract("key 2", a, b, c)

    assert candidates(store, ("key 1", "key 2")) == {"a", "b"}
    assert candidates(store, ("key 2",), "jazz", "soul") == {"a", "c"}
    assert store.call(read_library, ["key 1"], ["jazz"]) == (
        [Candidate(track_id=a.track_id, genre="jazz", artists=("ada",))],
        {},
    )


def test_the_library_is_its_candidates_and_the_others_that_are_assigned(
    store: Store,
) -> None:
    jazz, rock = store.three_songs(), [store.track(name, "rock") for name in "defgh"]
    add(store, "key", *rock)
    store.assign(*rock, split=Split.TRAIN)

    found, places = store.call(read_library, ["key"], ["jazz"])

    assert {song.track_id for song in found} == {track.track_id for track in (*jazz, *rock)}
    assert places.keys() == {track.track_id for track in (*jazz, *rock)}


@pytest.mark.parametrize("reason", [Reason.LABEL_UNKNOWN, Reason.LABEL_CONFLICT])
def test_a_song_without_a_valid_label_is_no_candidate_until_it_has_one(
    store: Store, reason: Reason
) -> None:
    a, b = store.track("a"), store.track("b")
    add(store, "key", a, b)
    unlabelled = replace(store.outcome(a, Result.QUARANTINED), reason=reason, track_id="")

    store.call(record_songs, [], [unlabelled])
    without = candidates(store)
    store.add_songs(a)

    assert without == {"b"}
    assert candidates(store) == {"a", "b"}


def test_the_built_in_library_counts_only_without_other_music(store: Store) -> None:
    song, own = replace(store.track("built-in"), is_builtin=True), store.track("own")
    add(store, "key", song)
    store.assign(song, split=Split.TRAIN)
    alone, (settled, places) = candidates(store), store.call(read_library)

    add(store, "key", own)

    builtin = Candidate(track_id=song.track_id, genre="jazz")
    assert (alone, settled, list(places)) == ({"built-in"}, [builtin], [song.track_id])
    assert candidates(store) == {"own"}
    assert store.call(read_library) == ([], {})


def test_an_assignment_never_moves_and_follows_the_genre_of_its_track(store: Store) -> None:
    song = store.track("a")
    store.add_songs(song)
    first = Assignment(
        track_id=song.track_id,
        genre="jazz",
        split=Split.TEST,
        group_id="artist:ada",
        split_level="group",
    )
    store.call(record_assignments, [first], {})
    before = store.call(read_library)[1]

    store.assign(song, split=Split.TRAIN)
    store.add_songs(replace(song, genre="soul"))

    assert before == {song.track_id: first}
    assert store.call(read_library)[1] == {song.track_id: replace(first, genre="soul")}


def test_a_track_that_ties_two_splits_is_quarantined_and_its_duplicate_stays_one(
    store: Store,
) -> None:
    a, b = store.track("a"), store.track("b")
    store.add_songs(a, b)
    store.call(record_songs, [], [store.copy_of(a)])

    store.call(record_assignments, [], {a.track_id: "ties artist:ada and print:7"})

    rows = store.rows("select outcome, stage, reason, message from outcomes order by source")
    assert rows == [
        ("duplicate", "download", "", ""),
        ("quarantined", "split", "split_conflict", "ties artist:ada and print:7"),
        ("ok", "download", "", ""),
    ]


def test_a_snapshot_holds_the_assigned_tracks_with_examples_but_no_golden_song(
    store: Store,
) -> None:
    tracks = store.three_songs()
    before = store.freeze("key", *tracks)
    unassigned, golden = store.track("unassigned"), store.track("golden")
    add(store, "key", unassigned, golden)
    store.assign(golden, split=Split.GOLDEN)

    snapshot = store.freeze("key", unassigned, golden, *reversed(tracks))

    assert snapshot == before
    assert (snapshot.n_tracks, snapshot.n_examples, snapshot.genres) == (3, 6, ("jazz",))
    placements = [
        Placement(track_id=track.track_id, genre="jazz", split=split)
        for track, split in zip(tracks, LEARNING_SPLITS, strict=True)
    ]
    expected = sorted(placements, key=lambda placement: placement.track_id)
    assert store.call(read_placements, snapshot.snapshot_id) == expected


def test_other_tracks_give_another_library_and_other_features_another_snapshot(
    store: Store,
) -> None:
    store.extract("key 2", *store.three_songs())

    every, some, other = (
        freeze(store, "key", "abc"),
        freeze(store, "key", "ab"),
        freeze(store, "key 2", "abc"),
    )

    assert len({every.snapshot_id, some.snapshot_id, other.snapshot_id}) == 3
    assert every.library_id == other.library_id != some.library_id


def test_a_snapshot_keeps_the_genre_that_it_was_made_with(store: Store) -> None:
    a, b, c = store.three_songs()
    before = store.freeze("key", a, b, c)

    store.add_songs(replace(a, genre="soul"))
    after = store.freeze("key", a, b, c)

    assert {p.genre for p in store.call(read_placements, before.snapshot_id)} == {"jazz"}
    assert after.genres == ("jazz", "soul")
    assert after.snapshot_id != before.snapshot_id


def test_a_snapshot_that_lacks_a_track_is_refused(store: Store) -> None:
    snapshot = store.freeze("key", *store.three_songs())
    found = store.call(read_snapshot, snapshot.snapshot_id)

    store.rows("delete from snapshot_tracks where split = 'test'")

    assert found == snapshot
    for snapshot_id in (snapshot.snapshot_id, "unknown"):
        with pytest.raises(CatalogMismatch):
            store.call(read_snapshot, snapshot_id)


def test_a_snapshot_is_chosen_by_its_id_or_as_the_newest(store: Store) -> None:
    before_the_first = chosen(store)
    store.three_songs()
    older, newer = freeze(store, "key", "ab"), freeze(store, "key", "abc")
    freeze(store, "key", "ab")  # another use of it makes it no newer

    assert before_the_first is None
    assert chosen(store) == newer
    assert chosen(store, SnapshotChoice(snapshot_id=older.snapshot_id[:8])) == older
    with pytest.raises(UsageError, match="no snapshot ffff"):
        chosen(store, SnapshotChoice(snapshot_id="ffff"))


def test_a_library_that_changed_back_has_the_newest_snapshot_again(store: Store) -> None:
    store.three_songs()
    first = freeze(store, "key", "abc", for_train=True)
    second = freeze(store, "key", "ab", for_train=True)
    changed = chosen(store)

    back = freeze(store, "key", "abc", for_train=True)

    assert changed == second
    assert back == first
    assert chosen(store) == first
    assert store.call(read_newest_snapshots, ["key"]) == [first]


def test_the_snapshot_of_a_study_is_no_newer_than_that_of_train(store: Store) -> None:
    store.three_songs()
    trained = freeze(store, "key", "abc", for_train=True)
    freeze(store, "key", "ab", for_train=True)
    freeze(store, "key", "abc", for_train=True)

    freeze(store, "key", "ac")
    freeze(store, "key", "ab")  # of `train` once, now of a study

    assert chosen(store) == trained


def test_models_of_a_library_that_changed_back_are_kept(store: Store) -> None:
    store.three_songs()
    first = freeze(store, "key", "abc", for_train=True)
    second = freeze(store, "key", "ab", for_train=True)
    freeze(store, "key", "abc", for_train=True)
    for run_id, snapshot in (("first", first), ("second", second)):
        store.call(record_run, store.run(run_id, snapshot), [])
    current = chosen(store)
    assert current is not None

    unused = store.call(unused_models, 0, current.library_id)

    assert unused == ["second"]
    assert store.call(unused_snapshots, 1) == []  # both have runs


def test_a_snapshot_of_fewer_genres_is_chosen_only_by_settings_with_these(store: Store) -> None:
    store.three_songs()
    everything = freeze(store, "key", "abc")
    freeze(store, "key", "abc", all_genres=False)  # as a sweep does that names all genres
    part = freeze(store, "key", "ab", all_genres=False)

    assert chosen(store) == everything
    assert chosen(store, SnapshotChoice(genres=("jazz",))) == part


def test_features_of_the_settings_come_before_newer_others(store: Store) -> None:
    tracks = store.three_songs()
    own = freeze(store, "key", "abc")  # thesis, 1 s
    store.embed({track: [1.0, 2.0] for track in tracks}, "made")
    store.extract("made", *tracks)
    freeze(store, "made", "abc")

    choice = SnapshotChoice(spectrograms=("thesis",), fragment_lengths_s=(1.0,))
    assert chosen(store, choice) == own


def test_tracks_added_since_a_snapshot_are_new_unless_they_are_golden(store: Store) -> None:
    snapshot = store.freeze("key", *store.three_songs())
    golden = store.track("golden")
    add(store, "key", golden)
    store.assign(golden, split=Split.GOLDEN)
    before = counts(store, snapshot)

    add(store, "key", store.track("late"))

    assert (before, counts(store, snapshot)) == ((0, 0), (1, 0))


def test_tracks_of_a_genre_that_the_settings_lack_by_now_are_gone(store: Store) -> None:
    rock = store.track("rock", "rock")
    songs = store.three_songs()
    add(store, "key", rock)
    store.assign(rock, split=Split.TRAIN)
    snapshot = store.freeze("key", *songs, rock)

    assert counts(store, snapshot, "jazz", "rock") == (0, 0)
    assert counts(store, snapshot, "jazz") == (0, 1)
