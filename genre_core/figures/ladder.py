"""The ladder as a figure: what each rung scores on true and on random labels."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genre_core.bootstrap import Interval
from genre_core.figures.palette import line_style
from genre_core.ladder.scores import RungScore

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
