"""Confusion matrix: which genre is taken for which."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from genre_core.evaluation.aggregation import VotedScore
from genre_core.evaluation.calibration import Reliability, RiskCoverage
from genre_core.evaluation.metrics import Float64Array
from genre_core.examples import Int64Array
from genre_core.figures.style import OKABE_ITO, declutter, line_style
from genre_core.training.rules import EpochScores, best_epoch

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


def draw_curves(scores: Sequence[EpochScores], title: str) -> Figure:
    """Draw loss and accuracy of training and validation; a line marks the best epoch.

    Parameters
    ----------
    scores : sequence of EpochScores
        Of one training, one an epoch, in order; one at least.
    title : str

    Returns
    -------
    matplotlib.figure.Figure

    Notes
    -----
    Thesis figures 4.1, 4.2, 4.3, 4.6 and 4.14.
    """
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    loss_axes, accuracy_axes = figure.subplots(1, 2)
    _draw_pair(loss_axes, scores, "loss", "validation_loss")
    _draw_pair(accuracy_axes, scores, "accuracy", "validation_accuracy")
    loss_axes.set_ylabel("cross-entropy loss (nats)")
    loss_axes.set_ylim(0, 1.05 * max(max(score.loss, score.validation_loss) for score in scores))
    accuracy_axes.set_ylabel("accuracy by fragment")
    accuracy_axes.set_ylim(0, 1)
    accuracy_axes.yaxis.set_major_formatter(PercentFormatter(1))
    handles, names = loss_axes.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=3, frameon=False)
    figure.suptitle(title, wrap=True)
    return figure


def _draw_pair(axes: Axes, scores: Sequence[EpochScores], training: str, validation: str) -> None:
    """Draw the training and the validation curve of one measure."""
    epochs = [score.epoch for score in scores]
    marker = "o" if len(epochs) == 1 else ""
    for colour, name, measure in ((0, "training", training), (1, "validation", validation)):
        values = [getattr(score, measure) for score in scores]
        axes.plot(epochs, values, color=OKABE_ITO[colour], marker=marker, label=name, linewidth=1.4)
    best = best_epoch(scores).epoch
    axes.axvline(
        best, color="#666666", linestyle=":", linewidth=1.2, label=f"best epoch ({best})", zorder=1
    )
    axes.set_xlabel("epoch")
    axes.set_xlim(epochs[0] - 0.5, epochs[-1] + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    declutter(axes)


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


MEASURES = {"accuracy": "accuracy by song", "macro_f1": "macro F1 by song"}
GAP = 0.07
"""Room between the votes at one number; numbers are 1 apart."""


def draw_aggregation(scores: Sequence[VotedScore], title: str) -> Figure:
    """Draw accuracy and macro F1 against the number of fragments, a line a vote.

    Parameters
    ----------
    scores : sequence of VotedScore
        One at least.
    title : str

    Returns
    -------
    matplotlib.figure.Figure

    Notes
    -----
    Thesis section 5.2, with all votes and numbers in place of one each.
    """
    figure = Figure(figsize=(9.5, 4.2), layout="constrained")
    panels = figure.subplots(1, len(MEASURES), sharey=True)
    for axes, (measure, label) in zip(panels, MEASURES.items(), strict=True):
        _draw_votes(axes, scores, measure)
        axes.set(xlabel="fragments that vote", ylim=(0, 1.02))
        axes.set_title(label, fontsize=11)
        declutter(axes)
    panels[0].set_ylabel("score, with 95 % interval")
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside right center", frameon=False)
    figure.suptitle(title, wrap=True)
    return figure


def _draw_votes(axes: Axes, scores: Sequence[VotedScore], measure: str) -> None:
    """Draw a line a vote, the votes a little beside each other."""
    counts = sorted({score.n_fragments for score in scores})
    votes = list(dict.fromkeys(score.vote for score in scores))
    for index, vote in enumerate(votes):
        shift = GAP * (index - (len(votes) - 1) / 2)
        drawn = [score for score in scores if score.vote == vote]
        found = np.array(
            [
                (i.value, i.value - i.low, i.high - i.value)
                for i in (getattr(s, measure) for s in drawn)
            ]
        )
        colour, marker = line_style(index)
        axes.errorbar(
            [counts.index(score.n_fragments) + shift for score in drawn],
            found[:, 0],
            yerr=found[:, 1:].T,
            color=colour,
            marker=marker,
            markersize=5,
            linewidth=1.4,
            elinewidth=0.9,
            capsize=2,
            label=vote.replace("_", "-"),
        )
    axes.set_xticks(range(len(counts)), [str(count) for count in counts])
