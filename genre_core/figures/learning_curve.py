"""Accuracy by the number of songs a genre, with intervals."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from genre_core.figures.palette import declutter, line_style
from genre_core.learning_curve import Curve

GAP = 1.06
"""Factor between the places of two curves at one size: their bars stand beside each other."""


def draw_learning_curve(curves: Sequence[Curve], chance: float, title: str) -> Figure:
    """Draw the expected accuracy over the number of songs a genre; the last points are all songs.

    Parameters
    ----------
    curves : sequence of Curve
    chance : float
        Accuracy of a guess.
    title : str

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    for index, curve in enumerate(curves):
        colour, marker = line_style(index)
        points = curve.all_points
        found = [point.accuracy for point in points]
        axes.errorbar(
            [point.n_songs * GAP**index for point in points],
            [interval.value for interval in found],
            yerr=[[i.value - i.low for i in found], [i.high - i.value for i in found]],
            color=colour,
            marker=marker,
            ecolor=(colour, 0.4),
            elinewidth=1,
            capsize=3,
            label=curve.name,
        )
    axes.axhline(chance, color="#999999", linewidth=1, linestyle="--", label="chance")
    sizes = sorted({point.n_songs for curve in curves for point in curve.all_points})
    axes.set_xscale("log", base=2)
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.minorticks_off()
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("songs a genre")
    axes.set_ylabel("mean recall by song")
    axes.set_title(title, fontsize=11)
    axes.legend(loc="lower right", frameon=False)
    declutter(axes)
    return figure
