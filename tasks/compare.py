"""Compare: validation chooses, the test split only reports."""

from collections.abc import Sequence

from prefect import task
from prefect.artifacts import create_table_artifact

from genre_core.errors import GenreflowError, UsageError
from genre_core.evaluation.predictions import predictions_by_name
from genre_core.figures.comparison import ComparedGroup, draw_comparison
from genre_core.networks.registry import HEAD
from genre_core.promotion import is_proven_better
from genre_core.records import Split
from storage.catalog.promotions import read_candidate_runs
from storage.catalog.runs import (
    Promotion,
    Run,
    read_last_promotion,
    read_predicted_splits,
    read_run,
    read_run_ids,
    read_runs,
)
from storage.home import DataLayout
from tasks.comparison import Comparison, RunGroup, compare_groups
from tasks.tracked import open_tracked
from tasks.train import Cell


@task
def close_killed_runs(layout: DataLayout) -> None:
    """Close in MLflow what a killed process left open, or finished without recording it."""
    from storage.models.runs import close_abandoned
    from storage.models.store import open_tracking

    close_abandoned(open_tracking(layout), read_run_ids(layout))


@task
def open_comparison(layout: DataLayout, cells: Sequence[Cell]) -> str:
    """Open the parent run of a comparison in MLflow."""
    from storage.models.runs import create_run

    tracking = open_tracked(layout)
    networks = sorted({cell.network for cell in cells})
    lengths = sorted({cell.features.fragment_s for cell in cells})
    name = f"{', '.join(networks)} × {', '.join(f'{length:g} s' for length in lengths)}"
    tags = {"library_id": cells[0].snapshot.library_id}
    return create_run(tracking, name, "comparison", tags)


@task
def finished_runs(layout: DataLayout, cells: Sequence[Cell]) -> list[Run]:
    """Give the runs of these cells, as many as have finished."""
    return read_runs(layout, [cell.cell_id for cell in cells])


@task
def compare_runs(layout: DataLayout, comparison_id: str, runs: Sequence[Run]) -> None:
    """Draw and list the runs side by side, seeds averaged, in MLflow and as a table in Prefect."""
    from storage.models.runs import fail_run, finish_run, log_figure, log_json, log_scores
    from storage.models.store import open_tracking

    tracking = open_tracking(layout)
    if not runs:
        failure = GenreflowError("No network could be trained; the log says why.")
        fail_run(tracking, comparison_id, failure)
        raise failure
    comparison = compare_groups(
        [run.as_row() for run in runs], read_predicted_splits(layout, [run.run_id for run in runs])
    )
    figure = draw_comparison([drawn_group(group, runs) for group in comparison.groups])
    log_figure(tracking, comparison_id, figure, "comparison")
    log_json(tracking, comparison_id, comparison.as_document(), "comparison")
    chosen = {"best_validation_song_mean_macro_f1": best(runs).validation_macro_f1}
    log_scores(tracking, comparison_id, chosen)
    finish_run(tracking, comparison_id)
    create_table_artifact(key="comparison", table=_table(comparison))


def choose_winner(layout: DataLayout) -> tuple[Run, Promotion | None]:
    """Choose the winner among the candidates; of equals, the champion stays.

    A `head` is chosen unless another network is better on validation with an interval above zero:
    where few songs choose, the best of several networks is the luckiest.

    Where a rollback has left no candidate, it is the one that reigns.
    """
    last = read_last_promotion(layout)
    runs = read_candidate_runs(layout)
    if not runs and last and (reigning := read_run(layout, last.run_id)):
        return reigning, last
    if not runs:
        raise UsageError("There is no finished run to promote. Run `genreflow train` first.")
    ordered = sorted(runs, key=lambda run: not (last and run.run_id == last.run_id))
    return _prefer_head(layout, ordered), last


def _prefer_head(layout: DataLayout, runs: Sequence[Run]) -> Run:
    """Return the best run, or the best `head` unless it proves worse."""
    top, heads = best(runs), [run for run in runs if run.network == HEAD]
    if not heads or top.network == HEAD:
        return top
    head = best(heads)
    return (
        top if _is_proven_better(layout, top, head, n_candidates=len(runs) - len(heads)) else head
    )


def _is_proven_better(layout: DataLayout, run: Run, head: Run, n_candidates: int) -> bool:
    """Whether a run is better than a head on validation songs, beyond chance."""
    said = {
        one.run_id: predictions_by_name(
            one.track_ids, one.group_ids, one.labels, [one.predicted], one.genres
        )
        for one in read_predicted_splits(layout, [run.run_id, head.run_id])
        if one.split == Split.VALIDATION
    }
    if not {run.run_id, head.run_id} <= said.keys():
        return False
    return is_proven_better(said[run.run_id], said[head.run_id], n_candidates, run.snapshot_id)


def best(runs: Sequence[Run]) -> Run:
    """Give the run with the highest validation macro F1; then accuracy, then the smaller one."""
    return max(runs, key=lambda r: (r.validation_macro_f1, r.validation_accuracy, -r.n_parameters))


def drawn_group(group: RunGroup, runs: Sequence[Run]) -> ComparedGroup:
    """Give what a figure shows of a group: its scores, and those of each seed."""
    run_ids = {run.run_id for run in group.runs}
    members = [run for run in runs if run.run_id in run_ids]
    return ComparedGroup(
        name=group.name,
        fragment_s=group.fragment_s,
        validation=group.validation.macro_f1,
        test=group.test.macro_f1,
        validation_by_seed=tuple(run.validation_macro_f1 for run in members),
        test_by_seed=tuple(run.test_macro_f1 for run in members),
    )


def _table(comparison: Comparison) -> list[dict[str, object]]:
    """Give a row a group: scores with intervals, and how it stands to the best."""
    standings = {c.name: c.sentence for c in comparison.challenges}
    return [
        {
            "network": group.title,
            "seeds": len(group.runs),
            "parameters": group.runs[0].n_parameters,
            "validation macro F1": str(group.validation.macro_f1),
            "test macro F1": str(group.test.macro_f1),
            "test accuracy": str(group.test.accuracy),
            "against the best": standings.get(group.title, "the best on validation"),
        }
        for group in comparison.groups
    ]
