"""Compare: validation chooses the best run, the test split is only reported."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from genre_core.errors import GenreflowError
from genre_core.networks.registry import HEAD
from genre_core.promotion import is_proven_better
from genre_core.records import Split
from storage.catalog.connection import open_catalog
from storage.catalog.promotions import Promotion, read_candidate_runs, read_last_promotion
from storage.catalog.runs import Run, read_predicted_splits, read_run, read_run_ids, read_runs
from storage.home import DataLayout
from tasks.comparison import Comparison, RunGroup, compare_groups, predictions_of
from tasks.orchestrator import create_table_artifact, task
from tasks.tracked import open_tracked
from tasks.train import Trial

if TYPE_CHECKING:
    from genre_core.figures.comparison import ComparedGroup
    from storage.catalog.connection import Catalog


@task
def close_killed_runs(layout: DataLayout) -> None:
    """Close in MLflow the runs that a killed process left open or did not record."""
    from storage.models.runs import close_abandoned
    from storage.models.store import open_tracking

    with open_catalog(layout) as catalog:
        known = read_run_ids(catalog)
    close_abandoned(open_tracking(layout), known)


@task
def open_comparison(layout: DataLayout, trials: Sequence[Trial]) -> str:
    """Open the parent run of a comparison in MLflow."""
    from storage.models.runs import create_run

    tracking = open_tracked(layout)
    networks = sorted({trial.network for trial in trials})
    lengths = sorted({trial.features.fragment_s for trial in trials})
    name = f"{', '.join(networks)} × {', '.join(f'{length:g} s' for length in lengths)}"
    tags = {"library_id": trials[0].snapshot.library_id}
    return create_run(tracking, name, "comparison", tags)


@task
def finished_runs(layout: DataLayout, trials: Sequence[Trial]) -> list[Run]:
    """Return the finished runs of these trials."""
    with open_catalog(layout) as catalog:
        return read_runs(catalog, [trial.trial_id for trial in trials])


@task
def compare_runs(layout: DataLayout, comparison_id: str, trials: Sequence[Trial]) -> None:
    """Compare the finished runs of trials, seeds averaged, in MLflow and as an artifact."""
    from genre_core.figures.comparison import draw_comparison
    from storage.models.runs import fail_run, finish_run, log_figure, log_json, log_scores
    from storage.models.store import open_tracking

    tracking = open_tracking(layout)
    with open_catalog(layout) as catalog:
        runs = read_runs(catalog, [trial.trial_id for trial in trials])
        predicted = read_predicted_splits(catalog, [run.run_id for run in runs])
    if not runs:
        failure = GenreflowError("No model could be trained; see the log.")
        fail_run(tracking, comparison_id, failure)
        raise failure
    comparison = compare_groups([run.as_row() for run in runs], predicted)
    figure = draw_comparison([drawn_group(group, runs) for group in comparison.groups])
    log_figure(tracking, comparison_id, figure, "comparison")
    log_json(tracking, comparison_id, comparison.as_document(), "comparison")
    chosen = {"best_validation_song_mean_macro_f1": best(runs).validation_macro_f1}
    log_scores(tracking, comparison_id, chosen)
    finish_run(tracking, comparison_id)
    create_table_artifact(key="comparison", table=_table(comparison))


def choose_winner(catalog: Catalog, library_id: str) -> tuple[Run | None, Promotion | None]:
    """Return the best candidate on a library, the champion among equals, and the champion.

    A `head` is preferred unless another network is significantly better on validation: where few
    songs choose, the best of several models is the luckiest. Without a candidate, as after a
    rollback, the champion itself is returned; None before the first run.
    """
    champion = read_last_promotion(catalog)
    runs = read_candidate_runs(catalog, library_id)
    if not runs:
        return read_run(catalog, champion.run_id) if champion else None, champion
    runs.sort(key=lambda run: not (champion and run.run_id == champion.run_id))
    top, heads = best(runs), [run for run in runs if run.network == HEAD]
    if not heads or top.network == HEAD:
        return top, champion
    head, n_candidates = best(heads), len(runs) - len(heads)
    sides = {
        one.run_id: predictions_of([one])
        for one in read_predicted_splits(catalog, [top.run_id, head.run_id])
        if one.split == Split.VALIDATION
    }
    is_better = {top.run_id, head.run_id} <= sides.keys() and is_proven_better(
        sides[top.run_id], sides[head.run_id], n_candidates, top.snapshot_id
    )
    return (top if is_better else head), champion


def best(runs: Sequence[Run]) -> Run:
    """Run with the highest validation macro F1; then accuracy, then the smaller one."""
    return max(runs, key=lambda r: (r.validation_macro_f1, r.validation_accuracy, -r.n_parameters))


def drawn_group(group: RunGroup, runs: Sequence[Run]) -> ComparedGroup:
    """Return what a figure shows of a group: its scores, and those of each seed."""
    from genre_core.figures.comparison import ComparedGroup

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
    """Rows of groups: scores with intervals, and the difference to the best."""
    differences = {c.name: c.sentence for c in comparison.differences}
    return [
        {
            "network": group.title,
            "seeds": len(group.runs),
            "parameters": group.runs[0].n_parameters,
            "validation macro F1": str(group.validation.macro_f1),
            "test macro F1": str(group.test.macro_f1),
            "test accuracy": str(group.test.accuracy),
            "against the best": differences.get(group.title, "the best on validation"),
        }
        for group in comparison.groups
    ]
