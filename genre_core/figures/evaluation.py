"""Evaluation of one network: confusion, learning curves, calibration, votes."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from genre_core.evaluation.aggregation import VotedScore
from genre_core.evaluation.bootstrap import Interval
from genre_core.evaluation.calibration import Reliability, RiskCoverage
from genre_core.examples import Int64Array
from genre_core.figures import style
from genre_core.training.rules import EpochScores, best_epoch

MAX_TICK_LETTERS = 6
"""Longest genre that is written level below a column."""

MEASURES = {"accuracy": "accuracy by song", "macro_f1": "macro F1 by song"}
GAP = 0.07
"""Distance of the votes at one number; that of numbers is 1."""


def draw_confusion(matrix: Int64Array, genres: Sequence[str], title: str) -> Figure:
    """Draw counts and row shares of a confusion matrix, true genres by predicted ones.

    Thesis figures 4.4 and 4.7.
    """
    totals = matrix.sum(axis=1, keepdims=True)
    shares = np.divide(matrix, totals, out=np.zeros(matrix.shape), where=totals > 0)
    side, longest = max(4.2, 1.6 + 0.62 * len(genres)), max(len(genre) for genre in genres)
    figure = style.new_figure(side + 0.6 + 0.08 * longest, side, title)
    axes = figure.subplots()
    image = axes.imshow(shares, cmap="cividis", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(matrix):
        if count:
            share = shares[row, column]
            text = axes.text(column, row, f"{count:,}\n{share:.0%}", ha="center", va="center")
            text.set(fontsize=8, color="black" if share > 0.5 else "white")
    axes.set_xticks(range(len(genres)), genres)
    if longest > MAX_TICK_LETTERS:
        for label in axes.get_xticklabels():
            label.set(rotation=40, ha="right", rotation_mode="anchor")
    names = [f"{genre} ({total:,})" for genre, total in zip(genres, totals[:, 0], strict=True)]
    axes.set_yticks(range(len(genres)), names)
    axes.set(xlabel="predicted genre", ylabel="true genre (number)")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    style.add_colour_bar(figure, image, axes, "share of the true genre")
    style.show_percent(figure.axes[-1])
    return figure


def draw_curves(scores: Sequence[EpochScores], title: str) -> Figure:
    """Draw loss and accuracy of each epoch of a training; a line marks the best epoch.

    Thesis figures 4.1, 4.2, 4.3, 4.6 and 4.14. One epoch at least.
    """
    figure = style.new_figure(9, 3.8, title)
    loss_axes, accuracy_axes = figure.subplots(1, 2)
    _draw_measure(loss_axes, scores, "loss")
    _draw_measure(accuracy_axes, scores, "accuracy")
    highest = max(max(score.loss, score.validation_loss) for score in scores)
    loss_axes.set(ylabel="cross-entropy loss (nats)", ylim=(0, 1.05 * highest))
    accuracy_axes.set(ylabel="accuracy by fragment", ylim=(0, 1))
    style.show_percent(accuracy_axes)
    style.legend_below(figure, loss_axes, 3)
    return figure


def _draw_measure(axes: Axes, scores: Sequence[EpochScores], measure: str) -> None:
    epochs, best = [score.epoch for score in scores], best_epoch(scores).epoch
    marker = "o" if len(epochs) == 1 else ""
    names = {"training": measure, "validation": f"validation_{measure}"}
    for colour, (split, name) in zip(style.OKABE_ITO, names.items(), strict=False):
        values = [getattr(score, name) for score in scores]
        axes.plot(epochs, values, marker=marker, color=colour, label=split)
    axes.axvline(best, color=style.GREY, linestyle=":", linewidth=1.2, label=f"best epoch ({best})")
    axes.set(xlabel="epoch", xlim=(epochs[0] - 0.5, epochs[-1] + 0.5))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    style.declutter(axes)


def draw_reliability(curves: Mapping[str, Reliability], title: str) -> Figure:
    """Draw accuracy against confidence, and the number of songs in each bin.

    Curves have equally many bins, and are named as in the legend, such as ``as trained``.
    """
    figure = style.new_figure(5.4, 6.4, title)
    axes, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    axes.plot([0, 1], [0, 1], color=style.GREY, linestyle=":", label="perfectly calibrated")
    for index, (name, curve) in enumerate(curves.items()):
        filled, (colour, marker) = curve.n_songs > 0, style.line_style(index)
        points = curve.confidence[filled], curve.accuracy[filled]
        label = f"{name} (ECE {curve.error:.2f})"
        axes.plot(*points, color=colour, marker=marker, label=label, clip_on=False)
        bin_width = 1 / len(curve.n_songs)
        width = 0.84 * bin_width / len(curves)
        starts = (np.arange(len(curve.n_songs)) + 0.08) * bin_width + index * width
        below.bar(starts, curve.n_songs, width=width, align="edge", color=colour)
    axes.set(xlim=(0, 1), ylim=(0, 1.02), ylabel="share of right songs")
    style.show_percent(axes)
    below.set(xlabel="highest probability of a song", ylabel="songs")
    below.yaxis.set_major_locator(MaxNLocator(nbins=3, integer=True))
    style.declutter(axes)
    style.declutter(below)
    style.legend_below(figure, axes)
    return figure


def draw_coverage(curve: RiskCoverage, title: str) -> Figure:
    """Draw the accuracy among the most confident songs against their share of all."""
    figure = style.new_figure(5.6, 4.6, title)
    axes = figure.subplots()
    marker = "o" if len(curve.coverage) < 30 else ""
    label = f"most confident songs first (area under risk {curve.area:.2f})"
    (line,) = axes.plot(curve.coverage, curve.accuracy, color=style.OKABE_ITO[0], label=label)
    line.set(marker=marker, markersize=4, clip_on=False)
    overall = curve.accuracy[-1]
    style.draw_level(axes, overall, f"all {len(curve.coverage):,} songs: {overall:.0%}")
    lowest = min(0.5, float(np.floor(curve.accuracy.min() * 10) / 10))
    axes.set(xlim=(0, 1), ylim=(lowest, 1.0))
    axes.set(xlabel="share of songs predicted", ylabel="share of right ones among them")
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    style.show_percent(axes)
    style.legend_below(figure, axes)
    style.declutter(axes)
    return figure


def draw_aggregation(scores: Sequence[VotedScore], title: str) -> Figure:
    """Draw accuracy and macro F1 against the number of fragments, a line a vote.

    Thesis section 5.2, with all votes and numbers in place of one each. One score at least.
    """
    figure = style.new_figure(9.5, 4.2, title)
    panels = figure.subplots(1, len(MEASURES), sharey=True)
    for axes, (measure, label) in zip(panels, MEASURES.items(), strict=True):
        lines: dict[str, dict[float, Interval]] = defaultdict(dict)
        for score in scores:
            lines[score.vote.replace("_", "-")][score.n_fragments] = getattr(score, measure)
        style.draw_lines(axes, lines, GAP)
        axes.set(xlabel="fragments that vote", ylim=(0, 1.02))
        axes.set_title(label, fontsize=11)
        style.declutter(axes)
    panels[0].set_ylabel("score, with 95 % interval")
    style.legend_right(figure, panels[0])
    return figure
