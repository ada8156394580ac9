"""Nightly runs in the catalog, and what changed in it during one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from genre_core.records import Reason, Result
from storage.catalog.connection import insert_rows, open_catalog
from storage.catalog.nightly import (
    NightOutcome,
    NightStep,
    close_abandoned_nights,
    count_library,
    end_night,
    read_conflicts,
    read_drift_songs,
    read_last_start,
    read_new_songs,
    read_night,
    read_nights,
    record_step,
    skip_night,
    start_night,
)
from storage.catalog.publish import publish
from storage.catalog.query import query
from storage.catalog.runs import record_run
from storage.catalog.songs import record_songs

if TYPE_CHECKING:
    from genre_core.records import Track
    from tests.storage.catalog.conftest import Store

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
SIGNED = "https://me:secret@music.example/a.mp3?id=3&token=secret"


def step(name: str, position: int, outcome: NightOutcome = NightOutcome.FINISHED) -> NightStep:
    return NightStep(
        night_id="first",
        position=position,
        step=name,
        outcome=outcome,
        message=f"{name} went well.",
        seconds=1.5,
    )


def test_a_run_comes_back_with_its_steps_in_order_and_the_tracks_added_since(store: Store) -> None:
    store.add_songs(store.track("old"))
    store.call(start_night, "first", "run-1", "schedule")
    for recorded in (step("extract", 1), step("ingest", 0, NightOutcome.FAILED), step("ingest", 0)):
        store.call(record_step, recorded)
    store.add_songs(store.track("new"), store.track("newer"))

    facts = {"failed_trials": ["a"]}
    store.call(end_night, "first", NightOutcome.FINISHED, "All went well.", facts)

    (night,) = store.call(read_nights)
    assert (night.night_id, night.flow_run_id, night.who) == ("first", "run-1", "schedule")
    assert (night.outcome, night.message) == ("finished", "All went well.")
    assert night.steps == (step("ingest", 0), step("extract", 1))
    assert (night.facts, night.n_new_songs) == (facts, 2)
    assert night.started_at <= night.ended_at


def test_an_abandoned_run_is_closed_as_interrupted(store: Store) -> None:
    store.call(start_night, "first", "", "schedule")
    store.call(record_step, step("ingest", 0))

    store.call(close_abandoned_nights)

    (night,) = store.call(read_nights)
    assert night.outcome == "interrupted"
    assert [known.step for known in night.steps] == ["ingest"]


def test_a_skipped_run_is_read_by_its_id_alone_and_only_a_finished_one_is_the_last_start(
    store: Store,
) -> None:
    store.call(start_night, "failed", "", "schedule")
    store.call(end_night, "failed", NightOutcome.FAILED, "The site is down.")
    before = store.call(read_last_start)
    store.call(start_night, "real", "", "schedule")
    store.call(end_night, "real", NightOutcome.FINISHED, "")
    store.call(skip_night, "skipped", "", "schedule", "Another is at work.")

    last, skipped = store.call(read_night), store.call(read_night, "skipped")

    assert (last.night_id, skipped.message) == ("real", "Another is at work.")
    assert store.call(read_night, "unknown") is None
    assert (before, store.call(read_last_start)) == (None, last.started_at)


def test_runs_and_steps_are_published(store: Store) -> None:
    store.call(start_night, "first", "run-1", "schedule")
    store.call(record_step, step("ingest", 0))
    store.call(skip_night, "second", "run-2", "schedule", "The first is at work.")

    publish(store.layout)

    _, nights = query(store.layout, "select night_id, outcome, message from nights")
    assert nights == [("first", "running", ""), ("second", "skipped", "The first is at work.")]
    assert query(store.layout, "select step, seconds from night_steps")[1] == [("ingest", 1.5)]


def test_songs_added_since_the_run_began_are_new_and_duplicates_name_their_song(
    store: Store,
) -> None:
    old, *_ = store.three_songs()
    since = datetime.now(UTC)
    late = store.track("late", "rock")
    store.add_songs(late)
    store.extract("key", late)
    store.call(record_songs, [], [store.copy_of(old)])

    new = store.call(read_new_songs, since)

    assert [(song["source"], song["outcome"], song["like"]) for song in new] == [
        ("/copies/a", "duplicate", "a"),
        (late.location, "ok", ""),
    ]


def test_credentials_and_tokens_of_an_address_are_not_shown(store: Store) -> None:
    secret = replace(
        store.outcome(store.track("a"), Result.QUARANTINED), location=f"{SIGNED}#secret"
    )
    store.call(record_songs, [], [secret])

    (song,) = store.call(read_new_songs, LONG_AGO)

    assert song["source"] == "https://music.example/a.mp3?id=3&token=***"


def test_a_conflict_is_listed_by_every_run_and_new_in_the_first(store: Store) -> None:
    one, two = store.track("one", "jazz"), store.track("two", "rock")
    store.add_songs(one, two)
    row = {"reason": "label_conflict", "duplicate_of": one.track_id, "message": "two genres"}
    with open_catalog(store.layout) as catalog:
        insert_rows(
            catalog, "excluded_tracks", [{"track_id": t.track_id, **row} for t in (one, two)]
        )
        catalog.execute("update outcomes set reason = ?", [str(Reason.LABEL_CONFLICT)])

    first = store.call(read_conflicts, LONG_AGO)
    second = store.call(read_conflicts, datetime.now(UTC))

    assert [(row["genre"], row["is_new"]) for row in first] == [("jazz", True), ("rock", True)]
    assert {row["recording"] for row in first} == {one.track_id}
    assert [row["is_new"] for row in second] == [False, False]


def test_the_library_is_counted_by_genre_and_outcome(store: Store) -> None:
    store.three_songs()

    assert store.call(count_library) == [{"genre": "jazz", "outcome": "ok", "n": 3}]


@pytest.fixture
def trained(store: Store) -> list[Track]:
    """Three songs that the champion was trained, validated and tested on."""
    tracks = store.three_songs()
    store.call(record_run, store.run("champion", store.freeze("key", *tracks)), [])
    return tracks


def test_drift_is_measured_on_new_songs_and_on_validation_songs_of_the_champion(
    store: Store, trained: list[Track]
) -> None:
    since = datetime.now(UTC)
    late = store.track("late")
    store.add_songs(late)
    store.extract("key", late)

    songs, shards = store.call(read_drift_songs, "champion", since, 500)
    every, _ = store.call(read_drift_songs, "champion", LONG_AGO, 500)
    some, _ = store.call(read_drift_songs, "champion", LONG_AGO, 1)

    found = {song.track_id: song.is_new for song in songs}
    assert found == {trained[1].track_id: False, late.track_id: True}
    assert len(shards) == 2
    trained_on = {song.track_id for song in every if song.is_trained_on}
    assert (len(every), trained_on, len(some)) == (4, {trained[0].track_id}, 1)
