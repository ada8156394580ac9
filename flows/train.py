"""Flow train: split, train every cell that has no run yet, evaluate, compare, audit, promote."""

from dataclasses import dataclass
from itertools import product

from prefect import flow, get_run_logger

from flows.audit import audit_snapshot
from flows.line import LineConfig
from flows.settings import read_line_config
from flows.who import who_asks
from genre_core.errors import GenreflowError
from storage.catalog.audits import Audit
from storage.catalog.runs import Promotion, Run
from storage.catalog.snapshots import Snapshot
from storage.layout import DataLayout
from storage.lock import hold_home
from tasks.evaluate import evaluate_network, record_evaluated
from tasks.export import export_champion
from tasks.promote import promote_best
from tasks.publish import publish_store
from tasks.select import (
    close_killed_runs,
    compare_runs,
    finished_runs,
    open_comparison,
)
from tasks.splits import assign_splits
from tasks.train import Cell, select_cells, train_network


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainReport:
    """The runs that were asked for, those trained now, the audit, and who was promoted."""

    runs: tuple[Run, ...]
    n_trained: int
    n_failed: int
    promotion: Promotion | None
    audit: Audit


@flow
def train(config: LineConfig | None = None) -> TrainReport:
    """Split, train, evaluate, compare, audit, promote.

    Without a ``config`` the settings are read where the flow runs.
    """
    config = config or read_line_config()
    layout = config.layout
    with hold_home(layout):
        snapshots = assign_splits(
            layout, config.features, config.genres, config.split_seed, config.golden
        )
        publish_store(layout)
        close_killed_runs(layout)
        cells = plan_cells(config, snapshots)
        missing = select_cells(layout, cells)
        if missing:
            comparison_id = open_comparison(layout, missing)
            for cell in missing:
                train_cell(layout, cell, comparison_id)
            compare_runs(layout, comparison_id, finished_runs(layout, cells))
        audited = audit_snapshot(layout, config.audit)
        promotion = promote_best(layout, config.promotion, who_asks())
        export_champion(layout)
        publish_store(layout)
    runs = finished_runs(layout, cells)
    return TrainReport(
        runs=tuple(runs),
        n_trained=len(runs) - (len(cells) - len(missing)),
        n_failed=len(cells) - len(runs),
        promotion=promotion,
        audit=audited,
    )


def train_cell(layout: DataLayout, cell: Cell, comparison_id: str) -> None:
    """Train, evaluate and record one cell; one that cannot be trained leaves the others be."""
    try:
        trained = train_network(layout, cell, comparison_id)
        record_evaluated(layout, evaluate_network(layout, trained))
    except GenreflowError as error:
        get_run_logger().error("%s was left out: %s", cell.name, error)


def plan_cells(config: LineConfig, snapshots: list[Snapshot]) -> list[Cell]:
    """Give one cell for each combination of length, network and seed."""
    return [
        Cell(
            network=network,
            seed=seed,
            snapshot=snapshot,
            features=features,
            training=config.training,
        )
        for (features, snapshot), network, seed in product(
            zip(config.features, snapshots, strict=True), config.networks, config.seeds
        )
    ]
