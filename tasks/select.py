"""Compare and promote: validation chooses, the test split only reports."""

from collections.abc import Sequence

from prefect import get_run_logger, task
from prefect.artifacts import create_table_artifact

from genre_core.errors import GenreflowError, UsageError
from genre_core.figures.comparison import ComparedRun, draw_comparison
from storage.catalog.runs import (
    Promotion,
    Run,
    read_run,
    read_runs,
    read_runs_of_newest_library,
    record_promotion,
)
from storage.layout import DataLayout
from tasks.train import Cell


@task
def open_comparison(layout: DataLayout, cells: Sequence[Cell]) -> str:
    """Open the parent run of a comparison in MLflow; close what a killed process left open."""
    from storage.tracking.runs import close_abandoned, start_comparison
    from storage.tracking.store import open_tracking

    tracking = open_tracking(layout)
    close_abandoned(tracking)
    networks = sorted({cell.network for cell in cells})
    lengths = sorted({cell.features.fragment_s for cell in cells})
    name = f"{', '.join(networks)} × {', '.join(f'{length:g} s' for length in lengths)}"
    return start_comparison(tracking, name, {"library_id": cells[0].snapshot.library_id})


@task
def finished_runs(layout: DataLayout, cells: Sequence[Cell]) -> list[Run]:
    """Give the runs of these cells, as many as have finished."""
    return read_runs(layout, [cell.cell_id for cell in cells])


@task
def compare_runs(layout: DataLayout, comparison_id: str, runs: Sequence[Run]) -> None:
    """Draw and list the runs side by side, in MLflow and as a table in Prefect."""
    from storage.tracking.runs import fail_run, finish_run, log_figure, log_scores
    from storage.tracking.store import open_tracking

    tracking = open_tracking(layout)
    if not runs:
        failure = GenreflowError("No network could be trained; the log says why.")
        fail_run(tracking, comparison_id, failure)
        raise failure
    compared = [
        ComparedRun(
            network=run.network,
            fragment_s=run.fragment_s,
            seed=run.seed,
            validation_macro_f1=run.validation_macro_f1,
            test_macro_f1=run.test_macro_f1,
        )
        for run in runs
    ]
    log_figure(tracking, comparison_id, draw_comparison(compared), "comparison")
    chosen = {"best_validation_song_mean_macro_f1": best(runs).validation_macro_f1}
    log_scores(tracking, comparison_id, chosen)
    finish_run(tracking, comparison_id)
    create_table_artifact(key="comparison", table=[_table_row(run) for run in runs])


@task
def promote_best(layout: DataLayout) -> Promotion | None:
    """Make the best run on the newest library the champion; give none if it stays.

    Best is the highest macro F1 by song on validation; the test split is never looked at.
    """
    from storage.tracking.registry import champion, register_run, set_champion
    from storage.tracking.store import open_tracking

    runs = read_runs_of_newest_library(layout)
    if not runs:
        raise UsageError("There is no finished run to promote. Run `genreflow train` first.")
    tracking = open_tracking(layout)
    reigning = champion(tracking)
    challenger = best(runs)
    previous = read_run(layout, reigning.run_id) if reigning else None
    if previous in runs and best([previous, challenger]) == previous:
        get_run_logger().info("the champion stays: %s", previous.run_id)
        return None
    tags = {"snapshot_id": challenger.snapshot_id}
    version = register_run(tracking, challenger.run_id, challenger.model_uri, tags)
    set_champion(tracking, version)
    promotion = Promotion(
        version=version,
        run_id=challenger.run_id,
        previous_version=reigning.version if reigning else None,
        previous_run_id=reigning.run_id if reigning else None,
        snapshot_id=challenger.snapshot_id,
        validation_macro_f1=challenger.validation_macro_f1,
        previous_validation_macro_f1=previous.validation_macro_f1 if previous else None,
        reason=_reason(challenger, previous, runs),
    )
    record_promotion(layout, promotion)
    return promotion


def best(runs: Sequence[Run]) -> Run:
    """Give the run with the highest validation macro F1; then accuracy, then the smaller one."""
    return max(runs, key=lambda r: (r.validation_macro_f1, r.validation_accuracy, -r.n_parameters))


def _reason(challenger: Run, previous: Run | None, runs: Sequence[Run]) -> str:
    sentence = (
        f"{challenger.network} at {challenger.fragment_s:g} s has the best validation macro F1 "
        f"by song of {len(runs)} runs: {challenger.validation_macro_f1:.3f}"
    )
    if previous is None:
        return f"{sentence}; there was no champion."
    if previous.snapshot_id != challenger.snapshot_id and previous not in runs:
        return f"{sentence}; the champion before it knew an older library."
    return f"{sentence}, before {previous.validation_macro_f1:.3f} of {previous.network}."


def _table_row(run: Run) -> dict[str, object]:
    return {
        "network": run.network,
        "fragment_s": run.fragment_s,
        "seed": run.seed,
        "parameters": run.n_parameters,
        "epochs": run.epochs,
        "validation macro F1": round(run.validation_macro_f1, 3),
        "test macro F1": round(run.test_macro_f1, 3),
        "test accuracy": round(run.test_accuracy, 3),
        "seconds": round(run.seconds, 1),
    }
