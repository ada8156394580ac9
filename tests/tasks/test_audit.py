"""The audit of a real store: leaks that are planted in it are found, and stop a promotion."""

from collections.abc import Iterator

import pytest

from flows.settings import Settings
from genre_core.audit.rules import Check, CheckName, Level
from storage.catalog.audits import Audit, read_audited_songs, record_audit
from storage.catalog.connection import fetch_rows, open_catalog
from storage.catalog.publish import query_rows
from storage.catalog.runs import Run
from storage.home import DataLayout
from tasks.audit import (
    audit_overlap,
    audit_shortcuts,
    conclude_audit,
    find_audit,
    measure_sounds,
    plan_audit,
)
from tasks.compare import choose_winner
from tasks.promote import explain_rejection, promote_best
from tests.catalogs import in_catalog
from tests.tasks.contests import let_say, newest, plant_golden, plant_songs

pytestmark = [
    pytest.mark.flow,
    pytest.mark.keras,
    pytest.mark.usefixtures("quiet_runs"),
]
FAILED = Check(name=CheckName.OVERLAP, level=Level.FAIL, message="one artist", value=1.0)
NAMES = [
    "overlap",
    "random_labels_by_song",
    "random_labels_by_fragment",
    "shortcuts",
    "metadata",
    "source_out",
]


def execute(layout: DataLayout, statement: str, *parameters: object) -> None:
    with open_catalog(layout) as catalog:
        catalog.execute(statement, list(parameters))


def promotions(layout: DataLayout) -> list[dict[str, object]]:
    with open_catalog(layout) as catalog:
        return fetch_rows(catalog, "select version, run_id, reason from promotions order by all")


def fail_audit(layout: DataLayout, run: Run) -> None:
    """Record a failed audit of the snapshot of a run."""
    audit = Audit(
        audit_id="failed",
        snapshot_id=run.snapshot_id,
        run_id=run.run_id,
        verdict=Level.FAIL,
        seconds=1.0,
        settings={},
        checks=(FAILED,),
    )
    in_catalog(layout, record_audit, audit)


@pytest.fixture
def challenged(finished_copy: Settings) -> Iterator[Settings]:
    """A store in which another run than the champion has come to be the best."""
    execute(finished_copy.layout, "update runs set validation_macro_f1 = 0.25")
    execute(
        finished_copy.layout,
        "update runs set validation_macro_f1 = 0.5 where run_id = (select min(run_id) from runs "
        "where run_id not in (select run_id from promotions))",
    )
    champion = "run_id in (select run_id from promotions)"
    plant_songs(finished_copy.layout)
    let_say(finished_copy.layout, champion, clicks=6, hiss=6, hums=6)
    return finished_copy


def test_a_night_audits_before_it_promotes(finished: Settings) -> None:
    audits = query_rows(finished.layout, "select * from audits")
    checks = query_rows(finished.layout, "select name, message from audit_checks")
    promoted = query_rows(finished.layout, "select run_id, promoted_at from promotions")

    assert [row["name"] for row in checks] == NAMES
    assert all(row["message"] for row in checks)
    assert [row["run_id"] for row in audits] == [row["run_id"] for row in promoted]
    assert audits[0]["created_at"] < promoted[0]["promoted_at"]


def test_the_verdict_stands_among_the_runs_and_on_the_comparison(finished: Settings) -> None:
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


def test_what_was_asked_before_is_not_asked_again(finished_copy: Settings) -> None:
    plan = plan_audit.fn(
        finished_copy.layout, newest(finished_copy.layout), finished_copy.audit, {}
    )

    known = find_audit.fn(finished_copy.layout, plan)

    assert known is not None
    assert [str(check.name) for check in known.checks] == NAMES


def test_an_artist_that_is_put_on_both_sides_fails_and_is_asked_anew(
    finished_copy: Settings,
) -> None:
    layout = finished_copy.layout
    before = plan_audit.fn(layout, newest(layout), finished_copy.audit, {})
    for table in ("assignments", "snapshot_tracks"):
        execute(
            layout,
            f"update {table} set split = 'test' where track_id = (select min(track_id) from tracks "
            "where artist = 'Ada hums')",
        )

    plan = plan_audit.fn(layout, newest(layout), finished_copy.audit, {})
    check = audit_overlap.fn(layout, plan)

    assert plan.audit_id != before.audit_id
    assert find_audit.fn(layout, plan) is None
    assert check.level is Level.FAIL
    assert check.details["artists"] == ["adahums"]


def test_a_golden_song_of_an_artist_that_is_learned_from_fails(finished_copy: Settings) -> None:
    layout = finished_copy.layout
    plant_golden(layout)
    before = audit_overlap.fn(
        layout, plan_audit.fn(layout, newest(layout), finished_copy.audit, {})
    )
    golden = "(select min(track_id) from golden_songs)"
    learned = "(select min(artist) from tracks join snapshot_tracks using (track_id))"

    execute(layout, f"update tracks set artist = {learned} where track_id = {golden}")
    check = audit_overlap.fn(layout, plan_audit.fn(layout, newest(layout), finished_copy.audit, {}))
    execute(layout, f"insert into excluded_tracks select {golden}, 'duplicate_recording', 'x', ''")
    without = audit_overlap.fn(
        layout, plan_audit.fn(layout, newest(layout), finished_copy.audit, {})
    )

    assert (before.value, check.value, without.value) == (0.0, 1.0, 0.0)
    assert check.level is Level.FAIL


