"""Accuracy by number of kernels, over the epochs and at the end."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from genre_core.figures.palette import declutter, line_style
from genre_core.kernels.counts import (
    CountCourse,
    best_so_far,
    epochs_to_reach,
    mean_over_seeds,
    seed_band,
)


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
