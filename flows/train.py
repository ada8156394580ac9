"""Flow train: split, train every trial without a run, evaluate, compare, audit, promote, map."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from threading import Lock

from flows.environment import choose_device
from flows.settings import Settings, read_settings
from genre_core.errors import GenreflowError, TransientError
from genre_core.networks.registry import reads
from genre_core.records import counted
from genre_core.representations.features import FeatureConfig
from storage.catalog.audits import Audit
from storage.catalog.promotions import Promotion
from storage.catalog.runs import Run
from storage.catalog.snapshots import Snapshot
from storage.home import DataLayout
from storage.lock import hold_home
from storage.telemetry import follow_job
from tasks.audit import audit_snapshot
from tasks.compare import close_killed_runs, compare_runs, finished_runs, open_comparison
from tasks.evaluate import evaluate_network
from tasks.nightly import read_trigger
from tasks.orchestrator import flow, get_run_logger
from tasks.predict_unlabelled import predict_unlabelled
from tasks.promote import export_champion, promote_best
from tasks.publish import publish_store
from tasks.song_map import draw_map
from tasks.splits import assign_splits, usable_features
from tasks.suspects import list_suspects
from tasks.train import Trial, count_trainings, select_trials, train_model
from tasks.workers import open_workers, side_by_side


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainReport:
    """The runs of the settings, those trained now, the audit, and the promotion.

    ``n_left`` counts the trainings that no time was left for; ``failed_trials`` are those that fail
    whenever they are repeated.
    """

    runs: tuple[Run, ...]
    n_trained: int
    n_failed: int
    promotion: Promotion | None
    audit: Audit
    snapshot: Snapshot
    n_left: int = 0
    failed_trials: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """What the training did, for people."""
        failed = f", {self.n_failed} failed" if self.n_failed else ""
        left = f"; left to the next night: {self.n_left}" if self.n_left else ""
        champion = "the champion stays"
        if self.promotion:
            champion = f"version {self.promotion.version} is the new champion"
        audit = f"audit: {self.audit.verdict}"
        return f"New: {counted(self.n_trained, 'training')}{failed}{left}; {audit}; {champion}."


@flow
def train(config: Settings | None = None, budget_s: float = float("inf")) -> TrainReport:
    """Split, find suspects, train, evaluate, compare, audit, promote, draw the map.

    A training that is under way when the time is up is finished, and at least one is begun.
    Without a ``config`` the settings are read where the flow runs.
    """
    end_s = time.monotonic() + budget_s
    config = config or read_settings()
    choose_device(config.device)
    layout = config.layout
    tried: Sequence[Trial] = ()
    failed: Sequence[str] = ()
    with follow_job("train"), hold_home(layout):
        features = usable_features(layout, config.features, config.genres)
        snapshots = assign_splits(
            layout, features, config.genres, config.split_seed, config.golden, for_train=True
        )
        list_suspects(layout, features, snapshots, config.tag_prior)
        publish_store(layout)
        close_killed_runs(layout)
        trials = plan_trials(config, features, snapshots)
        missing = select_trials(layout, trials)
        with open_workers(count_trainings(layout, missing)):
            if missing:
                comparison_id = open_comparison(layout, missing)
                tried, failed = train_trials(layout, missing, comparison_id, end_s)
                compare_runs(layout, comparison_id, trials)
            audited = audit_snapshot(layout, snapshots[0], config.audit, config.tag_prior)
        promotion = promote_best(
            layout, snapshots[0], config.promotion, read_trigger().triggered_by
        )
        export_champion(layout)
        predict_unlabelled(layout)
        draw_map(layout, features)
        publish_store(layout)
    runs = finished_runs(layout, trials)
    n_trained = len({trial.trial_id for trial in tried} & {run.trial_id for run in runs})
    return TrainReport(
        runs=tuple(runs),
        n_trained=n_trained,
        n_failed=len(tried) - n_trained,
        promotion=promotion,
        audit=audited,
        snapshot=snapshots[0],
        n_left=len(missing) - len(tried),
        failed_trials=tuple(failed),
    )


def train_trials(
    layout: DataLayout, trials: Sequence[Trial], parent_id: str, end_s: float, n_least: int = 1
) -> tuple[list[Trial], list[str]]:
    """Train trials, some side by side; return those that were begun, and the ids of `train_trial`.

    None begins after the end on the monotonic clock, but ``n_least`` that do in any case.
    """
    tried: list[Trial] = []
    failed: list[str] = []
    lock = Lock()

    def train_next(trial: Trial) -> None:
        with lock:
            if len(tried) >= n_least and time.monotonic() > end_s:
                return
            tried.append(trial)
        if train_trial(layout, trial, parent_id):
            failed.append(trial.trial_id)

    with open_workers(count_trainings(layout, trials)):
        side_by_side(train_next, trials)
    return tried, failed


def train_trial(layout: DataLayout, trial: Trial, comparison_id: str) -> bool:
    """Train, evaluate and record one trial; return whether it failed and always will.

    Its error is recorded, and ends no other training.
    """
    try:
        evaluate_network(layout, train_model(layout, trial, comparison_id))
        return False
    except GenreflowError as error:
        get_run_logger().error("%s was left out: %s", trial.name, error)
        return not isinstance(error, TransientError)
    except Exception as error:  # of a library, or of ours
        get_run_logger().exception("%s was left out", trial.name)
        return not isinstance(error, OSError)


def plan_trials(
    config: Settings, features: Sequence[FeatureConfig], snapshots: Sequence[Snapshot]
) -> list[Trial]:
    """Return one trial for each combination of features, network and seed that fits."""
    return [
        Trial(
            network=network,
            seed=seed,
            snapshot=snapshot,
            features=one,
            training=config.training,
            tag_prior=config.tag_prior,
            embedder=config.embedder(one),
            prediction=config.prediction,
        )
        for (one, snapshot), network, seed in product(
            zip(features, snapshots, strict=True), config.networks, config.seeds
        )
        if reads(network, is_embedding=one.embedding is not None)
    ]
