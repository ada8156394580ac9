"""Accuracy against coverage: what a network gets right if it may leave songs unjudged."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from genre_core.abstaining import RiskCoverage
from genre_core.figures.palette import OKABE_ITO, declutter


def draw_coverage(curve: RiskCoverage, title: str) -> Figure:
    """Draw the accuracy among the surest songs against their share of all.

    Parameters
    ----------
    curve : RiskCoverage
    title : str

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = Figure(figsize=(5.6, 4.6), layout="constrained")
    axes = figure.subplots()
    marker = "o" if len(curve.coverage) < 30 else ""
    axes.plot(
        curve.coverage,
        curve.accuracy,
        color=OKABE_ITO[0],
        marker=marker,
        markersize=4,
        linewidth=1.4,
        clip_on=False,
        label=f"surest songs first (area under risk {curve.area:.2f})",
    )
    axes.axhline(
        curve.accuracy[-1],
        color="#666666",
        linestyle=":",
        linewidth=1.2,
        label=f"all {len(curve.coverage):,} songs: {curve.accuracy[-1]:.0%}",
        zorder=1,
    )
    axes.set(xlim=(0, 1), ylim=(min(0.5, float(np.floor(curve.accuracy.min() * 10) / 10)), 1.0))
    axes.set(xlabel="share of songs judged", ylabel="share of right ones among them")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1))
    figure.legend(loc="outside lower center", frameon=False)
    declutter(axes)
    figure.suptitle(title, wrap=True)
    return figure
