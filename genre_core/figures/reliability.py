"""Reliability: whether a network is as often right as it is sure, before and after tempering."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from genre_core.calibration import Reliability
from genre_core.figures.palette import declutter, line_style


def draw_reliability(curves: Mapping[str, Reliability], title: str) -> Figure:
    """Draw accuracy against confidence, and how many songs stand where.

    Parameters
    ----------
    curves : mapping of str to Reliability
        By the name that stands in the legend, such as ``as trained``; of equally many bins.
    title : str

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = Figure(figsize=(5.4, 6.4), layout="constrained")
    axes, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    axes.plot(
        [0, 1], [0, 1], color="#666666", linestyle=":", linewidth=1.2, label="as sure as right"
    )
    for index, (name, curve) in enumerate(curves.items()):
        _draw_curve(axes, curve, f"{name} (ECE {curve.error:.2f})", index)
        _draw_numbers(below, curve, index, len(curves))
    axes.set(xlim=(0, 1), ylim=(0, 1.02), ylabel="share of right songs")
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    below.set(xlabel="highest probability of a song", ylabel="songs")
    below.yaxis.set_major_locator(MaxNLocator(nbins=3, integer=True))
    declutter(axes)
    declutter(below)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", frameon=False)
    figure.suptitle(title, wrap=True)
    return figure


def _draw_curve(axes: Axes, curve: Reliability, label: str, index: int) -> None:
    """Join the bins that hold songs."""
    held = curve.n_songs > 0
    colour, marker = line_style(index)
    axes.plot(
        curve.confidence[held],
        curve.accuracy[held],
        color=colour,
        marker=marker,
        markersize=5,
        linewidth=1.4,
        label=label,
        clip_on=False,
    )


def _draw_numbers(axes: Axes, curve: Reliability, index: int, n_curves: int) -> None:
    """Draw the songs in each bin, the curves beside each other."""
    n_bins = len(curve.n_songs)
    width = 0.84 / n_bins / n_curves
    starts = np.arange(n_bins) / n_bins + 0.08 / n_bins + index * width
    axes.bar(starts, curve.n_songs, width=width, align="edge", color=line_style(index)[0])
