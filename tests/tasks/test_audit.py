"""The audit of a real store: leaks that are planted in it are found."""

from dataclasses import replace

import pytest

from flows.settings import Settings
from genre_core.audit.rules import Check, CheckName, Level
from genre_core.records import SnapshotChoice
from storage.catalog.audits import read_audit
from storage.catalog.query import query_rows
from storage.catalog.snapshots import resolve_snapshot
from tasks.audit import CHECKS, audit_snapshot
from tasks.audit_plan import AuditPlan, count_processes, plan_audit
from tests.catalogs import in_catalog
from tests.tasks.contests import execute, newest, plant_golden

pytestmark = [pytest.mark.flow, pytest.mark.keras, pytest.mark.usefixtures("quiet_runs")]
NAMES = [
    "overlap",
    "random_labels_by_song",
    "random_labels_by_fragment",
    "shortcuts",
    "metadata",
    "source_out",
]


def plan(config: Settings) -> AuditPlan:
    layout = config.layout
    made: AuditPlan = in_catalog(layout, plan_audit, layout, newest(layout), config.audit, {})
    return made


def check(config: Settings, name: CheckName) -> Check:
    made = CHECKS[name](config.layout, plan(config))
    assert made is not None
    return made


def test_a_library_is_audited_before_its_best_run_is_promoted(finished: Settings) -> None:
    audits = query_rows(finished.layout, "select * from audits")
    checks = query_rows(finished.layout, "select name, message from audit_checks")
    promoted = query_rows(finished.layout, "select run_id, promoted_at from promotions")

    assert [row["name"] for row in checks] == NAMES
    assert all(row["message"] for row in checks)
    assert [row["run_id"] for row in audits] == [row["run_id"] for row in promoted]
    assert audits[0]["created_at"] < promoted[0]["promoted_at"]


def test_the_result_is_a_run_of_its_own_and_a_tag_of_the_comparison(finished: Settings) -> None:
    from storage.models.store import open_tracking

    tracking = open_tracking(finished.layout)
    verdict = query_rows(finished.layout, "select verdict from audits")[0]["verdict"]
    runs = tracking.client.search_runs([tracking.experiment_id], "tags.kind = 'audit'")
    parents = tracking.client.search_runs([tracking.experiment_id], "tags.kind = 'comparison'")

    assert [(run.data.tags["audit"], run.info.status) for run in runs] == [(verdict, "FINISHED")]
    assert parents[0].data.tags["audit"] == verdict
    assert parents[0].data.tags["audit_run_id"] == runs[0].info.run_id
    assert runs[0].data.metrics["audit_overlap"] == 0.0
    assert runs[0].data.metrics["audit_random_labels_by_song_chance"] == pytest.approx(1 / 3)
    artifacts = tracking.client.list_artifacts(runs[0].info.run_id)
    assert [artifact.path for artifact in artifacts] == ["audit.json"]


def test_checks_side_by_side_find_what_they_find_one_after_the_other(
    finished_copy: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout, of_night = finished_copy.layout, plan(finished_copy)
    assert count_processes(of_night) == 1
    alone = in_catalog(layout, read_audit, of_night.audit_id)
    seeded = replace(finished_copy.audit, shortcut_share=0.51)  # so that it is another audit
    monkeypatch.setattr("tasks.audit.count_processes", lambda _: 2)

    beside = audit_snapshot(layout, newest(layout), seeded, {})

    assert [check.as_row() for check in beside.checks] == [one.as_row() for one in alone.checks]


def test_an_audit_of_the_same_songs_and_settings_is_not_repeated(finished_copy: Settings) -> None:
    layout = finished_copy.layout
    execute(layout, "update audits set seconds = 12345")

    known = audit_snapshot.fn(layout, newest(layout), finished_copy.audit, {})

    assert known.seconds == 12345
    assert [str(check.name) for check in known.checks] == NAMES


def test_an_audit_is_of_the_library_that_it_is_asked_for(finished_copy: Settings) -> None:
    """A champion of another library is not audited in its place."""
    layout = finished_copy.layout
    execute(
        layout,
        "insert into snapshots by name select * replace ('old' as snapshot_id, 'old' as library_id)"
        " from snapshots limit 1",
    )
    old = resolve_snapshot(layout, SnapshotChoice(snapshot_id="old"))

    made = in_catalog(layout, plan_audit, layout, old, finished_copy.audit, {})

    assert (made.snapshot, made.run) == (old, None)


def test_an_artist_in_two_subsets_fails_in_a_new_audit(finished_copy: Settings) -> None:
    for table in ("assignments", "snapshot_tracks"):
        execute(
            finished_copy.layout,
            f"update {table} set split = 'test' where track_id = (select min(track_id) from tracks "
            "where artist = 'Ada hums')",
        )

    found = check(finished_copy, CheckName.OVERLAP)

    assert (found.level, found.details["artists"]) == (Level.FAIL, ["adahums"])
    assert in_catalog(finished_copy.layout, read_audit, plan(finished_copy).audit_id) is None


def test_a_golden_song_of_an_artist_of_the_snapshot_fails(finished_copy: Settings) -> None:
    layout = finished_copy.layout
    plant_golden(layout)
    golden = "(select min(track_id) from golden_songs)"
    trained_on = "(select min(artist) from tracks join snapshot_tracks using (track_id))"
    changes = (
        "select 1",
        f"update tracks set artist = {trained_on} where track_id = {golden}",
        f"insert into excluded_tracks select {golden}, 'duplicate_recording', 'x', ''",
    )

    found = []
    for change in changes:
        execute(layout, change)
        found.append(check(finished_copy, CheckName.OVERLAP))

    assert [one.value for one in found] == [0.0, 1.0, 0.0]
    assert found[1].level is Level.FAIL


def test_a_recording_in_two_subsets_fails(finished_copy: Settings) -> None:
    execute(
        finished_copy.layout,
        "insert into duplicates select min(track_id) filter (split = 'train'), "
        "min(track_id) filter (split = 'test'), 0.95, 0 from assignments",
    )

    found = check(finished_copy, CheckName.OVERLAP)

    assert (found.level, found.value) == (Level.FAIL, 1.0)


def test_songs_are_measured_when_they_are_extracted(finished: Settings) -> None:
    songs = plan(finished).songs

    assert songs
    assert all(-60 < song.loudness_db < 0 < song.cutoff_hz for song in songs)


def test_files_that_give_the_genre_away_are_warned_of(finished_copy: Settings) -> None:
    execute(
        finished_copy.layout,
        "update tracks set bit_rate = case genre when 'hums' then 64 when 'hiss' then 128 "
        "else 320 end * 1000",
    )

    found = check(finished_copy, CheckName.SHORTCUTS)

    assert found.level is Level.WARN
    assert found.details["by_cue"]["bit_rate"] == 1.0  # type: ignore[index]
