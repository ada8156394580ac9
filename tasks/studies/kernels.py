"""Kernels: accuracy by their number, their likeness, and what each looks for."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import combinations_with_replacement

import numpy as np
from prefect import task

from genre_core.errors import GenreflowError, UsageError
from genre_core.figures.activations import draw_excitement, draw_images, kernel_images, plain_name
from genre_core.figures.architecture import draw_architecture
from genre_core.figures.kernels import draw_kernel_counts, draw_likeness, draw_similarity
from genre_core.figures.matrix import draw_matrix, scales_of
from genre_core.networks.layers import layer_boxes
from genre_core.networks.registry import KERNEL_COUNTS, build_network
from genre_core.records import Split
from genre_core.representations.features import FeatureConfig
from genre_core.studies.kernels.counts import (
    CountCourse,
    best_so_far,
    epochs_to_reach,
    levels_between,
    mean_over_seeds,
)
from genre_core.studies.kernels.similarity import (
    Kernels,
    Likeness,
    likeness_between,
    likeness_within,
)
from genre_core.training.rules import TrainingConfig
from storage.catalog.runs import Run
from storage.catalog.snapshots import Snapshot, read_latest_snapshot
from storage.home import DataLayout
from tasks.keras_import import import_training
from tasks.spectrograms import key_features
from tasks.splits import split_examples
from tasks.studies.record import Network, Study, keep_figure, keep_numbers, load_model, open_store
from tasks.train import Cell

FOLDER = "kernels"
N_PATCHES = 4


@task
def read_base(layout: DataLayout, wanted: Sequence[FeatureConfig]) -> Cell:
    """Give a snapshot as a training of which only network and seed are open.

    It is the one used last under one of the settings that are wanted; where there is none, the
    one used last.
    """
    snapshot, features = read_latest_snapshot(layout, list(key_features(wanted)))
    return Cell(
        network="cnn", seed=0, snapshot=snapshot, features=features, training=TrainingConfig()
    )


@task
def require_studied(cells: Sequence[Cell]) -> None:
    """Refuse matrices on which the networks would differ in more than their kernels.

    Raises
    ------
    UsageError
        Before anything is trained.
    """
    for network, cell in {cell.network: cell for cell in cells}.items():
        if objection := _objection(network, cell):
            features = cell.features
            raise UsageError(
                f"Kernels cannot be studied on {features.representation} of "
                f"{features.fragment_s:g} s: {objection} In genreflow.toml, set `representations` "
                "to thesis and `fragment_lengths_s` to 1 to 3 s, and train on them first."
            )


def _objection(network: str, cell: Cell) -> str:
    """Say why a network cannot be studied; empty if it can."""
    import_training()
    from genre_core.studies.kernels.pruning import is_prunable

    try:
        model = build_network(network, cell.features.shape, len(cell.snapshot.genres))
    except ValueError as error:
        return str(error)
    if is_prunable(model):
        return ""
    return f"there {network} pools what it flattens on smaller matrices, and cannot be pruned."


@task
def open_study(layout: DataLayout, cells: Sequence[Cell]) -> Study:
    """Open the run of the study in MLflow."""
    from storage.models.runs import create_run

    tracking = open_store(layout)
    name = f"kernels {cells[0].features.fragment_s:g} s"
    tags = {"library_id": cells[0].snapshot.library_id, "study": FOLDER}
    run_id = create_run(tracking, name, "comparison", tags)
    return Study(run_id=run_id, folder=layout.reports / FOLDER)


@task
def close_study(layout: DataLayout, study: Study) -> None:
    """Close the run of a study that ended well."""
    from storage.models.runs import finish_run

    finish_run(open_store(layout), study.run_id)


@task
def draw_counts(layout: DataLayout, study: Study, runs: Sequence[Run]) -> None:
    """Draw and tell how accuracy and epochs depend on the number of kernels."""
    courses = [_course(layout, group) for group in _by_network(runs)]
    levels = levels_between(courses)
    n_seeds = max(len(course.accuracies) for course in courses)
    title = f"Numbers of kernels: mean of {n_seeds} seeds, 95 % interval by Student's t"
    keep_figure(layout, study, draw_kernel_counts(courses, levels, title), "kernel_counts")
    rows = [_count_row(course, levels) for course in courses]
    keep_numbers(layout, study, {"networks": rows}, "kernel_counts")


@task
def compare_kernels(layout: DataLayout, study: Study, runs: Sequence[Run]) -> None:
    """Compare kernels within layers and the first layers between networks, by their cosines."""
    groups = _by_network(runs)
    of_first_seed = {
        group[0].network: _kernels(load_model(layout, group[0].model_uri)) for group in groups
    }
    of_last_seed = {
        group[-1].network: _kernels(load_model(layout, group[-1].model_uri))
        for group in groups
        if len(group) > 1
    }
    likeness = {**_within(of_first_seed), **_between(of_first_seed, of_last_seed)}
    title = "Are kernels more alike than untrained ones?"
    keep_figure(layout, study, draw_likeness(likeness, title), "kernel_likeness")
    numbers = {label: asdict(alike) for label, alike in likeness.items()}
    keep_numbers(layout, study, numbers, "kernel_likeness")


@task
def show_kernels(layout: DataLayout, study: Study, runs: Sequence[Run], base: Cell) -> None:
    """Draw a network: its layers, its kernels, its images of a sample, what excites it."""
    for run in runs[:1]:
        model = load_model(layout, run.model_uri)
        name = f"{run.network}, seed {run.seed}"
        keep_figure(layout, study, draw_architecture(layer_boxes(model), name), "architecture")
        kernels = {f"layer {n}": k for n, k in enumerate(_kernels(model), start=1)}
        figure = draw_similarity(kernels, f"{name}: similar kernels side by side")
        keep_figure(layout, study, figure, "kernel_similarity")
        matrix, title = _sample(layout, base.snapshot, model)
        _show_images(layout, study, model, matrix, f"{name}, {title}", base.features)
        train = split_examples(layout, base.snapshot, Split.TRAIN)
        _show_excitement(layout, study, model, train.matrices, name)


def _by_network(runs: Sequence[Run]) -> list[list[Run]]:
    """Give the runs of each network in order of their seeds, from few kernels to many."""
    if not runs:
        raise GenreflowError("No network could be trained; the log says why.")
    groups = [[run for run in runs if run.network == name] for name in KERNEL_COUNTS]
    return [sorted(group, key=lambda run: run.seed) for group in groups if group]


def _course(layout: DataLayout, runs: Sequence[Run]) -> CountCourse:
    from storage.models.runs import read_curve

    tracking = open_store(layout)
    curves = [read_curve(tracking, run.run_id, "validation_accuracy") for run in runs]
    n_first, n_second = KERNEL_COUNTS[runs[0].network]
    return CountCourse(
        network=runs[0].network,
        n_first=n_first,
        n_second=n_second,
        n_parameters=runs[0].n_parameters,
        accuracies=np.array(curves),
    )


def _count_row(course: CountCourse, levels: Sequence[float]) -> dict[str, object]:
    best = best_so_far(course.accuracies)[:, -1]
    return {
        "network": course.network,
        "kernels": [course.n_first, course.n_second],
        "n_parameters": course.n_parameters,
        "best_validation_accuracy": asdict(mean_over_seeds(best)),
        "last_validation_accuracy": asdict(mean_over_seeds(course.accuracies[:, -1])),
        "epochs_to_reach": [asdict(epochs_to_reach(course.accuracies, at)) for at in levels],
    }


def _within(layers: Mapping[str, Sequence[Kernels]]) -> dict[str, Likeness]:
    return {
        f"{network}, layer {nth}": likeness_within(kernels, np.random.default_rng(nth))
        for network, of_network in layers.items()
        for nth, kernels in enumerate(of_network, start=1)
    }


def _between(
    some: Mapping[str, Sequence[Kernels]], others: Mapping[str, Sequence[Kernels]]
) -> dict[str, Likeness]:
    """Compare first layers; of two seeds, because networks of one seed start from like numbers."""
    return {
        f"{one} and {other}, layer 1": likeness_between(
            some[one][0], others[other][0], np.random.default_rng(0)
        )
        for one, other in combinations_with_replacement(some, 2)
        if other in others
    }


def _kernels(model: Network) -> list[Kernels]:
    from genre_core.studies.kernels.pruning import convolutions, kernels_of

    return [kernels_of(model, name) for name in convolutions(model)]


def _sample(
    layout: DataLayout, snapshot: Snapshot, model: Network
) -> tuple[np.ndarray[tuple[int, int], np.dtype[np.float32]], str]:
    """Give the validation fragment that the network is surest of among those it gets right."""
    examples = split_examples(layout, snapshot, Split.VALIDATION)
    probabilities = import_training().predict_genres(model, examples.matrices)
    right = probabilities.argmax(axis=1) == examples.labels
    sureness = np.where(right, probabilities.max(axis=1), 0)
    surest = int(sureness.argmax())
    genre = snapshot.genres[int(examples.labels[surest])]
    return examples.matrices[surest], f"a {genre} fragment"


def _show_images(
    layout: DataLayout,
    study: Study,
    model: Network,
    matrix: np.ndarray[tuple[int, int], np.dtype[np.float32]],
    title: str,
    features: FeatureConfig,
) -> None:
    from genre_core.studies.kernels.activations import images_of

    keep_figure(layout, study, draw_matrix(matrix, scales_of(features), title), "images_0_input")
    for nth, images in enumerate(images_of(model, matrix), start=1):
        kind = plain_name(images.layer)
        figure = draw_images(images.values, f"{title}: after the {kind}")
        keep_figure(layout, study, figure, f"images_{nth}_{kind.replace(' ', '_')}")


def _show_excitement(
    layout: DataLayout,
    study: Study,
    model: Network,
    matrices: np.ndarray[tuple[int, int, int], np.dtype[np.float32]],
    title: str,
) -> None:
    from genre_core.studies.kernels.activations import most_exciting
    from genre_core.studies.kernels.pruning import convolutions, kernels_of

    for nth, name in enumerate(convolutions(model), start=1):
        found = most_exciting(model, name, matrices, min(N_PATCHES, len(matrices)))
        shown = kernel_images(kernels_of(model, name))
        what = f"{title}: what excites each kernel of layer {nth} most"
        figure = draw_excitement(shown, found.patches, found.strengths, what)
        keep_figure(layout, study, figure, f"excitement_{nth}")
