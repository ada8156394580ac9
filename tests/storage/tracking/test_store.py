"""Opening the store: new, old, deleted or moved."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from mlflow.artifacts import download_artifacts

from storage.home import DataLayout
from storage.models.runs import log_json, start_comparison
from storage.models.store import open_tracking


def test_the_first_opening_creates_the_store_and_its_experiment(tmp_path: Path) -> None:
    layout = DataLayout(tmp_path / "not" / "there" / "yet")

    tracking = open_tracking(layout)

    experiment = tracking.client.get_experiment(tracking.experiment_id)
    assert layout.mlflow_db.is_file()
    assert experiment.name == "genreflow"
    assert experiment.artifact_location == layout.mlflow_artifacts.as_uri()


def test_what_a_process_left_that_was_killed_while_it_made_the_tables_is_made_anew(
    tmp_path: Path,
) -> None:
    layout = DataLayout(tmp_path)
    half = tmp_path / ".mlflow.db.new"
    with closing(sqlite3.connect(half)) as tables:
        tables.execute("create table span_metrics (trace_id varchar)")

    tracking = open_tracking(layout)

    assert tracking.client.search_runs([tracking.experiment_id]) == []
    assert not half.exists()


def test_opening_twice_gives_the_same_experiment(layout: DataLayout) -> None:
    first = open_tracking(layout)

    second = open_tracking(layout)

    assert second.experiment_id == first.experiment_id


def test_two_homes_keep_their_runs_apart(layout: DataLayout, tmp_path: Path) -> None:
    elsewhere = DataLayout(tmp_path / "elsewhere")
    elsewhere.home.mkdir()
    elsewhere.mlflow_db.write_bytes(layout.mlflow_db.read_bytes())
    here, there = open_tracking(layout), open_tracking(elsewhere)

    here.client.create_run(here.experiment_id)

    assert len(here.client.search_runs([here.experiment_id])) == 1
    assert there.client.search_runs([there.experiment_id]) == []


def test_an_experiment_that_somebody_deleted_is_restored(layout: DataLayout) -> None:
    tracking = open_tracking(layout)
    tracking.client.delete_experiment(tracking.experiment_id)

    again = open_tracking(layout)

    assert again.experiment_id == tracking.experiment_id
    assert again.client.get_experiment(again.experiment_id).lifecycle_stage == "active"


def test_a_relative_home_keeps_its_artifacts_below_it(
    layout: DataLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(layout.home)

    tracking = open_tracking(DataLayout(Path()))

    experiment = tracking.client.get_experiment(tracking.experiment_id)
    assert experiment.artifact_location == (layout.home / "mlartifacts").as_uri()


def test_a_home_that_was_moved_keeps_its_artifacts(layout: DataLayout, tmp_path: Path) -> None:
    before = open_tracking(layout)
    run_id = start_comparison(before, "before the move", {})
    log_json(before, run_id, {"moved": False}, "place")
    moved = DataLayout(tmp_path / "new home")
    moved.home.mkdir()
    layout.mlflow_db.rename(moved.mlflow_db)
    layout.mlflow_artifacts.rename(moved.mlflow_artifacts)

    after = open_tracking(moved)

    old_place = download_artifacts(after.client.get_run(run_id).info.artifact_uri)
    new_run = after.client.get_run(start_comparison(after, "after the move", {}))
    assert (Path(old_place) / "place.json").is_file()
    assert new_run.info.artifact_uri.startswith(moved.mlflow_artifacts.as_uri())