def test_a_recording_on_both_sides_fails(finished_copy: Settings) -> None:
    layout = finished_copy.layout
    execute(
        layout,
        "insert into duplicates select min(track_id) filter (split = 'train'), "
        "min(track_id) filter (split = 'test'), 0.95, 0 from assignments",
    )

    check = audit_overlap.fn(layout, plan_audit.fn(layout, newest(layout), finished_copy.audit, {}))

    assert (check.level, check.value) == (Level.FAIL, 1.0)


def test_songs_are_measured_when_they_are_extracted_or_else_by_the_audit(
    finished_copy: Settings,
) -> None:
    layout = finished_copy.layout
    snapshot_id = choose_winner(layout, newest(layout).library_id)[0].snapshot_id
    before = in_catalog(layout, read_audited_songs, layout, snapshot_id)
    assert all(-60 < song.loudness_db < 0 < song.cutoff_hz for song in before)
    execute(layout, "delete from sound")

    measure_sounds.fn(layout, newest(layout))

    assert in_catalog(layout, read_audited_songs, layout, snapshot_id) == before


def test_files_that_give_the_genre_away_are_warned_of(finished_copy: Settings) -> None:
    layout = finished_copy.layout
    execute(
        layout,
        "update tracks set bit_rate = case genre when 'hums' then 64 when 'hiss' then 128 "
        "else 320 end * 1000",
    )

    check = audit_shortcuts.fn(
        layout, plan_audit.fn(layout, newest(layout), finished_copy.audit, {})
    )

    assert check.level is Level.WARN
    assert check.details["by_cue"]["bit_rate"] == 1.0  # type: ignore[index]


def test_a_failed_audit_of_its_songs_stops_a_promotion(challenged: Settings) -> None:
    layout = challenged.layout
    before = promotions(layout)
    winner, _ = choose_winner(layout, newest(layout).library_id)
    fail_audit(layout, winner)

    promotion = promote_best.fn(layout, newest(layout))

    assert promotion is None
    assert promotions(layout) == before
    assert explain_rejection(layout, newest(layout)) == (
        f"The audit of snapshot {winner.snapshot_id} failed (overlap), so {winner.network} at "
        f"{winner.fragment_s:g} s is not promoted. See `genreflow audit`; "
        "`genreflow promote --despite-audit` overrules it."
    )


def test_a_person_may_overrule_the_audit_and_the_reason_says_so(challenged: Settings) -> None:
    layout = challenged.layout
    winner, _ = choose_winner(layout, newest(layout).library_id)
    fail_audit(layout, winner)

    promotion = promote_best.fn(layout, newest(layout), despite_audit=True)

    assert promotion is not None
    assert promotion.run_id == winner.run_id
    assert promotion.reason.endswith(" Promoted despite a failed audit.")
    assert promotions(layout)[-1]["reason"] == promotion.reason


def test_songs_that_were_not_audited_stop_a_promotion_unless_a_person_overrules_it(
    challenged: Settings,
) -> None:
    layout = challenged.layout
    before, (winner, _) = promotions(layout), choose_winner(layout, newest(layout).library_id)
    execute(layout, "delete from audits")

    assert promote_best.fn(layout, newest(layout)) is None
    assert promotions(layout) == before
    assert explain_rejection(layout, newest(layout)).startswith(
        f"Snapshot {winner.snapshot_id} was not audited, so {winner.network} at "
        f"{winner.fragment_s:g} s is not promoted."
    )

    promotion = promote_best.fn(layout, newest(layout), despite_audit=True)

    assert promotion is not None
    assert promotion.reason.endswith(" Promoted without an audit.")


def test_where_no_audit_failed_nothing_is_overruled(challenged: Settings) -> None:
    promotion = promote_best.fn(challenged.layout, newest(challenged.layout), despite_audit=True)

    assert promotion is not None
    assert "despite" not in promotion.reason


def test_the_command_prints_one_document_and_fails_where_a_check_does(
    finished_copy: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    import json

    import typer

    from flows.cli.models import show_audit

    layout = finished_copy.layout
    plan = plan_audit.fn(layout, newest(layout), finished_copy.audit, {})
    known = find_audit.fn(layout, plan)
    assert known is not None
    show_audit(known, as_json=True)
    document = json.loads(capsys.readouterr().out)
    failed = conclude_audit.fn(layout, plan, [FAILED], 1.0)

    with pytest.raises(typer.Exit) as end:
        show_audit(failed, as_json=False)

    assert document["verdict"] in ("pass", "inconclusive", "warn")
    assert [check["name"] for check in document["checks"]] == NAMES
    assert {tuple(check) for check in document["checks"]} == {
        ("name", "level", "passed", "value", "interval", "chance", "message")
    }
    assert end.value.exit_code == 1
    assert "overlap: one artist" in capsys.readouterr().out
