"""Figures of studies: the ladder, the learning curve, lengths, score against storage."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullLocator

from genre_core.evaluation.bootstrap import Interval
from genre_core.figures import style
from genre_core.studies.claims.evidence import NetworkScore
from genre_core.studies.ladder.rungs import Labels
from genre_core.studies.ladder.scores import UNITS, RungScore
from genre_core.studies.learning_curve import LearningCurve

LADDER_GAP = 0.13
"""Distance of the four marks of a rung; that of rungs is 1."""

MARKS = tuple(product(Labels, UNITS))
LENGTH_GAP = 0.05
CURVE_GAP = 1.06
"""Factor between the places of two curves at one size: their bars are beside each other."""


def draw_ladder(scores: Sequence[RungScore], title: str) -> Figure:
    """Draw accuracy and 95 % interval of each rung, the published protocol at the top.

    A rung that cannot be tested has a line without marks. ValueError if there is no rung.
    """
    if not scores:
        raise ValueError("there is no rung to draw. Measure one first.")
    figure = style.new_figure(9.0, 1.6 + 0.55 * len(scores))
    axes = figure.subplots()
    for (labels, unit), shift in zip(MARKS, style.spread(len(MARKS), LADDER_GAP), strict=True):
        _draw_mark(axes, scores, labels, unit, shift)
    for place, score in enumerate(scores):
        if not score.accuracies:
            axes.text(0.5, place, "not testable here", ha="center", va="center", color=style.GREY)
        else:
            _draw_chance(axes, score, place)
    names = [f"{score.rung.number}  {score.rung.change}" for score in scores]
    axes.set_yticks(range(len(scores)), names)
    axes.set(ylim=(len(scores) - 0.5, -0.5), xlim=(0, 1.02), xlabel="accuracy")
    style.declutter(axes)
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x", color="#dddddd", linewidth=0.6)
    axes.set_title(title, fontsize=10, loc="left")
    style.legend_below(figure, axes, 3)
    return figure


def _draw_mark(
    axes: Axes, scores: Sequence[RungScore], labels: Labels, unit: str, shift: float
) -> None:
    intervals = {
        place + shift: score.accuracies[labels, unit]
        for place, score in enumerate(scores)
        if (labels, unit) in score.accuracies
    }
    if not intervals:
        return
    colour, is_fragment = style.OKABE_ITO[0 if labels is Labels.TRUE else 5], unit == "fragment"
    axes.errorbar(
        [interval.value for interval in intervals.values()],
        list(intervals),
        xerr=style.reach(list(intervals.values())),
        color=colour,
        marker="o" if is_fragment else "D",
        markersize=5,
        markerfacecolor=colour if is_fragment else "white",
        linestyle="none",
        elinewidth=1.2,
        label=f"{labels} labels, by {unit}",
    )


def _draw_chance(axes: Axes, score: RungScore, place: int) -> None:
    """Draw what a guess scores on a rung: above for true labels, below for random ones."""
    for chance, low in ((score.largest, place - 0.4), (score.chance, place)):
        label = "chance" if low < 0 else None
        axes.plot([chance, chance], [low, low + 0.4], "k:", linewidth=1.2, label=label)


def draw_learning_curve(curves: Sequence[LearningCurve], chance: float, title: str) -> Figure:
    """Draw the expected accuracy over the songs of each genre; the last point is all songs."""
    figure = style.new_figure(7, 4.2)
    axes = figure.subplots()
    for index, curve in enumerate(curves):
        places = [point.n_songs * CURVE_GAP**index for point in curve.all_points]
        intervals = [point.accuracy for point in curve.all_points]
        style.draw_intervals(axes, places, intervals, index, curve.name)
    style.draw_level(axes, chance, "chance")
    sizes = sorted({point.n_songs for curve in curves for point in curve.all_points})
    axes.set_xscale("log", base=2)
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.minorticks_off()
    axes.set(ylim=(0, 1.02), xlabel="songs of each genre", ylabel="mean recall by song")
    axes.set_title(title, fontsize=11)
    axes.legend(loc="lower right", frameon=False)
    style.declutter(axes)
    return figure


def draw_lengths(scores: Sequence[NetworkScore], chance: float) -> Figure:
    """Draw the accuracy by fragment of each network over the fragment lengths.

    Thesis figure 4.15, with seeds and intervals in place of one run each; combinations may be
    missing. ``chance`` is the score of always predicting the largest genre.
    """
    lines: dict[str, dict[float, Interval]] = defaultdict(dict)
    for score in scores:
        lines[score.network][score.fragment_s] = score.by_fragment
    figure = style.new_figure(8, 4.2, "Mean over seeds and 95 % interval by song group")
    axes = figure.subplots()
    style.draw_lines(axes, lines, LENGTH_GAP)
    style.draw_level(axes, chance, "largest genre")
    axes.set(xlabel="fragment length (s)", ylabel="test accuracy by fragment", ylim=(0, 1.02))
    style.show_percent(axes)
    style.declutter(axes)
    style.legend_right(figure, axes)
    return figure


@dataclass(frozen=True, slots=True, kw_only=True)
class CostedScore:
    """The best network of one representation and length, and its bytes a song on the disk.

    ``validation`` is the macro F1 by song, in 0..1.
    """

    representation: str
    fragment_s: float
    bytes_per_song: float
    validation: Interval


def draw_storage(scores: Sequence[CostedScore]) -> Figure:
    """Draw validation macro F1 over bytes a song, a line a representation.

    A line joins the lengths, of which the shortest and the longest are named. Thesis section
    6.4.3: the best length for the storage that it costs. One score at least, in any order.
    """
    title = "The best network of each representation and length, with 95 % intervals"
    figure = style.new_figure(8.5, 4.6, title)
    axes = figure.subplots()
    for index, representation in enumerate(dict.fromkeys(s.representation for s in scores)):
        own = (score for score in scores if score.representation == representation)
        line = sorted(own, key=lambda score: score.fragment_s)
        sizes = [score.bytes_per_song for score in line]
        style.draw_intervals(axes, sizes, [s.validation for s in line], index, representation)
        for score in dict.fromkeys((line[0], line[-1])):
            place = score.bytes_per_song, score.validation.value
            style.annotate(
                axes, f"{score.fragment_s:g} s", place, (12, 5), style.line_style(index)[0]
            )
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(EngFormatter(unit="B"))
    axes.set(xlabel="storage of a song's fragments, compressed", ylim=(0, 1.02))
    axes.set_ylabel("macro F1 by song, validation")
    style.declutter(axes)
    style.legend_right(figure, axes)
    return figure


def draw_benchmark(
    ours: Mapping[str, Interval], published: Mapping[str, float], comparable: Sequence[str]
) -> Figure:
    """Draw our accuracies with 95 % intervals above published ones, which have none.

    Names of ``published`` that are not ``comparable`` are drawn hollow. ValueError without ours.
    """
    if not ours:
        raise ValueError("there is no score to draw. Train a model first.")
    names = [*ours, *published]
    figure = style.new_figure(9.0, 1.4 + 0.32 * len(names))
    axes = figure.subplots()
    axes.errorbar(
        [one.value for one in ours.values()],
        range(len(ours)),
        xerr=style.reach(list(ours.values())),
        color=style.OKABE_ITO[0],
        marker="o",
        linestyle="none",
        elinewidth=1.2,
        capsize=3,
        label="genreflow, 95 % interval",
    )
    for is_filled, label in ((True, "published"), (False, "published, not comparable")):
        own = [name for name in published if (name in comparable) is is_filled]
        if own:
            axes.scatter(
                [published[name] for name in own],
                [names.index(name) for name in own],
                marker="D",
                s=26,
                facecolors=style.OKABE_ITO[5] if is_filled else "white",
                edgecolors=style.OKABE_ITO[5],
                label=label,
            )
    axes.set_yticks(range(len(names)), names)
    axes.set(ylim=(len(names) - 0.5, -0.5), xlim=(0, 1.02), xlabel="accuracy")
    style.declutter(axes)
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x", color="#dddddd", linewidth=0.6)
    style.legend_below(figure, axes, 3)
    return figure
