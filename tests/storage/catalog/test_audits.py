"""Audits come back as they were recorded; the last one of a snapshot counts."""

from dataclasses import replace

from genre_core.audit.rules import Check, CheckName, Level
from genre_core.evaluation.bootstrap import Interval
from genre_core.records import Split
from genre_core.signal.sound import Sound
from storage.catalog.audits import (
    Audit,
    read_audit,
    read_audited_songs,
    read_last_audit,
    read_library_audit,
    record_audit,
    record_sounds,
    touch_audit,
)
from storage.catalog.publish import publish
from storage.catalog.query import query_rows
from storage.catalog.removals import unused_snapshots
from tests.storage.catalog.conftest import Store

CHECKS = (
    Check(name=CheckName.OVERLAP, level=Level.PASS, message="well", value=0.0, chance=0.0),
    Check(
        name=CheckName.BY_SONG,
        level=Level.WARN,
        message="low",
        value=0.2,
        interval=Interval(value=0.2, low=0.1, high=0.24),
        chance=0.25,
        details={"n_draws": 5},
    ),
    Check(name=CheckName.LEAVE_ONE_SOURCE_OUT, level=Level.WARN, message="cannot be tested"),
)
AUDIT = Audit(
    audit_id="one",
    snapshot_id="snapshot",
    run_id="run",
    verdict=Level.WARN,
    seconds=3.5,
    settings={"n_draws": 5},
    checks=CHECKS,
)


def test_an_audit_comes_back_as_it_was_recorded_last(store: Store) -> None:
    worse = replace(AUDIT, verdict=Level.FAIL, checks=CHECKS[:1])
    store.call(record_audit, AUDIT)
    first = store.call(read_audit, "one")

    store.call(record_audit, worse)

    assert (first, store.call(read_audit, "one")) == (AUDIT, worse)
    assert store.call(read_audit, "another") is None


def test_the_last_audit_of_a_snapshot_counts_also_if_it_was_only_confirmed(store: Store) -> None:
    failed = replace(AUDIT, audit_id="two", verdict=Level.FAIL)
    store.call(record_audit, AUDIT)
    store.call(record_audit, failed)
    last = store.call(read_last_audit, "snapshot")

    store.call(touch_audit, "one")

    assert (last, store.call(read_last_audit, "snapshot")) == (failed, AUDIT)
    assert store.call(read_last_audit, "another") is None


def test_the_last_audit_of_a_library_counts_on_whichever_snapshot(store: Store) -> None:
    store.extract("longer", *store.three_songs())
    songs = [store.track(name) for name in "abc"]
    own, other = store.freeze("key", *songs), store.freeze("longer", *songs)
    last = replace(AUDIT, audit_id="two", snapshot_id=other.snapshot_id)
    store.call(record_audit, replace(AUDIT, snapshot_id=own.snapshot_id))
    store.call(record_audit, last)

    assert store.call(read_library_audit, own.library_id) == last
    assert store.call(read_library_audit, "another") is None


def test_a_snapshot_that_was_audited_is_in_use_without_a_run(store: Store) -> None:
    tracks = store.three_songs()
    audited, unused, _newest = (store.freeze("key", *tracks[: 3 - n]) for n in range(3))
    store.call(record_audit, replace(AUDIT, snapshot_id=audited.snapshot_id))

    assert store.call(unused_snapshots, 1) == [unused.snapshot_id]


def test_people_read_audits_and_sound_in_the_published_store(store: Store) -> None:
    store.three_songs()
    store.call(record_audit, AUDIT)
    store.call(record_sounds, [Sound(track_id="a", loudness_db=-12.5, cutoff_hz=16_000.0)])

    publish(store.layout)

    rows = query_rows(
        store.layout,
        "select verdict, name, passed, value, low, high, chance from audits "
        "join audit_checks using (audit_id) order by name",
    )
    assert [tuple(row.values()) for row in rows] == [
        ("warn", "overlap", True, 0.0, None, None, 0.0),
        ("warn", "random_labels_by_song", False, 0.2, 0.1, 0.24, 0.25),
        ("warn", "source_out", False, None, None, None, None),
    ]
    assert query_rows(store.layout, "select * from sound") == [
        {"track_id": "a", "loudness_db": -12.5, "cutoff_hz": 16_000.0}
    ]


def test_songs_come_with_their_places_their_files_and_their_sound(store: Store) -> None:
    tracks = store.three_songs()
    snapshot = store.freeze("key", *tracks)
    sound = Sound(track_id=tracks[0].track_id, loudness_db=-9.0, cutoff_hz=15_000.0)
    store.call(record_sounds, [sound, replace(sound, track_id="of no snapshot")])
    song = store.layout.song(tracks[0].track_id, ".mp3")
    song.parent.mkdir(parents=True)
    song.write_bytes(b"music")
    store.rows("update assignments set split = 'test' where split = 'validation'")

    songs = {
        s.track_id: s for s in store.call(read_audited_songs, store.layout, snapshot.snapshot_id)
    }

    first, second, third = (songs[track.track_id] for track in tracks)
    assert (first.split, first.assigned) == (Split.TRAIN, "train")
    assert (second.split, second.assigned) == (Split.VALIDATION, "test")
    assert (first.n_bytes, first.loudness_db, first.cutoff_hz) == (5, -9.0, 15_000.0)
    assert third.n_bytes == 0
    assert third.loudness_db != third.loudness_db  # no number where nobody has measured it


def test_the_first_measure_of_a_sound_stays(store: Store) -> None:
    tracks = store.three_songs()
    snapshot = store.freeze("key", *tracks)
    sound = Sound(track_id=tracks[0].track_id, loudness_db=-9.0, cutoff_hz=15_000.0)
    store.call(record_sounds, [sound])
    store.call(record_sounds, [replace(sound, loudness_db=-20.0)])

    songs = store.call(read_audited_songs, store.layout, snapshot.snapshot_id)
    assert {song.loudness_db for song in songs} >= {-9.0}
