"""Train: trials that fail leave the others be."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from threading import Event, Thread

import psutil
import pytest

from flows.settings import Settings
from genre_core.errors import GenreflowError, TransientError
from genre_core.training.rules import TrainingConfig

pytestmark = [pytest.mark.flow, pytest.mark.keras]

DIVERGING = TrainingConfig(max_epochs=2, learning_rate=1e38)


@contextmanager
def watch_workers(*, kill_first: bool = False) -> Iterator[set[int]]:
    """Yield the ids of the worker processes that are seen, of which the first may be killed."""
    seen, is_over = set[int](), Event()

    def watch() -> None:
        while not is_over.wait(0.05):
            for child in psutil.Process().children():
                with suppress(psutil.Error):  # it has ended
                    if any("spawn_main" in part for part in child.cmdline()):
                        if kill_first and not seen:
                            child.kill()
                        seen.add(child.pid)

    watcher = Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        is_over.set()
        watcher.join()


def test_trainings_that_fail_are_recorded_and_the_others_are_trained(
    finished_copy: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One diverges, one fails by an error that nobody foresaw, and the last is trained."""
    import tasks.train
    from flows.train import plan_trials, train_trial
    from storage.models.store import open_tracking
    from tasks.compare import finished_runs, open_comparison
    from tasks.orchestrator import flow
    from tasks.splits import assign_splits

    layout = finished_copy.layout
    config = replace(finished_copy, networks=("dense",), seeds=(7, 8), fragment_lengths_s=(1.0,))
    read = tasks.train.find_examples

    def read_examples(*arguments: object) -> object:
        if next(calls) == 2:  # the first of the second training
            raise IndexError("nobody foresaw this")
        return read(*arguments)

    calls = iter(range(100))
    monkeypatch.setattr(tasks.train, "find_examples", read_examples)

    @flow
    def train_all() -> str:
        snapshots = assign_splits(layout, config.features, (), 0)
        diverging = replace(config, training=DIVERGING, seeds=(7,))
        trials = [
            *plan_trials(diverging, config.features, snapshots),
            *plan_trials(config, config.features, snapshots),
        ]
        comparison_id = open_comparison(layout, trials)
        fails_always = [train_trial(layout, trial, comparison_id) for trial in trials]
        assert fails_always == [True, True, False]
        assert [run.trial_id for run in finished_runs(layout, trials)] == [trials[2].trial_id]
        return comparison_id

    comparison_id = train_all()

    tracking = open_tracking(layout)
    runs = tracking.client.search_runs(
        [tracking.experiment_id],
        f"tags.mlflow.parentRunId = '{comparison_id}'",
        order_by=["attributes.start_time"],
    )
    assert [run.info.status for run in runs] == ["FAILED", "FAILED", "FINISHED"]
    assert runs[0].data.tags["failure"].startswith("TrainingDiverged: network dense")
    assert runs[0].data.tags["examples_digest"] == runs[2].data.tags["examples_digest"]
    for name in ("keras", "numpy", "precision", "device", "threads", "onednn"):
        assert runs[0].data.params[name] == runs[2].data.params[name] != ""
    assert runs[1].data.tags["failure"] == "IndexError: nobody foresaw this"


def test_trainings_that_fail_by_a_passing_trouble_are_due_again(
    finished_copy: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tasks.train
    from flows.train import train

    read = tasks.train.find_examples
    troubles: list[Exception] = [TransientError("the store is away"), OSError("no space left")]

    def read_examples(*arguments: object) -> object:
        if troubles:  # the first reading of a training, which then ends
            raise troubles.pop()
        return read(*arguments)

    monkeypatch.setattr(tasks.train, "find_examples", read_examples)
    config = replace(finished_copy, networks=("dense",), seeds=(7, 8, 9), fragment_lengths_s=(1.0,))

    report = train(config)

    assert (report.n_trained, report.n_failed, report.failed_trials) == (1, 2, ())


def test_a_comparison_in_which_nothing_could_be_trained_fails_and_is_closed(
    finished_copy: Settings,
) -> None:
    from flows.train import train
    from storage.models.store import open_tracking

    config = replace(
        finished_copy, networks=("dense",), fragment_lengths_s=(1.0,), training=DIVERGING
    )

    with pytest.raises(GenreflowError, match="No model could be trained"):
        train(config)

    tracking = open_tracking(config.layout)
    running = tracking.client.search_runs([tracking.experiment_id], "status = 'RUNNING'")
    assert running == []


def test_a_training_whose_process_is_killed_is_due_again_and_the_other_is_trained(
    finished_copy: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tasks.train
    from flows.train import plan_trials, train_trials
    from storage.models.store import open_tracking
    from tasks.compare import finished_runs, open_comparison
    from tasks.orchestrator import flow
    from tasks.splits import assign_splits

    layout = finished_copy.layout
    config = replace(finished_copy, networks=("dense",), seeds=(7, 8), fragment_lengths_s=(1.0,))
    monkeypatch.setattr(tasks.train, "START_UP", 0)
    monkeypatch.setattr(tasks.train, "count_workers", lambda _: 2)

    @flow
    def train_all() -> int:
        snapshots = assign_splits(layout, config.features, (), 0)
        trials = plan_trials(config, config.features, snapshots)
        comparison_id = open_comparison(layout, trials)
        with watch_workers(kill_first=True) as workers:
            tried, failed = train_trials(layout, trials, comparison_id, float("inf"))
        assert (len(workers), len(tried), failed) == (2, 2, [])
        return len(finished_runs(layout, trials))

    assert train_all() == 1
    tracking = open_tracking(layout)
    [failed] = tracking.client.search_runs([tracking.experiment_id], "status = 'FAILED'")
    assert failed.data.tags["failure"].startswith("WorkerDied: Its process was killed")
