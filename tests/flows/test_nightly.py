"""The whole line: what a night leaves behind, and that the next one finds nothing to do."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flows.settings import Settings
from storage.catalog.query import query_rows
from storage.catalog.status import read_status
from storage.home import DataLayout
from storage.sources.listing import list_sources

if TYPE_CHECKING:
    from flows.nightly import NightlyReport

pytestmark = [pytest.mark.flow, pytest.mark.keras, pytest.mark.prefect]

Night = tuple[Settings, "NightlyReport"]


def contents(layout: DataLayout) -> dict[str, list[dict[str, object]]]:
    """Everything that people can read, but for when it was last looked at."""
    looked_at = {
        "outcomes": "attempts, updated_at",
        "snapshots": "used_at",
        "audits": "used_at",
    }
    columns = {view: f"* exclude ({names})" for view, names in looked_at.items()}
    views = ("tracks", "shards", "splits", "runs", "predictions", "promotions", *looked_at)
    return {
        view: query_rows(layout, f"select {columns.get(view, '*')} from {view} order by all")
        for view in views
    }


def test_a_night_reports_what_each_flow_did(first_night: Night) -> None:
    _, report = first_night

    assert report.ingested.n_new == 23
    assert report.extracted.n_tracks == 19  # the silent one is looked at, too
    assert report.extracted.n_examples == 18 * 3 * 2
    assert (report.trained.n_trained, report.trained.n_failed) == (4, 0)
    assert len(report.trained.runs) == 4
    assert report.trained.promotion is not None
    assert report.extracted.outcomes == {
        "ok": 18,
        "duplicate": 1,
        "quarantined": 4,
        "retryable": 0,
    }


def test_each_run_names_the_flow_run_that_made_it(first_night: Night) -> None:
    from storage.models.store import open_tracking

    tracking = open_tracking(first_night[0].layout)
    runs = tracking.client.search_runs(
        [tracking.experiment_id], "attributes.status = 'FINISHED'", max_results=50
    )

    named = [run.data.tags for run in runs if "network" in run.data.params]
    assert len(named) == len(first_night[1].trained.runs)
    for tags in named:
        assert len(tags["prefect.flow_run_id"]) == 36
        assert tags["prefect.flow_run_name"] in tags["mlflow.note.content"]
        assert tags["prefect.flow_run_url"] in tags["mlflow.note.content"]


def test_every_source_has_one_outcome_and_those_left_out_a_reason(
    finished: Settings, library: Path
) -> None:
    rows = query_rows(finished.layout, "select * from outcomes")

    assert Counter(r["source"] for r in rows) == Counter(s.location for s in list_sources(library))
    left_out = {Path(r["source"]).name: r["reason"] for r in rows if r["outcome"] != "ok"}
    assert left_out == {
        "the same again.wav": "duplicate_content",
        "broken.mp3": "not_audio",
        "gone.wav": "not_found",
        "short.wav": "too_short",
        "silent.wav": "silent",
    }
    assert all(row["message"] for row in rows if row["outcome"] != "ok")


def test_a_second_night_does_nothing_new(finished_copy: Settings) -> None:
    from flows.nightly import nightly

    before = contents(finished_copy.layout)

    report = nightly(finished_copy)

    assert report.ingested.n_new == 0
    assert report.extracted.n_tracks == 0
    assert report.trained is None
    assert contents(finished_copy.layout) == before


@pytest.mark.long
def test_a_night_with_a_new_length_trains_that_alone_and_leaves_out_what_cannot_be_built(
    finished_copy: Settings,
) -> None:
    from flows.nightly import nightly

    layout, before = finished_copy.layout, contents(finished_copy.layout)

    report = nightly(replace(finished_copy, fragment_lengths_s=(0.4, 1.0)))

    after = contents(layout)
    assert report.extracted.n_tracks == 19  # the silent one is looked at, too
    # a cnn cannot read three frames; the others are trained all the same
    assert (report.trained.n_trained, report.trained.n_failed) == (1, 1)
    assert sorted((run.network, run.fragment_s) for run in report.trained.runs) == [
        ("cnn", 1.0),
        ("dense", 0.4),
        ("dense", 1.0),
    ]
    assert after["tracks"] == before["tracks"]
    assert {s["library_id"] for s in after["snapshots"]} == {
        s["library_id"] for s in before["snapshots"]
    }
    assert read_status(layout)["examples"] == 18 * 3 * 3
