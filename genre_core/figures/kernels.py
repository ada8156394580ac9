"""Accuracy by number of kernels, over the epochs and at the end."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from genre_core.evaluation.metrics import Float64Array
from genre_core.examples import Int64Array
from genre_core.figures.matrix import add_bar
from genre_core.figures.style import OKABE_ITO, declutter, line_style
from genre_core.studies.kernels.counts import (
    CountCourse,
    PruningCourse,
    best_so_far,
    epochs_to_reach,
    mean_over_seeds,
    seed_band,
)
from genre_core.studies.kernels.similarity import Kernels, Likeness, cosines


def draw_kernel_counts(
    courses: Sequence[CountCourse], levels: Sequence[float], title: str
) -> Figure:
    """Draw validation accuracy over the epochs, at the end, and the epochs up to some levels.

    Parameters
    ----------
    courses : sequence of CountCourse
        From few kernels to many.
    levels : sequence of float
        Accuracies in 0..1 whose first epoch is drawn.
    title : str

    Returns
    -------
    matplotlib.figure.Figure

    Notes
    -----
    Thesis figure 4.12, with the mean over seeds and its 95 % interval in place of one run each.
    """
    if not courses:
        raise ValueError("there is no training to draw. Train networks such as cnn_16_32 first.")
    figure = Figure(figsize=(13, 4.2), layout="constrained")
    over_epochs, at_the_end, until = figure.subplots(1, 3, width_ratios=(1.5, 1, 1))
    _draw_epochs(over_epochs, courses)
    _draw_end(at_the_end, courses)
    _draw_levels(until, courses, levels)
    for axes in (at_the_end, until):
        names = [f"{course.n_first}/{course.n_second}" for course in courses]
        axes.set_xticks(range(len(courses)), names)
        axes.set_xlabel("kernels, first/second layer")
        axes.set_xlim(-0.5, len(courses) - 0.5)
    for axes in (over_epochs, at_the_end, until):
        declutter(axes)
    figure.suptitle(title, wrap=True)
    return figure


def _draw_epochs(axes: Axes, courses: Sequence[CountCourse]) -> None:
    for index, course in enumerate(courses):
        mean, half = seed_band(best_so_far(course.accuracies))
        epochs = np.arange(1, len(mean) + 1)
        colour, _ = line_style(index)
        name = f"{course.n_first} / {course.n_second} ({course.n_parameters / 1000:.0f} k)"
        axes.plot(epochs, mean, color=colour, linewidth=1.6, label=name)
        if np.isfinite(half).all():
            axes.fill_between(
                epochs, mean - half, mean + half, color=colour, alpha=0.12, linewidth=0
            )
    axes.set_xlabel("epoch")
    axes.set_ylabel("best validation accuracy so far, by fragment")
    axes.set_ylim(0, 1)
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.legend(frameon=False, fontsize=8, loc="lower right", title="kernels (parameters)")


def _draw_end(axes: Axes, courses: Sequence[CountCourse]) -> None:
    for index, course in enumerate(courses):
        best = best_so_far(course.accuracies)[:, -1]
        mean = mean_over_seeds(best)
        colour, marker = line_style(index)
        if np.isfinite(mean.low):
            axes.vlines(index, mean.low, mean.high, color=colour, linewidth=1.6)
        axes.plot(index, mean.value, color=colour, marker=marker, markersize=7)
        axes.scatter(np.full(len(best), index + 0.18), best, s=12, color=colour, alpha=0.5)
    axes.set_ylim(0, 1)
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.set_ylabel(f"best of {courses[0].accuracies.shape[1]} epochs")


def _draw_levels(axes: Axes, courses: Sequence[CountCourse], levels: Sequence[float]) -> None:
    for index, level in enumerate(levels):
        reached = [epochs_to_reach(course.accuracies, level) for course in courses]
        places = [place for place, mark in enumerate(reached) if mark.epochs]
        means = [mark.epochs.value for mark in reached if mark.epochs]
        colour, marker = line_style(index)
        axes.plot(places, means, color=colour, marker=marker, label=f"{level:.0%}")
        for place, mark in enumerate(reached):
            if mark.epochs and mark.n_reached < len(courses[place].accuracies):
                share = f"{mark.n_reached} of {len(courses[place].accuracies)}"
                axes.annotate(
                    share,
                    (place, mark.epochs.value),
                    xytext=(0, 6),
                    textcoords="offset points",
                    ha="center",
                    fontsize=7,
                    color=colour,
                )
    axes.set_ylim(bottom=0)
    axes.set_ylabel("epochs to reach it, mean of the seeds that do")
    axes.legend(frameon=False, fontsize=8, title="validation accuracy")


def draw_similarity(layers: Mapping[str, Kernels], title: str) -> Figure:
    """Draw the cosine of every two kernels of each layer, similar ones beside each other.

    Parameters
    ----------
    layers : mapping of str to float [shape=(n_kernels, n_values)]
        By the name of the layer.
    title : str

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = Figure(figsize=(4.9 * len(layers) + 0.9, 4.9), layout="constrained")
    panels = figure.subplots(1, len(layers), squeeze=False)[0]
    for axes, (name, kernels) in zip(panels, layers.items(), strict=True):
        order = side_by_side(kernels)
        between = cosines(kernels[order], kernels[order])
        image = axes.imshow(between, cmap="PuOr_r", vmin=-1, vmax=1)
        step = -(-len(order) // 32)
        axes.set_xticks(range(0, len(order), step), order[::step], fontsize=6, rotation=90)
        axes.set_yticks(range(0, len(order), step), order[::step], fontsize=6)
        axes.set_title(f"{name}: {len(order)} kernels of {kernels.shape[1]} weights", fontsize=10)
        axes.set_xlabel("kernel")
        axes.set_ylabel("kernel")
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
    add_bar(figure, image, list(panels), "cosine of the weights")
    figure.suptitle(title, wrap=True)
    return figure


def draw_likeness(named: Mapping[str, Likeness], title: str) -> Figure:
    """Draw how alike kernels are beside what untrained kernels would be.

    Parameters
    ----------
    named : mapping of str to Likeness
        By what is compared.
    title : str

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = Figure(figsize=(7.5, 0.42 * len(named) + 1.7), layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(named))[::-1]
    for place, likeness in zip(places, named.values(), strict=True):
        _draw_row(axes, place, likeness)
    axes.plot([], [], color="#999999", linewidth=6, label="untrained kernels, 95 %")
    axes.plot([], [], "o", color=OKABE_ITO[0], label="trained kernels")
    axes.set_yticks(places, list(named))
    axes.set_ylim(-0.6, len(named) - 0.4)
    axes.set_xlabel("mean cosine with the nearest kernel")
    declutter(axes)
    axes.grid(visible=False)
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    figure.suptitle(title, wrap=True)
    return figure


def side_by_side(kernels: Kernels) -> Sequence[int]:
    """Order kernels so that each stands beside the most similar one not yet placed."""
    between = cosines(kernels, kernels)
    order = [int(between.sum(axis=1).argmax())]
    rest = set(range(len(kernels))) - set(order)
    while rest:
        nearest = max(rest, key=lambda kernel: between[order[-1], kernel])
        order.append(nearest)
        rest.remove(nearest)
    return order


def _draw_row(axes: Axes, place: int, likeness: Likeness) -> None:
    axes.hlines(place, likeness.chance_low, likeness.chance_high, color="#bbbbbb", linewidth=6)
    axes.plot(likeness.similarity, place, "o", color=OKABE_ITO[0], markersize=6)


def draw_pruning(layers: Sequence[Sequence[PruningCourse]], chance: float, title: str) -> Figure:
    """Draw accuracy against kernels kept, a panel a layer.

    Parameters
    ----------
    layers : sequence of sequence of PruningCourse
        One entry a convolution, in it one course a seed.
    chance : float
        Accuracy of a guess, in 0..1.
    title : str

    Returns
    -------
    matplotlib.figure.Figure
        Lines are means over the seeds, bands their 95 % interval.
    """
    figure = Figure(figsize=(5.2 * len(layers), 4.4), layout="constrained")
    panels = figure.subplots(1, len(layers), squeeze=False, sharey=True)[0]
    for nth, (axes, courses) in enumerate(zip(panels, layers, strict=True), start=1):
        _draw_layer(axes, courses)
        axes.axhline(chance, color="#666666", linewidth=1, linestyle=":", label="chance")
        axes.set_title(f"convolution {nth}", fontsize=10)
        declutter(axes)
    panels[0].set_ylim(0, 1)
    panels[0].set_ylabel("validation accuracy by fragment")
    panels[0].yaxis.set_major_formatter(PercentFormatter(1))
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=4, frameon=False)
    figure.suptitle(title, wrap=True)
    return figure


def _draw_layer(axes: Axes, courses: Sequence[PruningCourse]) -> None:
    kept = np.array(courses[0].n_kept)
    # orders of one seed share a network: its mean counts once
    dropped = np.stack([course.dropped.mean(axis=0) for course in courses])
    folded = np.stack([course.random.mean(axis=0) for course in courses])
    similar = np.stack([course.similar for course in courses])
    _draw_mean(axes, kept, dropped, (OKABE_ITO[1], "random order, removed"))
    _draw_mean(axes, kept, folded, (OKABE_ITO[2], "random order, folded"))
    _draw_mean(axes, kept, similar, (OKABE_ITO[0], "most similar first, folded"))
    axes.set_xlim(kept[0] + 0.5, 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("kernels kept")


def _draw_mean(axes: Axes, kept: Int64Array, curves: Float64Array, look: tuple[str, str]) -> None:
    colour, name = look
    mean, half = seed_band(curves)
    axes.plot(kept, mean, color=colour, linewidth=1.7, label=name)
    if np.isfinite(half).all():
        axes.fill_between(kept, mean - half, mean + half, color=colour, alpha=0.15, linewidth=0)
