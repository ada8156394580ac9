"""What has been extracted, what was rejected, and what is still to be done."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import duckdb
import pytest

from genre_core.errors import CatalogMismatch
from genre_core.records import Reason, Stage
from genre_core.representations.features import FeatureConfig
from storage.catalog.assignments import record_assignments
from storage.catalog.extraction import (
    PendingTrack,
    Rejection,
    Warned,
    all_shards,
    count_examples,
    count_song_bytes,
    forget_shards,
    record_extraction,
    record_features,
    select_pending,
    settle_outcomes,
    shard_names,
)
from storage.catalog.songs import record_songs
from storage.shard_store import remove_orphans, require_shards

if TYPE_CHECKING:
    from storage.home import DataLayout
    from tests.storage.catalog.conftest import Store

OK = ("ok", "extract", "")
OUTCOMES = (
    "select title, outcome, outcomes.stage, reason from outcomes join tracks using (track_id)"
)


def outcomes(store: Store) -> dict[str, tuple[str, ...]]:
    """Result, stage and reason by the name of the song."""
    return {title: tuple(outcome) for title, *outcome in store.rows(OUTCOMES)}


def test_tracks_are_pending_in_order_under_the_keys_without_examples(store: Store) -> None:
    songs = [store.track(str(index)) for index in range(5)]
    store.add_songs(*songs)
    store.extract("key 1", songs[0])
    store.reject(songs[1], "key 2")

    pending = store.call(select_pending, ["key 2", "key 1"])

    missing = {songs[0]: ("key 2",), songs[1]: ("key 1",)}
    assert pending == [
        PendingTrack(track=song, feature_keys=missing.get(song, ("key 1", "key 2")))
        for song in sorted(songs, key=lambda song: song.track_id)
    ]


def test_a_rejected_song_is_quarantined_and_one_without_a_result_is_retryable(store: Store) -> None:
    short, fine = store.track("short"), store.track("fine")
    store.add_songs(short, fine)

    store.reject(short, "key")

    assert outcomes(store) == {
        "short": ("quarantined", "convert", "too_short"),
        "fine": ("retryable", "extract", "interrupted"),
    }


def test_the_outcome_is_that_under_the_current_settings(store: Store) -> None:
    song = store.track("a")
    store.add_songs(song)
    store.extract("key 1", song)
    extracted = outcomes(store)

    store.reject(song, "key 2")
    rejected = outcomes(store)
    store.call(settle_outcomes, ["key 1", "key 2"])

    assert rejected == {"a": ("quarantined", "convert", "too_short")}
    assert extracted == outcomes(store) == {"a": OK}


def test_an_unchanged_outcome_keeps_its_time(store: Store) -> None:
    song = store.track("a")
    store.add_songs(song)
    store.extract("key 2", song)
    before = store.rows("select updated_at from outcomes")

    store.extract("key 3", song)

    assert store.rows("select updated_at from outcomes") == before


def test_a_warning_is_the_reason_of_an_ok_song_under_its_settings(store: Store) -> None:
    song, plain = store.track("a"), store.track("b")
    store.add_songs(song, plain)
    store.extract("key 2", song)
    warned = Warned(track_id=song.track_id, reason=Reason.CLIPPED, message="3% at full scale")

    store.call(record_extraction, [store.shard("key 1", song, plain)], [], [warned])
    store.call(settle_outcomes, ["key 1", "key 2"])
    first = outcomes(store)
    messages = store.rows("select message from outcomes where reason = 'clipped'")
    store.extract("key 2", song, plain)

    assert first == {"a": ("ok", "extract", "clipped"), "b": OK}
    assert messages == [("3% at full scale",)]
    assert outcomes(store) == {"a": OK, "b": OK}


def test_the_duplicate_of_a_rejected_song_stays_a_duplicate(store: Store) -> None:
    song = store.track("a")
    store.add_songs(song)
    store.call(record_songs, [], [store.copy_of(song)])

    store.reject(song, "key")

    rows = store.rows("select outcome from outcomes order by outcome")
    assert rows == [("duplicate",), ("quarantined",)]


def test_a_song_in_a_split_conflict_stays_quarantined_when_it_gets_examples(store: Store) -> None:
    song = store.track("a")
    store.add_songs(song)
    store.extract("key 1", song)
    store.call(record_assignments, [], {song.track_id: "ties two"})

    store.extract("key 2", song)

    assert outcomes(store) == {"a": ("quarantined", "split", "split_conflict")}


def test_shards_are_named_once_by_feature_key(store: Store) -> None:
    song, other = store.track("a"), store.track("b")
    store.add_songs(song, other)
    for key, track in (("key 1", song), ("key 1", other), ("key 2", song), ("key 2", song)):
        store.extract(key, track)

    names = store.call(shard_names, "key 1")

    assert len(names) == 2
    assert all(name.startswith("key 1/") for name in names)
    assert store.call(all_shards) == sorted(names + store.call(shard_names, "key 2"))
    assert store.call(count_examples) == 6


def test_a_shard_on_disk_counts_only_once_the_catalog_names_it(store: Store) -> None:
    song = store.track("a")
    store.add_songs(song)

    store.shard("key", song)

    assert (store.call(all_shards), store.call(count_examples)) == ([], 0)
    assert len(store.call(select_pending, ["key"])) == 1


def test_shards_and_parts_that_the_catalog_does_not_name_are_removed(store: Store) -> None:
    named, orphan = (store.shard("key", store.track(name)) for name in "ab")
    part = f"key/.{'ab' * 12}.parquet.0123456789abcdef0123456789abcdef.part"
    foreign = "key/film.mkv.part"
    for name in (part, foreign):
        (store.layout.shards / name).write_bytes(b"half")

    removed = remove_orphans(store.layout, [named.name])

    assert removed == sorted([part, orphan.name])
    left = {path.name for path in (store.layout.shards / "key").iterdir()}
    assert {f"key/{name}" for name in left} == {named.name, foreign}


def test_a_missing_shard_is_named(layout: DataLayout) -> None:
    with pytest.raises(CatalogMismatch, match=r"1 shard is gone .*, among them .*b\.parquet"):
        require_shards(layout, ["key/b.parquet"])


def test_forgetting_a_shard_forgets_the_embeddings_of_its_songs_alone(store: Store) -> None:
    a, b = store.track("a"), store.track("b")
    store.extract("made", a)
    store.extract("made", b)
    store.embed({a: [1.0], b: [1.0]})
    shard = store.rows(f"select shard from extracted where track_id = '{a.track_id}'")[0][0]

    store.call(forget_shards, [shard])

    assert store.rows("select track_id from song_embeddings") == [(b.track_id,)]


def test_the_settings_of_a_feature_key_come_back(store: Store) -> None:
    config = FeatureConfig(representation="bands_db", fragment_s=1.5)

    store.call(record_features, {"key": config})
    store.call(record_features, {"key": config})

    ((*columns, document),) = store.rows("select * from features")
    assert columns == ["key", "bands_db", 1.5, 12, 14]
    assert FeatureConfig.from_document(json.loads(document)) == config


def test_a_failure_while_shards_are_named_names_none(store: Store) -> None:
    song = store.track("a")
    store.add_songs(song)
    unfit = Rejection(
        track_id=None,  # type: ignore[arg-type]  # the column takes none: fails after the shard
        feature_keys=("key",),
        stage=Stage.EXTRACT,
        reason=Reason.SILENT,
        message="",
    )

    with pytest.raises(duckdb.ConstraintException, match="NOT NULL"):
        store.call(record_extraction, [store.shard("key", song)], [unfit])

    assert store.call(all_shards) == []
    assert outcomes(store) == {"a": ("ok", "download", "")}


def test_the_bytes_of_a_song_are_those_under_the_settings_of_the_snapshot(store: Store) -> None:
    songs = store.three_songs()
    one = store.shard("one setting", *songs)
    other = store.shard("another setting", songs[0])  # of the same representation and length
    store.call(record_extraction, [one, other], [])

    first, second = (
        store.freeze(key, *songs).snapshot_id for key in ("one setting", "another setting")
    )

    sizes = {first: pytest.approx(one.n_bytes / 3), second: other.n_bytes}
    assert store.call(count_song_bytes, [first, second]) == sizes
    assert set(store.call(count_song_bytes, [first])) == {first}
