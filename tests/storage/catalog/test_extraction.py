"""What has been extracted, what was rejected, and what is still to be done."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from genre_core.errors import CatalogMismatch
from genre_core.records import Reason, Stage
from genre_core.representations.features import FeatureConfig
from storage.catalog.connection import fetch_rows, open_catalog
from storage.catalog.extraction import (
    PendingTrack,
    Rejection,
    Warned,
    all_shards,
    count_examples,
    count_song_bytes,
    record_extraction,
    record_features,
    select_pending,
    settle_outcomes,
    shard_names,
)
from storage.catalog.snapshots import record_assignments
from storage.catalog.songs import record_songs
from storage.home import DataLayout
from storage.shard_store import require_shards
from tests.catalogs import in_catalog

if TYPE_CHECKING:
    from tests.storage.catalog.conftest import Store


def outcomes(layout: DataLayout) -> dict[str, tuple[str, str, str]]:
    """Result, stage and reason by the name of the song."""
    statement = """
        select title, outcome, outcomes.stage, reason from outcomes join tracks using (track_id)
    """
    with open_catalog(layout) as catalog:
        rows = fetch_rows(catalog, statement)
    return {row["title"]: (row["outcome"], row["stage"], row["reason"]) for row in rows}


def updated_at(layout: DataLayout) -> list[dict[str, Any]]:
    with open_catalog(layout) as catalog:
        return fetch_rows(catalog, "select source, updated_at from outcomes order by source")


def test_a_new_track_misses_every_feature_key(store: Store) -> None:
    song = store.track("a")
    store.add_songs(song)

    pending = in_catalog(store.layout, select_pending, ["key 2", "key 1", "key 3"])

    assert pending == [PendingTrack(track=song, feature_keys=("key 1", "key 2", "key 3"))]


def test_a_track_misses_only_the_keys_without_examples(store: Store) -> None:
    song = store.track("a")
    store.add_songs(song)
    store.extract("key 1", song)

    pending = in_catalog(store.layout, select_pending, ["key 1", "key 2"])

    assert [track.feature_keys for track in pending] == [("key 2",)]


def test_a_track_that_was_rejected_waits_for_other_settings(store: Store) -> None:
    song = store.track("a")
    store.add_songs(song)
    store.reject(song, "key 1")

    assert in_catalog(store.layout, select_pending, ["key 1"]) == []
    assert [
        p.feature_keys for p in in_catalog(store.layout, select_pending, ["key 1", "key 2"])
    ] == [("key 2",)]


def test_pending_tracks_come_in_the_order_of_their_ids(store: Store) -> None:
    songs = [store.track(str(index)) for index in range(20)]
    store.add_songs(*songs)

    pending = in_catalog(store.layout, select_pending, ["key"])

    track_ids = [p.track.track_id for p in pending]
    assert track_ids == sorted(song.track_id for song in songs)


def test_a_track_with_examples_is_ok_and_misses_nothing(store: Store) -> None:
    song = store.track("a")
    store.add_songs(song)
    store.extract("key", song)

    assert in_catalog(store.layout, select_pending, ["key"]) == []
    assert outcomes(store.layout) == {"a": ("ok", "extract", "")}


def test_a_rejected_song_is_quarantined_and_one_without_a_result_is_retryable(store: Store) -> None:
    short, fine = store.track("short"), store.track("fine")
    store.add_songs(short, fine)

    store.reject(short, "key")

    assert outcomes(store.layout) == {
        "short": ("quarantined", "convert", "too_short"),
        "fine": ("retryable", "extract", "interrupted"),
    }


def test_a_quarantined_song_is_ok_once_other_settings_give_examples(store: Store) -> None:
    song = store.track("a")
    store.add_songs(song)
    store.reject(song, "key 1")

    store.extract("key 2", song)

    assert outcomes(store.layout) == {"a": ("ok", "extract", "")}


def test_the_outcome_is_that_under_the_settings_used_last(store: Store) -> None:
    song = store.track("a")
    store.add_songs(song)
    store.extract("key 1", song)

    store.reject(song, "key 2")
    rejected = outcomes(store.layout)
    in_catalog(store.layout, settle_outcomes, ["key 1", "key 2"])

    assert rejected == {"a": ("quarantined", "convert", "too_short")}
    assert outcomes(store.layout) == {"a": ("ok", "extract", "")}


def test_an_outcome_that_stays_keeps_its_time(store: Store) -> None:
    song = store.track("a")
    store.add_songs(song)
    store.reject(song, "key 1")
    store.extract("key 2", song)
    before = updated_at(store.layout)

    store.extract("key 3", song)

    assert updated_at(store.layout) == before


def test_a_warning_stands_beside_an_ok_song_until_other_settings_give_none(store: Store) -> None:
    song, plain = store.track("a"), store.track("b")
    store.add_songs(song, plain)
    shard = store.shard("key 1", song, plain)
    warned = Warned(track_id=song.track_id, reason=Reason.CLIPPED, message="3% at full scale")

    in_catalog(store.layout, record_extraction, [shard], [], [warned])
    in_catalog(store.layout, settle_outcomes, ["key 1"])
    first = outcomes(store.layout)
    store.extract("key 2", song, plain)

    assert first == {"a": ("ok", "extract", "clipped"), "b": ("ok", "extract", "")}
    assert outcomes(store.layout) == {"a": ("ok", "extract", ""), "b": ("ok", "extract", "")}


def test_a_warning_under_one_of_two_lengths_is_told_with_its_sentence(store: Store) -> None:
    song = store.track("a")
    store.add_songs(song)
    store.extract("key 2", song)
    warned = Warned(track_id=song.track_id, reason=Reason.CLIPPED, message="3% at full scale")

    in_catalog(store.layout, record_extraction, [store.shard("key 1", song)], [], [warned])
    in_catalog(store.layout, settle_outcomes, ["key 1", "key 2"])

    with open_catalog(store.layout) as catalog:
        rows = fetch_rows(catalog, "select reason, message from outcomes")
    assert rows == [{"reason": "clipped", "message": "3% at full scale"}]


def test_the_duplicate_of_a_rejected_song_stays_a_duplicate(store: Store) -> None:
    song = store.track("a")
    store.add_songs(song)
    in_catalog(store.layout, record_songs, [], [store.copy_of(song)])

    store.reject(song, "key")

    with open_catalog(store.layout) as catalog:
        rows = fetch_rows(catalog, "select outcome from outcomes order by outcome")
    assert [row["outcome"] for row in rows] == ["duplicate", "quarantined"]


def test_a_song_in_a_split_conflict_stays_quarantined_when_it_gets_examples(store: Store) -> None:
    song = store.track("a")
    store.add_songs(song)
    store.extract("key 1", song)
    in_catalog(store.layout, record_assignments, [], {song.track_id: "ties two"})

    store.extract("key 2", song)

    assert outcomes(store.layout) == {"a": ("quarantined", "split", "split_conflict")}


def test_naming_a_shard_twice_names_it_once(store: Store) -> None:
    song = store.track("a")
    store.add_songs(song)

    store.extract("key", song)
    store.extract("key", song)

    assert len(in_catalog(store.layout, shard_names, "key")) == 1
    assert in_catalog(store.layout, count_examples) == 2


def test_shards_are_given_by_feature_key(store: Store) -> None:
    song, other = store.track("a"), store.track("b")
    store.add_songs(song, other)
    store.extract("key 1", song)
    store.extract("key 1", other)
    store.extract("key 2", song)

    names = in_catalog(store.layout, shard_names, "key 1")

    assert len(names) == 2
    assert names == sorted(names)
    assert all(name.startswith("key 1/") for name in names)
    assert sorted(in_catalog(store.layout, all_shards)) == sorted(
        names + in_catalog(store.layout, shard_names, "key 2")
    )


def test_a_shard_on_disk_counts_only_once_the_catalog_names_it(store: Store) -> None:
    song = store.track("a")
    store.add_songs(song)

    store.shard("key", song)

    assert in_catalog(store.layout, all_shards) == []
    assert in_catalog(store.layout, count_examples) == 0
    assert len(in_catalog(store.layout, select_pending, ["key"])) == 1


def test_a_shard_that_is_gone_is_named(layout: DataLayout) -> None:
    with pytest.raises(CatalogMismatch, match=r"1 shards .* gone, among them .*b\.parquet"):
        require_shards(layout, ["key/b.parquet"])


def test_a_feature_key_says_what_it_stands_for(layout: DataLayout) -> None:
    config = FeatureConfig(representation="bands_db", fragment_s=1.5)

    in_catalog(layout, record_features, {"key": config})
    in_catalog(layout, record_features, {"key": config})

    with open_catalog(layout) as catalog:
        rows = fetch_rows(catalog, "select * from features")
    settings = json.loads(rows[0].pop("settings"))
    assert rows == [
        {
            "feature_key": "key",
            "representation": "bands_db",
            "fragment_s": 1.5,
            "n_bands": 12,
            "n_frames": 14,
        }
    ]
    assert FeatureConfig.from_document(settings) == config


def test_a_failure_while_shards_are_named_names_none(store: Store) -> None:
    song = store.track("a")
    store.add_songs(song)
    shard = store.shard("key", song)
    unfit = Rejection(
        track_id=None,  # type: ignore[arg-type]  # the column takes none: fails after the shard
        feature_keys=("key",),
        stage=Stage.EXTRACT,
        reason=Reason.SILENT,
        message="",
    )

    with pytest.raises(duckdb.ConstraintException, match="NOT NULL"):
        in_catalog(store.layout, record_extraction, [shard], [unfit])

    assert in_catalog(store.layout, all_shards) == []
    assert outcomes(store.layout) == {"a": ("ok", "download", "")}


def test_the_bytes_of_a_song_are_those_under_the_settings_of_the_snapshot(store: Store) -> None:
    songs = store.three_songs()
    one = store.shard("one setting", *songs)
    other = store.shard("another setting", songs[0])  # of the same representation and length
    in_catalog(store.layout, record_extraction, [one, other], [])

    snapshots = [store.freeze(key, *songs) for key in ("one setting", "another setting")]

    assert in_catalog(store.layout, count_song_bytes, [s.snapshot_id for s in snapshots]) == {
        snapshots[0].snapshot_id: pytest.approx(one.n_bytes / 3),
        snapshots[1].snapshot_id: other.n_bytes,
    }
    assert set(in_catalog(store.layout, count_song_bytes, [snapshots[0].snapshot_id])) == {
        snapshots[0].snapshot_id
    }
