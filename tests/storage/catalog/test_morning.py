"""What a night changed, as the catalog tells it the morning after."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from genre_core.records import Reason, Result
from storage.catalog.connection import insert_rows, open_catalog
from storage.catalog.nightly import (
    NightOutcome,
    count_library,
    end_night,
    read_conflicts,
    read_drift_songs,
    read_new_songs,
    read_night,
    skip_night,
    start_night,
)
from storage.catalog.runs import record_run
from storage.catalog.songs import record_songs
from tests.catalogs import in_catalog

if TYPE_CHECKING:
    from storage.home import DataLayout
    from tests.storage.catalog.conftest import Store

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
SIGNED = "https://me:secret@music.example/a.mp3?id=3&token=secret"


def now() -> datetime:
    return datetime.now(UTC)


def test_the_last_night_is_read_with_its_steps_in_order(layout: DataLayout) -> None:
    nights = [
        {
            "night_id": name,
            "flow_run_id": "",
            "who": "schedule",
            "outcome": "done",
            "started_at": at,
        }
        for name, at in (("late", LONG_AGO + timedelta(days=1)), ("early", LONG_AGO))
    ]
    steps = [
        {"night_id": "late", "position": at, "step": step, "outcome": "done", "seconds": 1.5}
        for at, step in ((2, "extract"), (1, "ingest"))
    ]
    with open_catalog(layout) as catalog:
        insert_rows(catalog, "nights", nights)
        insert_rows(catalog, "night_steps", steps)

    last, early = in_catalog(layout, read_night), in_catalog(layout, read_night, "early")

    assert last is not None
    assert early is not None
    assert (last.night_id, last.started_at) == ("late", LONG_AGO + timedelta(days=1))
    assert [step.step for step in last.steps] == ["ingest", "extract"]
    assert early.steps == ()
    assert in_catalog(layout, read_night, "no such night") is None


def test_a_night_that_was_skipped_is_told_to_who_asks_for_it_alone(layout: DataLayout) -> None:
    in_catalog(layout, start_night, "real", "", "schedule")
    in_catalog(layout, end_night, "real", NightOutcome.FINISHED, "")
    in_catalog(layout, skip_night, "skipped", "", "schedule", "Another is at work.")

    last, skipped = in_catalog(layout, read_night), in_catalog(layout, read_night, "skipped")

    assert last is not None
    assert skipped is not None
    assert (last.night_id, skipped.message) == ("real", "Another is at work.")


def test_only_what_came_since_the_night_began_is_new(store: Store) -> None:
    store.three_songs()
    since = now()
    late = store.track("late", "rock")
    store.add_songs(late)
    store.extract("key", late)

    new = in_catalog(store.layout, read_new_songs, since)

    assert [(song["title"], song["genre"], song["outcome"]) for song in new] == [
        ("late", "rock", "ok")
    ]


def test_a_copy_of_an_old_song_is_a_new_duplicate_that_names_it(store: Store) -> None:
    tracks = store.three_songs()
    since = now()
    in_catalog(store.layout, record_songs, [], [store.copy_of(tracks[0])])

    (duplicate,) = in_catalog(store.layout, read_new_songs, since)

    assert (duplicate["outcome"], duplicate["source"]) == ("duplicate", "/copies/a")
    assert duplicate["like"] == "a"


def test_credentials_and_tokens_of_an_address_are_not_shown(store: Store) -> None:
    track = store.track("a")
    secret = replace(store.outcome(track, Result.QUARANTINED), location=f"{SIGNED}#secret")
    in_catalog(store.layout, record_songs, [], [secret])

    (song,) = in_catalog(store.layout, read_new_songs, LONG_AGO)

    assert song["source"] == "https://music.example/a.mp3?id=3&token=***"


def test_a_conflict_waits_every_night_and_is_new_in_the_first(store: Store) -> None:
    one, two = store.track("one", "jazz"), store.track("two", "rock")
    store.add_songs(one, two)
    rows = [
        {"track_id": t.track_id, "reason": "label_conflict", "duplicate_of": one.track_id}
        for t in (one, two)
    ]
    with open_catalog(store.layout) as catalog:
        insert_rows(catalog, "excluded_tracks", [{**row, "message": "two genres"} for row in rows])
        catalog.execute("update outcomes set reason = ?", [str(Reason.LABEL_CONFLICT)])

    first, second = (
        in_catalog(store.layout, read_conflicts, LONG_AGO),
        in_catalog(store.layout, read_conflicts, now()),
    )

    assert [(row["genre"], row["is_new"]) for row in first] == [("jazz", True), ("rock", True)]
    assert {row["recording"] for row in first} == {one.track_id}
    assert [row["is_new"] for row in second] == [False, False]


def test_the_library_is_counted_by_genre_and_outcome(store: Store) -> None:
    store.three_songs()

    assert in_catalog(store.layout, count_library) == [{"genre": "jazz", "outcome": "ok", "n": 3}]


def test_drift_is_measured_on_new_songs_and_on_validation_songs_of_the_champion(
    store: Store,
) -> None:
    tracks = store.three_songs()
    snapshot = store.freeze("key", *tracks)
    in_catalog(store.layout, record_run, store.run("champion", snapshot), [])
    since = now()
    late = store.track("late")
    store.add_songs(late)
    store.extract("key", late)

    songs, shards = in_catalog(store.layout, read_drift_songs, "champion", since, 500)

    assert {song.track_id: song.is_new for song in songs} == {
        tracks[1].track_id: False,
        late.track_id: True,
    }
    assert not any(song.is_trained_on for song in songs)
    assert len(shards) == 2


def test_a_new_song_that_the_champion_was_trained_on_is_told(store: Store) -> None:
    tracks = store.three_songs()
    in_catalog(store.layout, record_run, store.run("champion", store.freeze("key", *tracks)), [])

    songs, _ = in_catalog(store.layout, read_drift_songs, "champion", LONG_AGO, 500)

    assert {song.track_id: song.is_trained_on for song in songs} == {
        tracks[0].track_id: True,
        tracks[1].track_id: False,
        tracks[2].track_id: False,
    }
