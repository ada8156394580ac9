"""Confusion matrix: which genre is taken for which."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from genre_core.examples import Int64Array
from genre_core.metrics import Float64Array

MAX_TICK_LETTERS = 6
"""Longest genre that is written level below a column."""


def draw_confusion(matrix: Int64Array, genres: Sequence[str], title: str) -> Figure:
    """Draw counts and row shares of a confusion matrix.

    Parameters
    ----------
    matrix : int64 [shape=(n_genres, n_genres)]
        Rows are true genres, columns predicted ones.
    genres : sequence of str
    title : str

    Returns
    -------
    matplotlib.figure.Figure

    Notes
    -----
    Thesis figures 4.4 and 4.7, with all of the split in place of 100 samples.
    """
    totals = matrix.sum(axis=1, keepdims=True)
    shares = np.divide(matrix, totals, out=np.zeros(matrix.shape), where=totals > 0)
    side = max(4.2, 1.6 + 0.62 * len(genres))
    longest = max(len(genre) for genre in genres)
    figure = Figure(figsize=(side + 0.6 + 0.08 * longest, side), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(shares, cmap="cividis", vmin=0, vmax=1)
    _write_counts(axes, matrix, shares)
    _name_genres(axes, genres, totals[:, 0])
    bar = figure.colorbar(image, ax=axes, shrink=0.8, format=PercentFormatter(1))
    bar.set_label("share of the true genre")
    bar.outline.set_visible(False)
    figure.suptitle(title, wrap=True)
    return figure


def _write_counts(axes: Axes, matrix: Int64Array, shares: Float64Array) -> None:
    """Write count and share into each cell, nothing into the empty ones."""
    for (row, column), count in np.ndenumerate(matrix):
        if count:
            share = shares[row, column]
            axes.text(
                column,
                row,
                f"{count:,}\n{share:.0%}",
                ha="center",
                va="center",
                fontsize=8,
                color="black" if share > 0.5 else "white",
            )


def _name_genres(axes: Axes, genres: Sequence[str], totals: Int64Array) -> None:
    """Name rows and columns, the rows with their number."""
    level = max(len(genre) for genre in genres) <= MAX_TICK_LETTERS
    axes.set_xticks(range(len(genres)), genres, rotation=0 if level else 40)
    if not level:
        for label in axes.get_xticklabels():
            label.set(ha="right", rotation_mode="anchor")
    names = [f"{genre} ({total:,})" for genre, total in zip(genres, totals, strict=True)]
    axes.set_yticks(range(len(genres)), names)
    axes.set_xlabel("predicted genre")
    axes.set_ylabel("true genre (number)")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
