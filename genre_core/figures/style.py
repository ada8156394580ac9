"""The look that all figures share: colours, axes, legends, intervals, scales of colours."""

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from genre_core.evaluation.bootstrap import Interval
from genre_core.figures.colours import MARKERS as MARKERS
from genre_core.figures.colours import OKABE_ITO as OKABE_ITO

mpl.rcParams["text.parse_math"] = False  # a dollar in the name of a genre or song is no formula

DARK, GREY = "#333333", "#666666"


def new_figure(width: float, height: float, title: str = "") -> Figure:
    """Return an empty figure whose parts do not overlap; sizes in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    if title:
        figure.suptitle(title, wrap=True)
    return figure


def line_style(index: int) -> tuple[str, str]:
    """Return colour and marker of a line; no two of the first 64 share both."""
    turn, place = divmod(index, len(OKABE_ITO))
    return OKABE_ITO[place], MARKERS[(place + turn) % len(MARKERS)]


def declutter(axes: Axes) -> None:
    """Leave only the axes that carry numbers, and a faint horizontal grid."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, axis="y", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)


def strip(axes: Axes) -> None:
    """Remove ticks and frame."""
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def show_percent(axes: Axes) -> None:
    """Write the vertical axis in per cent of 1."""
    axes.yaxis.set_major_formatter(PercentFormatter(1))


def legend_right(figure: Figure, axes: Axes) -> None:
    """Put the legend of some axes right of the figure."""
    figure.legend(*axes.get_legend_handles_labels(), loc="outside right center", frameon=False)


def legend_below(figure: Figure, axes: Axes, n_columns: int = 1) -> None:
    """Put the legend of some axes below the figure."""
    handles = axes.get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=n_columns, frameon=False)


def add_colour_bar(
    figure: Figure, image: ScalarMappable, axes: Axes | Sequence[Axes], label: str
) -> None:
    """Add the scale of colours beside some axes."""
    bar = figure.colorbar(image, ax=axes, shrink=0.85, pad=0.02)
    bar.set_label(label)
    bar.outline.set_visible(False)


def reach(intervals: Sequence[Interval]) -> npt.NDArray[np.float64]:
    """Return how far intervals reach below and above their values, (2, n_intervals)."""
    ends = [(one.value - one.low, one.high - one.value) for one in intervals]
    return np.array(ends, np.float64).reshape(-1, 2).T


def draw_intervals(
    axes: Axes, places: Sequence[float], intervals: Sequence[Interval], index: int, label: str
) -> None:
    """Draw values, joined from left to right, with their intervals as bars."""
    colour, marker = line_style(index)
    axes.errorbar(
        places,
        [one.value for one in intervals],
        yerr=reach(intervals),
        color=colour,
        marker=marker,
        ecolor=(colour, 0.4),
        elinewidth=1,
        capsize=3,
        label=label,
    )


def draw_lines(
    axes: Axes, lines: Mapping[str, Mapping[float, Interval]], gap: float, most: float = np.inf
) -> None:
    """Draw a line a name over the numbers that they share, at distances of 1.

    The points of the lines are beside each other, see `spread`.
    """
    numbers = sorted({number for line in lines.values() for number in line})
    shifts = spread(len(lines), gap, most)
    for index, (name, line) in enumerate(lines.items()):
        own = sorted(line)
        places = [numbers.index(number) + shifts[index] for number in own]
        draw_intervals(axes, places, [line[number] for number in own], index, name)
    axes.set_xticks(range(len(numbers)), [f"{number:g}" for number in numbers])


def annotate(
    axes: Axes, text: str, place: tuple[float, float], shift: tuple[float, float], colour: str
) -> None:
    """Write a small note beside a place; ``shift`` in points."""
    note = axes.annotate(text, place, xytext=shift, textcoords="offset points")
    note.set(ha="center", fontsize=8, color=colour)


def draw_level(axes: Axes, level: float, label: str) -> None:
    """Draw a dotted horizontal line, such as chance."""
    axes.axhline(level, color=GREY, linestyle=":", linewidth=1.2, label=label, zorder=1)


def spread(n: int, gap: float, most: float = np.inf) -> npt.NDArray[np.float64]:
    """Return places beside each other around 0, at a distance ``gap`` and within ± ``most``."""
    end = min(gap * (n - 1) / 2, most)
    return np.linspace(-end, end, n) if n > 1 else np.zeros(1)
