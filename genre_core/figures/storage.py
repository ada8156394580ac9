"""What a representation and a length cost in storage, and what they are worth."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullLocator

from genre_core.bootstrap import Interval
from genre_core.figures.palette import declutter, line_style


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
