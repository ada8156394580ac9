"""Flow kernels: how many a network needs, how alike they are, and which can go."""

from dataclasses import dataclass, replace
from itertools import product

from prefect import flow

from flows.settings import Settings, read_settings
from flows.train import train_cell
from genre_core.errors import UsageError
from genre_core.networks.registry import KERNEL_COUNTS
from storage.catalog.runs import Run
from storage.home import DataLayout
from storage.lock import hold_home
from tasks.compare import close_killed_runs, finished_runs
from tasks.publish import publish_store
from tasks.studies.kernels import (
    close_study,
    compare_kernels,
    draw_counts,
    open_study,
    read_base,
    require_studied,
    show_kernels,
)
from tasks.studies.pruning import prune_runs
from tasks.studies.record import Study, failing_study
from tasks.train import Cell, select_cells


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelPlan:
    """What the study trains and prunes.

    Attributes
    ----------
    networks : tuple of str
        Names of ``KERNEL_COUNTS``, from few kernels to many.
    seeds : tuple of int
    epochs : int
        Each training lasts so many, without the stop rule, so that curves can be compared.
    pruned : str
        The network whose kernels are removed, shown and drawn.
    n_orders : int
        Random orders of removal to compare with, for each seed and convolution.
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
"""A plan that shows in minutes what the study gives; its numbers mean little."""


@flow
def kernels(config: Settings | None = None, plan: KernelPlan | None = None) -> Study:
    """Train what is missing, compare, prune, show; on the line's own snapshot used last.

    Without a ``config`` the settings are read where the flow runs.
    """
    config, plan = config or read_settings(), plan or KernelPlan()
    layout = config.layout
    with hold_home(layout):
        base = read_base(layout, config.spectrogram_features)
        cells = plan_cells(config, plan, base)
        require_studied(cells)
        close_killed_runs(layout)
        study = open_study(layout, cells)
        with failing_study(layout, study):
            for cell in select_cells(layout, cells):
                train_cell(layout, cell, study.run_id)
            _draw_study(layout, study, plan, finished_runs(layout, cells), base)
        close_study(layout, study)
        publish_store(layout)
    return study


def _draw_study(
    layout: DataLayout, study: Study, plan: KernelPlan, runs: list[Run], base: Cell
) -> None:
    """Compare what has been trained, prune the network of the plan, and show it."""
    pruned = [run for run in runs if run.network == plan.pruned]
    draw_counts(layout, study, runs)
    compare_kernels(layout, study, runs)
    prune_runs(layout, study, pruned, base, plan.n_orders)
    show_kernels(layout, study, pruned, base)


def plan_cells(config: Settings, plan: KernelPlan, base: Cell) -> list[Cell]:
    """Give one training a network and seed; those that stop early by rule would end unevenly."""
    training = replace(config.training, max_epochs=plan.epochs, patience_epochs=plan.epochs)
    return [
        replace(base, network=network, seed=seed, training=training)
        for network, seed in product(plan.networks, plan.seeds)
    ]
