"""Kernels: accuracy by their number, their similarity, their pruning, their top activations."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import combinations_with_replacement
from typing import Any

import numpy as np

from genre_core.errors import GenreflowError, UsageError
from genre_core.examples import Examples
from genre_core.figures import kernels as figures
from genre_core.figures.architecture import draw_architecture
from genre_core.figures.signal import draw_matrix, scales_of
from genre_core.networks.layers import Network, layer_boxes
from genre_core.networks.registry import KERNEL_COUNTS, build_network
from genre_core.records import SnapshotChoice, Split
from genre_core.studies.kernels import counts, similarity
from genre_core.studies.kernels.counts import CountHistory
from genre_core.studies.kernels.similarity import Kernels, PruningCurve
from genre_core.training.rules import TrainingConfig
from storage.catalog.connection import open_catalog
from storage.catalog.runs import Run
from storage.catalog.snapshots import (
    choose_snapshot,
    count_split_examples,
    read_features,
)
from storage.home import DataLayout
from tasks.keras_import import import_training
from tasks.orchestrator import task
from tasks.progress import show_progress
from tasks.splits import split_examples
from tasks.studies.record import Study, create_study
from tasks.tracked import load_model, open_tracked
from tasks.train import Trial, describe_trial

FOLDER = "kernels"
N_PATCHES = 4


@task
def read_base(layout: DataLayout, choice: SnapshotChoice) -> Trial:
    """Return a trial on the snapshot of spectrograms that is chosen."""
    with open_catalog(layout) as catalog:
        snapshot = choose_snapshot(catalog, choice, is_embedding=False)
        if snapshot is None:
            raise UsageError(
                f"There is no snapshot of spectrograms in {layout.home} yet. Run `genreflow train` "
                "first, or name the right place with --home."
            )
        features = read_features(catalog, snapshot.feature_key)
    return Trial(
        network="cnn", seed=0, snapshot=snapshot, features=features, training=TrainingConfig()
    )


@task
def require_studied(trials: Sequence[Trial]) -> None:
    """Refuse, before anything is trained, matrices on which networks differ in more than kernels.

    UsageError names the first of these networks.
    """
    for network, trial in {trial.network: trial for trial in trials}.items():
        if objection := _objection(network, trial):
            features = trial.features
            raise UsageError(
                f"Kernels cannot be studied on {features.representation} of "
                f"{features.fragment_s:g} s: {objection} In genreflow.toml, set `representations` "
                "to thesis and `fragment_lengths_s` to 1 to 3 s, and train on them first."
            )


def _objection(network: str, trial: Trial) -> str:
    """Return why a network cannot be studied; empty if it can."""
    import_training()
    from genre_core.studies.kernels.pruning import is_prunable

    try:
        model = build_network(network, trial.features.shape, len(trial.snapshot.genres))
    except ValueError as error:
        return str(error)
    if is_prunable(model):
        return ""
    return f"there {network} pools what it flattens on smaller matrices, and cannot be pruned."


@task
def open_study(layout: DataLayout, trials: Sequence[Trial]) -> Study:
    """Open the run of the study in MLflow."""
    name = f"kernels {trials[0].features.fragment_s:g} s"
    tags = {"library_id": trials[0].snapshot.library_id, "study": FOLDER}
    return create_study(layout, FOLDER, name, "comparison", tags)


@task
def draw_counts(study: Study, runs: Sequence[Run]) -> None:
    """Record how accuracy and epochs depend on the number of kernels."""
    histories = [_history(study.layout, group) for group in _by_network(runs)]
    levels = counts.levels_between(histories)
    n_seeds = max(len(history.accuracies) for history in histories)
    title = f"Numbers of kernels: mean of {n_seeds} seeds, 95 % interval by Student's t"
    study.add_figure("kernel_counts", figures.draw_kernel_counts(histories, levels, title))
    rows = [_count_row(history, levels) for history in histories]
    study.add_numbers("kernel_counts", {"networks": rows})


def _by_network(runs: Sequence[Run]) -> list[list[Run]]:
    """Return the runs of each network in order of their seeds, from few kernels to many."""
    if not runs:
        raise GenreflowError("No network could be trained; see the log.")
    groups = [[run for run in runs if run.network == name] for name in KERNEL_COUNTS]
    return [sorted(group, key=lambda run: run.seed) for group in groups if group]


def _history(layout: DataLayout, runs: Sequence[Run]) -> CountHistory:
    from storage.models.runs import read_curve

    tracking = open_tracked(layout)
    curves = [read_curve(tracking, run.run_id, "validation_accuracy") for run in runs]
    n_first, n_second = KERNEL_COUNTS[runs[0].network]
    return CountHistory(
        network=runs[0].network,
        n_first=n_first,
        n_second=n_second,
        n_parameters=runs[0].n_parameters,
        accuracies=np.array(curves),
    )


def _count_row(history: CountHistory, levels: Sequence[float]) -> dict[str, object]:
    best = counts.best_so_far(history.accuracies)[:, -1]
    return {
        "network": history.network,
        "kernels": [history.n_first, history.n_second],
        "n_parameters": history.n_parameters,
        "best_validation_accuracy": asdict(counts.mean_over_seeds(best)),
        "last_validation_accuracy": asdict(counts.mean_over_seeds(history.accuracies[:, -1])),
        "epochs_to_reach": [
            asdict(counts.epochs_to_reach(history.accuracies, at)) for at in levels
        ],
    }


@task
def compare_kernels(study: Study, runs: Sequence[Run]) -> None:
    """Compare kernels within layers and the first layers between networks, by their cosines.

    Between networks of two seeds, as those of one seed start from similar numbers.
    """
    groups = _by_network(runs)
    first, last = (
        {g[nth].network: _kernels(load_model(study.layout, g[nth].model_uri)) for g in chosen}
        for nth, chosen in ((0, groups), (-1, [group for group in groups if len(group) > 1]))
    )
    tests = {
        f"{network}, layer {nth}": similarity.similarity_within(kernels, np.random.default_rng(nth))
        for network, layers in first.items()
        for nth, kernels in enumerate(layers, start=1)
    }
    tests |= {
        f"{one} and {other}, layer 1": similarity.similarity_between(
            first[one][0], last[other][0], np.random.default_rng(0)
        )
        for one, other in combinations_with_replacement(first, 2)
        if other in last
    }
    title = "Are kernels more similar than untrained ones?"
    study.add_figure("kernel_similarity", figures.draw_similarity(tests, title))
    study.add_numbers("kernel_similarity", {name: asdict(test) for name, test in tests.items()})


def _kernels(model: Network) -> list[Kernels]:
    """Return the kernels of each convolution of a network."""
    from genre_core.studies.kernels.pruning import convolutions, kernels_of

    return [kernels_of(model, name) for name in convolutions(model)]


@task
def prune_runs(study: Study, runs: Sequence[Run], base: Trial, n_orders: int) -> None:
    """Draw the cost of each removal, and log each network without its redundant kernels."""
    if not runs:
        raise GenreflowError("The network to be pruned could not be trained; see the log.")
    import_training()
    from genre_core.studies.kernels.pruning import convolutions, prune_layer

    validation, test = (
        split_examples(study.layout, base.snapshot, split)
        for split in (Split.VALIDATION, Split.TEST)
    )
    curves, rows = [], []
    with show_progress("prune", len(runs), "networks") as advance:
        for run in runs:
            model, rng = load_model(study.layout, run.model_uri), np.random.default_rng(run.seed)
            curves.append(
                [prune_layer(model, n, validation, n_orders, rng) for n in convolutions(model)]
            )
            rows.append(_prune(study, run, model, base, validation, test))
            advance(1)
    title = f"{runs[0].network}: kernels removed one by one, {len(runs)} seeds, 95 % interval"
    layers = list(zip(*curves, strict=True))
    study.add_figure("pruning", figures.draw_pruning(layers, 1 / len(base.snapshot.genres), title))
    removed = [[_curve_row(curve) for curve in of_run] for of_run in curves]
    study.add_numbers("pruning", {"network": runs[0].network, "pruned": rows, "curves": removed})


def _prune(
    study: Study, run: Run, model: Network, base: Trial, validation: Examples, test: Examples
) -> dict[str, Any]:
    """Prune a network on validation, log it below the study, and return its scores."""
    from genre_core.studies.kernels.pruning import fragment_accuracy, prune_network

    pruned = prune_network(model, validation)
    scores = {
        f"{split}_fragment_accuracy{state}": fragment_accuracy(network, examples)
        for split, examples in (("validation", validation), ("test", test))
        for state, network in (("_full", model), ("", pruned.model))
    }
    trial = replace(base, network=f"{run.network}_pruned", seed=run.seed)
    return {
        "seed": run.seed,
        "run_id": run.run_id,
        "model_uri": _log_pruned(study, trial, pruned.model, scores),
        "kernels": [len(kept) for kept in pruned.kept],
        "of": list(pruned.n_full),
        "kept": [list(kept) for kept in pruned.kept],
        "n_parameters": pruned.model.count_params(),
        "n_parameters_full": run.n_parameters,
        **scores,
    }


def _log_pruned(study: Study, trial: Trial, model: Network, scores: dict[str, float]) -> str:
    """Log a pruned network as a run of its own, with what classifying needs; return its URI."""
    from storage.models.logged import log_model
    from storage.models.runs import start_training

    with open_catalog(study.layout) as catalog:
        n_examples = count_split_examples(catalog, trial.snapshot)
    tracking = study.tracking
    run_id = start_training(tracking, study.run_id, describe_trial(trial, n_examples))
    run = replace(study, run_id=run_id)
    with run.failing():
        model_uri = log_model(tracking, run_id, model, trial.document)
        run.add_scores(scores)
        run.finish()
    return model_uri


def _curve_row(curve: PruningCurve) -> dict[str, object]:
    return {
        "n_kept": list(curve.n_kept),
        "similar": curve.similar.tolist(),
        "random_folded": curve.random.mean(axis=0).tolist(),
        "random_removed": curve.dropped.mean(axis=0).tolist(),
        "removed": [asdict(removal) for removal in curve.removed],
    }


@task
def show_kernels(study: Study, runs: Sequence[Run], base: Trial) -> None:
    """Draw the network of the first run: layers, kernels, activations of a sample, top patches."""
    run = runs[0]
    validation, train = (
        split_examples(study.layout, base.snapshot, split)
        for split in (Split.VALIDATION, Split.TRAIN)
    )
    model, name = load_model(study.layout, run.model_uri), f"{run.network}, seed {run.seed}"
    study.add_figure("architecture", draw_architecture(layer_boxes(model), name))
    kernels = {f"layer {n}": k for n, k in enumerate(_kernels(model), start=1)}
    title = f"{name}: similar kernels side by side"
    study.add_figure("kernel_cosines", figures.draw_cosines(kernels, title))
    _show_activations(study, model, validation, base, name)
    _show_top_activations(study, model, train, name)


def _show_activations(
    study: Study, model: Network, validation: Examples, base: Trial, name: str
) -> None:
    """Draw the fragment of the most confident right prediction, and its activations."""
    from genre_core.studies.kernels.activations import activations_of

    probabilities = import_training().predict_genres(model, validation.matrices)
    is_right = probabilities.argmax(axis=1) == validation.labels
    best = int(np.where(is_right, probabilities.max(axis=1), 0).argmax())
    matrix, genre = validation.matrices[best], base.snapshot.genres[validation.labels[best]]
    title = f"{name}, a {genre} fragment"
    study.add_figure("images_0_input", draw_matrix(matrix, scales_of(base.features), title))
    for nth, (layer, values) in enumerate(activations_of(model, matrix).items(), start=1):
        kind = figures.plain_name(layer)
        figure = figures.draw_activations(values, f"{title}: after the {kind}")
        study.add_figure(f"images_{nth}_{kind.replace(' ', '_')}", figure)


def _show_top_activations(study: Study, model: Network, train: Examples, name: str) -> None:
    from genre_core.studies.kernels.activations import top_activations
    from genre_core.studies.kernels.pruning import convolutions, kernels_of

    for nth, layer in enumerate(convolutions(model), start=1):
        found = top_activations(model, layer, train.matrices, min(N_PATCHES, len(train)))
        shown = figures.kernel_images(kernels_of(model, layer))
        title = f"{name}: what activates each kernel of layer {nth} most"
        figure = figures.draw_top_activations(shown, found.patches, found.strengths, title)
        study.add_figure(f"top_activations_{nth}", figure)
