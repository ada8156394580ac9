"""The ladder as a figure: what each rung scores on true and on random labels."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullLocator

from genre_core.evaluation.bootstrap import Interval
from genre_core.figures.style import declutter, line_style
from genre_core.studies.ladder.scores import RungScore
from genre_core.studies.learning_curve import Curve

TRUE, RANDOM = line_style(0)[0], line_style(5)[0]
FRAGMENT, SONG = "o", "D"
GAP = 0.13
"""Room between the four marks of a rung; rungs are 1 apart."""

ROWS = (
    ("true", "fragment", TRUE, FRAGMENT, "true labels, by fragment"),
    ("true", "song", TRUE, SONG, "true labels, by song"),
    ("random", "fragment", RANDOM, FRAGMENT, "random labels, by fragment"),
    ("random", "song", RANDOM, SONG, "random labels, by song"),
)


def draw_ladder(scores: Sequence[RungScore], title: str) -> Figure:
    """Draw accuracy and 95 % interval of each rung, the published protocol at the top.

    Parameters
    ----------
    scores : sequence of RungScore
        In order; a rung that cannot be tested stays an empty line that says so.
    title : str

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there is no rung.
    """
    if not scores:
        raise ValueError("there is no rung to draw. Measure one first.")
    figure = Figure(figsize=(9.0, 1.6 + 0.55 * len(scores)), layout="constrained")
    axes = figure.subplots()
    for row in range(len(ROWS)):
        _draw_row(axes, scores, row)
    for place, score in enumerate(scores):
        if score.true is None:
            axes.text(0.5, place, "not testable here", ha="center", va="center", color="#666666")
    _draw_chance(axes, scores)
    _label(axes, scores)
    axes.set_title(title, fontsize=10, loc="left")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _draw_row(axes: Axes, scores: Sequence[RungScore], row: int) -> None:
    labels, unit, colour, marker, name = ROWS[row]
    found: list[tuple[float, Interval]] = []
    for place, score in enumerate(scores):
        accuracy = getattr(score, labels)
        interval = getattr(accuracy, unit) if accuracy else None
        if interval:
            found.append((place + GAP * (row - (len(ROWS) - 1) / 2), interval))
    if not found:
        return
    axes.errorbar(
        [interval.value for _, interval in found],
        [place for place, _ in found],
        xerr=[[i.value - i.low for _, i in found], [i.high - i.value for _, i in found]],
        color=colour,
        marker=marker,
        markersize=5,
        markerfacecolor=colour if marker == FRAGMENT else "white",
        linestyle="none",
        elinewidth=1.2,
        label=name,
    )


def _draw_chance(axes: Axes, scores: Sequence[RungScore]) -> None:
    """Draw what no listening gets on each rung: above for true labels, below for random ones."""
    for place, score in enumerate(scores):
        if score.true is None:
            continue
        for chance, low, high in (
            (score.largest, place - 0.4, place),
            (score.chance, place, place + 0.4),
        ):
            label = "chance" if low < 0 else None
            axes.plot([chance, chance], [low, high], "k:", linewidth=1.2, label=label)


def _label(axes: Axes, scores: Sequence[RungScore]) -> None:
    names = [f"{score.rung.number}  {score.rung.mended}" for score in scores]
    axes.set_yticks(range(len(scores)), names)
    axes.set_ylim(len(scores) - 0.5, -0.5)
    axes.set_xlim(0, 1.02)
    axes.set_xlabel("accuracy")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, axis="x", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)


LABEL_GAP = 1.06
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
            [point.n_songs * LABEL_GAP**index for point in points],
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

    A line joins the lengths, of which the shortest and the longest are named.

    Parameters
    ----------
    scores : sequence of CostedScore
        At least one, in any order.

    Returns
    -------
    matplotlib.figure.Figure

    Notes
    -----
    Thesis section 6.4.3: the best length for the storage that it costs.
    """
    figure = Figure(figsize=(8.5, 4.6), layout="constrained")
    axes = figure.subplots()
    for index, representation in enumerate(dict.fromkeys(s.representation for s in scores)):
        line = sorted(
            (score for score in scores if score.representation == representation),
            key=lambda score: score.fragment_s,
        )
        colour, marker = line_style(index)
        sizes = [score.bytes_per_song for score in line]
        values = [score.validation.value for score in line]
        axes.plot(sizes, values, color=colour, marker=marker, label=representation)
        axes.vlines(
            sizes,
            [score.validation.low for score in line],
            [score.validation.high for score in line],
            color=colour,
            alpha=0.35,
        )
        for score in dict.fromkeys((line[0], line[-1])):
            place = (score.bytes_per_song, score.validation.value)
            axes.annotate(
                f"{score.fragment_s:g} s",
                place,
                xytext=(4, 5),
                textcoords="offset points",
                fontsize=8,
                color=colour,
            )
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(EngFormatter(unit="B"))
    axes.set_xlabel("storage of a song's fragments, compressed")
    axes.set_ylabel("macro F1 by song, validation")
    axes.set_ylim(0, 1.02)
    declutter(axes)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside right center", frameon=False)
    figure.suptitle("The best network of each representation and length, with 95 % intervals")
    return figure
