"""Flow kernels: how many a network needs, how similar they are, and which can go."""

from dataclasses import dataclass, replace
from itertools import product

from flows.settings import Settings, read_settings
from flows.train import train_trial
from genre_core.errors import UsageError
from genre_core.networks.registry import KERNEL_COUNTS
from storage.lock import hold_home
from tasks.compare import close_killed_runs, finished_runs
from tasks.orchestrator import flow
from tasks.publish import publish_store
from tasks.studies.kernels import (
    compare_kernels,
    draw_counts,
    open_study,
    prune_runs,
    read_base,
    require_studied,
    show_kernels,
)
from tasks.studies.record import Study
from tasks.train import Trial, select_trials


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelPlan:
    """What the study trains, from few kernels to many, and what it prunes.

    Each training lasts all epochs, without the stop rule, so that curves can be compared; pruning
    is compared with ``n_orders`` random orders for each seed and convolution.
    """

    networks: tuple[str, ...] = tuple(KERNEL_COUNTS)
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    epochs: int = 100
    pruned: str = "cnn_32_64"
    n_orders: int = 10

    def __post_init__(self) -> None:
        if self.pruned not in self.networks:
            raise UsageError(f"{self.pruned} is to be pruned; it must be one of the networks.")
        if not self.seeds or min(self.seeds) < 0 or self.epochs < 1 or self.n_orders < 1:
            raise UsageError("Name a seed of 0 or more, and at least one epoch and one order.")


QUICK = KernelPlan(
    networks=("cnn_4_8", "cnn_16_32"), seeds=(0, 1), epochs=15, pruned="cnn_16_32", n_orders=3
)
"""A plan that shows in minutes what the study makes; its numbers mean little."""


@flow
def kernels(config: Settings | None = None, plan: KernelPlan | None = None) -> Study:
    """Train what is missing on the latest snapshot, compare, prune, draw."""
    config, plan = config or read_settings(), plan or KernelPlan()
    layout = config.layout
    with hold_home(layout):
        base = read_base(layout, config.snapshot_choice())
        trials = plan_trials(config, plan, base)
        require_studied(trials)
        close_killed_runs(layout)
        study = open_study(layout, trials)
        with study.failing():
            for trial in select_trials(layout, trials):
                train_trial(layout, trial, study.run_id)
            runs = finished_runs(layout, trials)
            pruned = [run for run in runs if run.network == plan.pruned]
            draw_counts(study, runs)
            compare_kernels(study, runs)
            prune_runs(study, pruned, base, plan.n_orders)
            show_kernels(study, pruned, base)
        study.finish()
        publish_store(layout)
    return study


def plan_trials(config: Settings, plan: KernelPlan, base: Trial) -> list[Trial]:
    """Return a trial a network and seed, of equally many epochs each."""
    training = replace(config.training, max_epochs=plan.epochs, patience_epochs=plan.epochs)
    return [
        replace(base, network=network, seed=seed, training=training)
        for network, seed in product(plan.networks, plan.seeds)
    ]
