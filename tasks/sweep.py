"""Sweep: one parent for all cells, however often it is resumed, and a table of what they cost."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from prefect import task
from prefect.artifacts import create_table_artifact

from genre_core.figures.comparison import draw_comparison
from genre_core.figures.storage import SweptColumn, draw_storage
from storage.catalog.extraction import count_feature_bytes
from storage.catalog.runs import Run
from storage.layout import DataLayout
from tasks.select import as_compared, best
from tasks.train import Cell


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRow:
    """One network at one representation and length: its scores over seeds, and what it costs."""

    network: str
    representation: str
    fragment_s: float
    n_seeds: int
    validation_macro_f1: float
    test_macro_f1: float
    n_parameters: int
    seconds: float
    bytes_per_song: float


@task
def open_sweep(layout: DataLayout, cells: Sequence[Cell]) -> str:
    """Open the parent run of a sweep in MLflow, the same one for the same cells."""
    from storage.tracking.runs import close_abandoned, resume_comparison
    from storage.tracking.store import open_tracking

    tracking = open_tracking(layout)
    close_abandoned(tracking)
    sweep_id = hashlib.sha256("\n".join(sorted(c.cell_id for c in cells)).encode()).hexdigest()
    name = f"sweep of {len(cells)} trainings"
    tags = {"library_id": cells[0].snapshot.library_id}
    return resume_comparison(tracking, name, tags, sweep_id[:16])


@task
def report_sweep(layout: DataLayout, sweep_id: str, runs: Sequence[Run]) -> list[SweepRow]:
    """Draw and list what has been trained so far, in MLflow and as a table in Prefect."""
    from storage.tracking.runs import finish_run, log_figure, log_json, log_scores
    from storage.tracking.store import open_tracking

    tracking = open_tracking(layout)
    rows = tabulate(runs, count_feature_bytes(layout))
    for representation in dict.fromkeys(run.representation for run in runs):
        shown = [as_compared(run) for run in runs if run.representation == representation]
        log_figure(tracking, sweep_id, draw_comparison(shown), f"lengths_{representation}")
    log_figure(tracking, sweep_id, draw_storage([_column(row) for row in rows]), "storage")
    log_json(tracking, sweep_id, {"rows": [_as_document(row) for row in rows]}, "sweep")
    chosen = {"best_validation_song_mean_macro_f1": best(runs).validation_macro_f1}
    log_scores(tracking, sweep_id, chosen)
    finish_run(tracking, sweep_id)
    create_table_artifact(key="sweep", table=[_as_document(row) for row in rows])
    return rows
