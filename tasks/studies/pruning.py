"""Prune: kernels removed one by one, and the smaller network, logged like any other."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace

import numpy as np
from prefect import task

from genre_core.errors import GenreflowError
from genre_core.figures.kernels import draw_pruning
from genre_core.records import Split
from genre_core.studies.kernels.counts import PruningCourse
from storage.catalog.runs import Run
from storage.home import DataLayout
from tasks.progress import show_progress
from tasks.splits import split_examples
from tasks.studies.record import Network, Study, keep_figure, keep_numbers, load_model, open_store
from tasks.train import Cell, run_cell


@task
def prune_runs(
    layout: DataLayout, study: Study, runs: Sequence[Run], base: Cell, n_orders: int
) -> None:
    """Draw what each removal costs, and keep of each run a network without needless kernels."""
    if not runs:
        raise GenreflowError("The network to be pruned could not be trained; the log says why.")
    courses, rows = [], []
    with show_progress("prune", len(runs), "networks") as advance:
        for run in runs:
            model = load_model(layout, run.model_uri)
            courses.append(_courses(layout, model, base, n_orders, run.seed))
            rows.append(_keep_pruned(layout, study, run, model, base))
            advance(1)
    title = f"{runs[0].network}: kernels removed one by one, {len(runs)} seeds, 95 % interval"
    chance = 1 / len(base.snapshot.genres)
    layers = list(zip(*courses, strict=True))
    keep_figure(layout, study, draw_pruning(layers, chance, title), "pruning")
    removals = [[_course_row(course) for course in of_run] for of_run in courses]
    document = {"network": runs[0].network, "pruned": rows, "courses": removals}
    keep_numbers(layout, study, document, "pruning")


def _courses(
    layout: DataLayout, model: Network, base: Cell, n_orders: int, seed: int
) -> list[PruningCourse]:
    from genre_core.studies.kernels.pruning import convolutions, prune_layer

    validation = split_examples(layout, base.snapshot, Split.VALIDATION)
    rng = np.random.default_rng(seed)
    try:
        return [prune_layer(model, name, validation, n_orders, rng) for name in convolutions(model)]
    except ValueError as error:
        raise GenreflowError(str(error)) from error


def _keep_pruned(
    layout: DataLayout, study: Study, run: Run, model: Network, base: Cell
) -> dict[str, object]:
    """Prune a network on validation, log it below the study, and say what it costs."""
    from genre_core.studies.kernels.pruning import fragment_accuracy, prune_network

    validation = split_examples(layout, base.snapshot, Split.VALIDATION)
    test = split_examples(layout, base.snapshot, Split.TEST)
    pruned = prune_network(model, validation)
    scores = {
        f"{split}_fragment_accuracy{state}": fragment_accuracy(network, examples)
        for split, examples in (("validation", validation), ("test", test))
        for state, network in (("_whole", model), ("", pruned.model))
    }
    cell = replace(base, network=f"{run.network}_pruned", seed=run.seed)
    model_uri = _log_pruned(layout, study, cell, pruned.model, scores)
    return {
        "seed": run.seed,
        "run_id": run.run_id,
        "model_uri": model_uri,
        "kernels": [len(kept) for kept in pruned.kept],
        "of": list(pruned.n_whole),
        "kept": [list(kept) for kept in pruned.kept],
        "n_parameters": pruned.model.count_params(),
        "n_parameters_whole": run.n_parameters,
        **scores,
    }


def _log_pruned(
    layout: DataLayout, study: Study, cell: Cell, model: Network, scores: Mapping[str, float]
) -> str:
    """Log a pruned network as a run of its own, with what classifying needs; give its address."""
    from storage.models.logged import log_model
    from storage.models.runs import failing_run, finish_run, log_scores, start_training

    tracking = open_store(layout)
    run_id = start_training(tracking, study.run_id, run_cell(layout, cell))
    with failing_run(tracking, run_id):
        model_uri = log_model(tracking, run_id, model, cell.document)
        log_scores(tracking, run_id, scores)
        finish_run(tracking, run_id)
    return model_uri


def _course_row(course: PruningCourse) -> dict[str, object]:
    return {
        "n_kept": list(course.n_kept),
        "similar": course.similar.tolist(),
        "random_folded": course.random.mean(axis=0).tolist(),
        "random_removed": course.dropped.mean(axis=0).tolist(),
        "removed": [asdict(removal) for removal in course.removed],
    }
