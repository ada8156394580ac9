"""Runs, from start to end."""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from mlflow.artifacts import download_artifacts
from mlflow.exceptions import MlflowException

from storage.models.runs import (
    RunDescription,
    close_abandoned,
    fail_run,
    failing_run,
    finish_run,
    git_commit,
    log_figure,
    log_json,
    log_params,
    log_scores,
    open_run,
    read_curve,
    read_document,
    resume_sweep,
    start_training,
)
from storage.models.store import Tracking

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def status(tracking: Tracking, run_id: str) -> str:
    return str(tracking.client.get_run(run_id).info.status)


def test_trainings_on_one_snapshot_may_start_at_the_same_time(
    tracking: Tracking, parent_id: str, described: RunDescription
) -> None:
    with ThreadPoolExecutor(4) as threads:
        starts = [threads.submit(start_training, tracking, parent_id, described) for _ in range(8)]
        run_ids = {start.result() for start in starts}

    runs = [tracking.client.get_run(run_id) for run_id in run_ids]
    assert len(runs) == 8
    assert [len(run.inputs.dataset_inputs) for run in runs] == [1] * 8


def test_every_run_has_the_same_parameters_and_those_of_its_training(
    described: RunDescription,
) -> None:
    assert replace(described, fragment_s=3.0).params == {
        "network": "cnn",
        "representation": "thesis",
        "fragment_s": "3",
        "seed": "0",
        "genres": "jazz, rock",
        "n_genres": "2",
        "n_train": "140",
        "n_validation": "30",
        "n_test": "30",
        "batch_size": "32",
        "learning_rate": "0.001",
    }


def test_a_setting_cannot_have_the_name_of_a_fact_of_the_training(
    described: RunDescription,
) -> None:
    with pytest.raises(ValueError, match="config must not set seed"):
        _ = replace(described, config={"seed": 7}).params


def test_a_run_is_below_its_comparison_and_names_the_examples_it_learns_from(
    tracking: Tracking, parent_id: str, described: RunDescription
) -> None:
    run_id = start_training(tracking, parent_id, described)
    log_params(tracking, run_id, {"n_parameters": 145638})

    run = tracking.client.get_run(run_id)
    dataset = run.inputs.dataset_inputs[0].dataset
    assert run.info.run_name == "cnn 1.5 s seed 0"
    assert run.data.tags["mlflow.parentRunId"] == parent_id
    assert run.data.tags["snapshot_id"] == "3f9a0c1d2e4b5a69"
    assert run.data.tags["feature_key"] == "8c1fe27d"
    assert (run.data.params["seed"], run.data.params["n_parameters"]) == ("0", "145638")
    assert (dataset.name, dataset.digest) == ("snapshot", "3f9a0c1d2e4b5a69")
    assert json.loads(dataset.profile) == {"train": 140, "validation": 30, "test": 30}


def test_curves_scores_figures_and_documents_are_kept_with_the_run(
    tracking: Tracking, run_id: str
) -> None:
    log_scores(tracking, run_id, {"epoch_train_loss": 2.0, "epoch_validation_loss": 2.5}, 1)
    log_scores(tracking, run_id, {"epoch_train_loss": 1.0, "epoch_validation_loss": 1.5}, 2)
    log_scores(tracking, run_id, {"test_song_mean_macro_f1": 0.5})
    log_figure(tracking, run_id, Figure(), "confusion_test")
    log_json(tracking, run_id, {"confusion": [[3, 1], [0, 4]]}, "scores")

    run = tracking.client.get_run(run_id)
    picture = Path(download_artifacts(run.info.artifact_uri)) / "figures" / "confusion_test.png"
    curve = tracking.client.get_metric_history(run_id, "epoch_validation_loss")
    assert [(point.step, point.value) for point in curve] == [(1, 2.5), (2, 1.5)]
    assert read_curve(tracking, run_id, "train_loss") == [2.0, 1.0]
    assert run.data.metrics["test_song_mean_macro_f1"] == 0.5
    assert picture.read_bytes().startswith(PNG_SIGNATURE)
    assert picture.is_relative_to(tracking.layout.mlflow_artifacts)
    assert read_document(tracking, run_id, "scores") == {"confusion": [[3, 1], [0, 4]]}


def test_a_run_that_ends_well_is_finished(tracking: Tracking) -> None:
    with open_run(tracking, "audit", "audit", {"audit": "pass"}) as run_id:
        before = status(tracking, run_id)

    tags = tracking.client.get_run(run_id).data.tags
    assert (before, status(tracking, run_id)) == ("RUNNING", "FINISHED")
    assert (tags["kind"], tags["audit"]) == ("audit", "pass")


@pytest.mark.parametrize(
    ("error", "ended"), [(ValueError, "FAILED"), (KeyboardInterrupt, "KILLED")]
)
def test_a_run_that_raises_is_closed_and_says_why(
    tracking: Tracking, run_id: str, error: type[BaseException], ended: str
) -> None:
    with failing_run(tracking, run_id):
        log_scores(tracking, run_id, {"test_accuracy": 0.5})
    between = status(tracking, run_id)

    with pytest.raises(error, match="half way"), failing_run(tracking, run_id):
        raise error("half way")

    failure = tracking.client.get_run(run_id).data.tags["failure"]
    assert (between, status(tracking, run_id)) == ("RUNNING", ended)
    assert failure == f"{error.__name__}: half way"


def test_a_run_that_cannot_start_is_not_left_running(
    tracking: Tracking, parent_id: str, described: RunDescription
) -> None:
    impossible = replace(described, config={"batch?size": 32})

    with pytest.raises(MlflowException, match=r"batch\?size"):
        start_training(tracking, parent_id, impossible)

    runs = tracking.client.search_runs([tracking.experiment_id], "tags.kind = 'training'")
    assert [run.info.status for run in runs] == ["FAILED"]


def test_runs_that_a_killed_process_left_open_or_unrecorded_are_closed(
    tracking: Tracking, parent_id: str, described: RunDescription
) -> None:
    recorded, unrecorded = (start_training(tracking, parent_id, described) for _ in range(2))
    for run_id in (recorded, unrecorded):
        finish_run(tracking, run_id)

    closed = close_abandoned(tracking, {recorded})

    assert closed == [parent_id, unrecorded]
    assert [status(tracking, run_id) for run_id in closed] == ["KILLED", "KILLED"]
    assert status(tracking, recorded) == "FINISHED"
    assert close_abandoned(tracking, set()) == []


def test_a_sweep_that_failed_is_resumed_in_the_same_run_without_its_failure(
    tracking: Tracking,
) -> None:
    first = resume_sweep(tracking, "a sweep", {}, "5f2c")
    fail_run(tracking, first, ValueError("no time"))

    again = resume_sweep(tracking, "a sweep", {}, "5f2c")

    run = tracking.client.get_run(again)
    assert (again, run.info.status) == (first, "RUNNING")
    assert "failure" not in run.data.tags


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_only_a_checkout_with_a_commit_has_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout, inside, empty = tmp_path / "a", tmp_path / "a" / "site-packages", tmp_path / "b"
    for folder in (checkout, inside, empty):
        folder.mkdir()
    git(empty, "init", "-q")
    git(checkout, "init", "-q")
    git(checkout, "commit", "-q", "--allow-empty", "-m", "Begin")

    commits = [git_commit(folder) for folder in (checkout, inside, empty)]

    assert commits == [git(checkout, "log", "-1", "--format=%H"), "", ""]
    monkeypatch.setenv("PATH", str(tmp_path))  # without git
    git_commit.cache_clear()
    assert git_commit(checkout) == ""
