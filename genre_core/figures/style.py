"""Colours that colour-blind readers can tell apart, and the look of all figures."""

from matplotlib.axes import Axes

OKABE_ITO = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#D55E00",
    "#000000",
    "#999999",
)
"""Okabe and Ito, Color Universal Design (2008), without its yellow, too pale on white."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
"""A shape for each colour, for print without colours."""


def line_style(index: int) -> tuple[str, str]:
    """Give colour and marker of a line; no two of the first 64 share both."""
    turn, place = divmod(index, len(OKABE_ITO))
    return OKABE_ITO[place], MARKERS[(place + turn) % len(MARKERS)]


def declutter(axes: Axes) -> None:
    """Leave only the axes that carry numbers, and a faint horizontal grid."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, axis="y", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
