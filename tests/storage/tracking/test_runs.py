"""Runs, from start to end."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from mlflow.artifacts import download_artifacts
from mlflow.exceptions import MlflowException

from storage.models.runs import (
    RunCell,
    close_abandoned,
    comparison,
    fail_run,
    failing_run,
    finish_run,
    log_epoch,
    log_figure,
    log_json,
    log_params,
    log_scores,
    resume_comparison,
    start_run,
    training_run,
)
from storage.models.store import Tracking

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def status(tracking: Tracking, run_id: str) -> str:
    return str(tracking.client.get_run(run_id).info.status)


def artifacts(tracking: Tracking, run_id: str) -> Path:
    return Path(download_artifacts(tracking.client.get_run(run_id).info.artifact_uri))


def test_a_run_stands_below_its_comparison(
    tracking: Tracking, parent_run_id: str, cell: RunCell
) -> None:
    run_id = start_run(tracking, parent_run_id, cell)

    children = tracking.client.search_runs(
        [tracking.experiment_id], f"tags.mlflow.parentRunId = '{parent_run_id}'"
    )
    assert [child.info.run_id for child in children] == [run_id]
    assert children[0].info.run_name == "cnn 1.5 s seed 0"


def test_a_run_names_the_examples_it_learns_from(
    tracking: Tracking, parent_run_id: str, cell: RunCell
) -> None:
    run = tracking.client.get_run(start_run(tracking, parent_run_id, cell))

    dataset = run.inputs.dataset_inputs[0].dataset
    assert run.data.tags["snapshot_id"] == "3f9a0c1d2e4b5a69"
    assert run.data.tags["feature_key"] == "8c1fe27d"
    assert (dataset.name, dataset.digest) == ("snapshot", "3f9a0c1d2e4b5a69")
    assert json.loads(dataset.profile) == {"train": 140, "validation": 30, "test": 30}


def test_a_run_has_the_parameters_of_its_cell(
    tracking: Tracking, parent_run_id: str, cell: RunCell
) -> None:
    run_id = start_run(tracking, parent_run_id, cell)
    log_params(tracking, run_id, {"n_parameters": 145638})

    params = tracking.client.get_run(run_id).data.params
    assert params["fragment_s"] == "1.5"
    assert params["n_parameters"] == "145638"


def test_an_epoch_is_a_point_on_each_curve(
    tracking: Tracking, parent_run_id: str, cell: RunCell
) -> None:
    run_id = start_run(tracking, parent_run_id, cell)

    log_epoch(tracking, run_id, {"epoch_train_loss": 2.0, "epoch_validation_loss": 2.5}, 1)
    log_epoch(tracking, run_id, {"epoch_train_loss": 1.0, "epoch_validation_loss": 1.5}, 2)

    curve = tracking.client.get_metric_history(run_id, "epoch_validation_loss")
    assert [(point.step, point.value) for point in curve] == [(1, 2.5), (2, 1.5)]


def test_scores_are_kept_with_the_run(
    tracking: Tracking, parent_run_id: str, cell: RunCell
) -> None:
    run_id = start_run(tracking, parent_run_id, cell)

    log_scores(tracking, run_id, {"test_song_mean_macro_f1": 0.5})

    assert tracking.client.get_run(run_id).data.metrics == {"test_song_mean_macro_f1": 0.5}


def test_a_figure_is_kept_as_png(tracking: Tracking, parent_run_id: str) -> None:
    log_figure(tracking, parent_run_id, Figure(), "confusion_test")

    picture = artifacts(tracking, parent_run_id) / "figures" / "confusion_test.png"
    assert picture.read_bytes().startswith(PNG_SIGNATURE)
    assert picture.is_relative_to(tracking.layout.mlflow_artifacts)


def test_a_document_comes_back_as_it_was(tracking: Tracking, parent_run_id: str) -> None:
    log_json(tracking, parent_run_id, {"confusion": [[3, 1], [0, 4]]}, "scores")

    document = artifacts(tracking, parent_run_id) / "scores.json"
    assert json.loads(document.read_text()) == {"confusion": [[3, 1], [0, 4]]}


def test_a_training_that_ends_well_is_finished(tracking: Tracking, cell: RunCell) -> None:
    with (
        comparison(tracking, "one network", {}) as parent_run_id,
        training_run(tracking, parent_run_id, cell) as run_id,
    ):
        assert status(tracking, run_id) == "RUNNING"

    assert status(tracking, run_id) == "FINISHED"
    assert status(tracking, parent_run_id) == "FINISHED"


def test_a_training_that_raises_is_failed_and_says_why(
    tracking: Tracking, parent_run_id: str, cell: RunCell
) -> None:
    with (
        pytest.raises(ValueError, match="loss is not finite"),
        training_run(tracking, parent_run_id, cell) as run_id,
    ):
        raise ValueError("loss is not finite")

    tags = tracking.client.get_run(run_id).data.tags
    assert status(tracking, run_id) == "FAILED"
    assert tags["failure"] == "ValueError: loss is not finite"


def test_an_interrupted_training_is_killed(
    tracking: Tracking, parent_run_id: str, cell: RunCell
) -> None:
    with (
        pytest.raises(KeyboardInterrupt),
        training_run(tracking, parent_run_id, cell) as run_id,
    ):
        raise KeyboardInterrupt

    assert status(tracking, run_id) == "KILLED"


def test_a_run_in_several_parts_stays_open_after_a_part_that_ends_well(
    tracking: Tracking, parent_run_id: str, cell: RunCell
) -> None:
    run_id = start_run(tracking, parent_run_id, cell)

    with failing_run(tracking, run_id):
        log_scores(tracking, run_id, {"test_accuracy": 0.5})

    assert status(tracking, run_id) == "RUNNING"


@pytest.mark.parametrize(
    ("error", "ended"), [(ValueError, "FAILED"), (KeyboardInterrupt, "KILLED")]
)
def test_a_run_in_several_parts_is_closed_by_a_part_that_raises(
    tracking: Tracking,
    parent_run_id: str,
    cell: RunCell,
    error: type[BaseException],
    ended: str,
) -> None:
    run_id = start_run(tracking, parent_run_id, cell)

    with pytest.raises(error, match="half way"), failing_run(tracking, run_id):
        raise error("half way")

    assert status(tracking, run_id) == ended
    failure = tracking.client.get_run(run_id).data.tags["failure"]
    assert failure == f"{error.__name__}: half way"


def test_a_run_that_cannot_start_is_not_left_running(
    tracking: Tracking, parent_run_id: str, cell: RunCell
) -> None:
    impossible = replace(cell, config={"batch?size": 32})

    with pytest.raises(MlflowException, match=r"batch\?size"):
        start_run(tracking, parent_run_id, impossible)

    runs = tracking.client.search_runs([tracking.experiment_id], "tags.kind = 'training'")
    assert [run.info.status for run in runs] == ["FAILED"]


def test_runs_that_a_killed_process_left_open_are_closed(
    tracking: Tracking, parent_run_id: str
) -> None:
    closed = close_abandoned(tracking, set())

    assert closed == [parent_run_id]
    assert status(tracking, parent_run_id) == "KILLED"
    assert close_abandoned(tracking, set()) == []


def test_a_sweep_that_failed_goes_on_in_the_same_run_and_its_failure_is_forgotten(
    tracking: Tracking,
) -> None:
    first = resume_comparison(tracking, "a sweep", {}, "5f2c")
    fail_run(tracking, first, ValueError("no time"))

    again = resume_comparison(tracking, "a sweep", {}, "5f2c")
    running = status(tracking, again)
    finish_run(tracking, again)

    run = tracking.client.get_run(again)
    assert (again, running, run.info.status) == (first, "RUNNING", "FINISHED")
    assert "failure" not in run.data.tags
