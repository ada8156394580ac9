"""Accuracy against kernels kept, while one layer after the other is pruned."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from genre_core.examples import Int64Array
from genre_core.figures.palette import OKABE_ITO, declutter
from genre_core.kernels.counts import seed_band
from genre_core.kernels.courses import PruningCourse
from genre_core.metrics import Float64Array


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
