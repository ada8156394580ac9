"""Flow sweep: networks × representations × fragment lengths × seeds, as far as time allows."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from flows.extract import make_examples
from flows.settings import Settings, read_settings
from flows.train import plan_trials, train_trial
from genre_core.studies.sweep import order_trials
from storage.home import DataLayout
from storage.lock import hold_home
from tasks.compare import close_killed_runs, finished_runs
from tasks.orchestrator import flow
from tasks.publish import publish_store
from tasks.splits import assign_splits, usable_features
from tasks.studies.sweep import SweepRow, open_sweep, report_sweep
from tasks.train import Trial, select_trials


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepReport:
    """The numbers of trials, and how the networks compare.

    ``n_trained`` and ``n_failed`` count those of this time, ``n_finished`` those of any time.
    """

    n_trials: int
    n_trained: int
    n_failed: int
    n_finished: int
    rows: tuple[SweepRow, ...]


@flow
def sweep(config: Settings | None = None, budget_s: float = float("inf")) -> SweepReport:
    """Extract → split → train what is missing, until the time is up → report.

    The time counts from the first training on, after fragments and spectrograms are made. A
    training that is under way when it is up is finished. The champion stays as it is.
    """
    config = (config or read_settings()).of_thesis
    layout = config.layout
    with hold_home(layout):
        make_examples(config)
        features = usable_features(layout, config.features, config.genres)
        snapshots = assign_splits(layout, features, config.genres, config.split_seed, config.golden)
        trials = order_trials(plan_trials(config, features, snapshots))
        missing = select_trials(layout, trials)
        close_killed_runs(layout)
        run_id = open_sweep(layout, trials)
        n_tried = _train_in_time(layout, missing, run_id, time.monotonic() + budget_s)
        runs = finished_runs(layout, trials)
        rows = report_sweep(layout, run_id, runs, n_tried)
        publish_store(layout)
    n_trained = len(runs) - (len(trials) - len(missing))
    return SweepReport(
        n_trials=len(trials),
        n_trained=n_trained,
        n_failed=n_tried - n_trained,
        n_finished=len(runs),
        rows=tuple(rows),
    )


def _train_in_time(layout: DataLayout, trials: Sequence[Trial], run_id: str, end_s: float) -> int:
    """Train trial after trial, none after the end on the monotonic clock; return how many."""
    for n_tried, trial in enumerate(trials):
        if time.monotonic() > end_s:
            return n_tried
        train_trial(layout, trial, run_id)
    return len(trials)
