"""Networks compared: macro F1 by song, with intervals, over networks and fragment lengths."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genre_core.evaluation.bootstrap import Interval
from genre_core.figures import style

SPLITS = ("validation", "test")
NETWORK_GAP, SEED_GAP = 0.06, 0.12
"""Distance of networks at a length, and of dots from a mean; that of lengths is 1."""

MOST_SHIFT = 0.3
LEVEL_NAMES = 4
"""So many networks can be named level below the axis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedGroup:
    """Trainings that differ by seed alone; scores are macro F1 by song, in 0..1.

    The name is that of the network, with its representation where several are compared.
    """

    name: str
    fragment_s: float
    validation: Interval
    test: Interval
    validation_by_seed: tuple[float, ...]
    test_by_seed: tuple[float, ...]


def draw_comparison(groups: Sequence[ComparedGroup]) -> Figure:
    """Draw validation and test macro F1 of the compared networks, with their intervals.

    With several fragment lengths a line a network joins the means over seeds; with one length
    the networks are side by side. Thesis figure 4.15, with seeds and intervals. ValueError if
    there is no group.
    """
    if not groups:
        raise ValueError("there is no run to compare. Train a network first.")
    by_length = len({group.fragment_s for group in groups}) > 1
    where = "by fragment length" if by_length else f"on fragments of {groups[0].fragment_s:g} s"
    title = f"Networks {where}: mean over seeds and 95 % interval by song group"
    figure = style.new_figure(9.5, 4.2, title)
    panels = figure.subplots(1, len(SPLITS), sharey=True)
    for axes, split in zip(panels, SPLITS, strict=True):
        if by_length:
            lines: dict[str, dict[float, Interval]] = defaultdict(dict)
            for group in groups:
                lines[group.name][group.fragment_s] = getattr(group, split)
            style.draw_lines(axes, lines, NETWORK_GAP, MOST_SHIFT)
            axes.set_xlabel("fragment length (s)")
        else:
            _draw_networks(axes, groups, split)
        axes.set_title(split, fontsize=11)
        axes.set_ylim(0, 1.02)
        style.declutter(axes)
    panels[0].set_ylabel("macro F1 by song")
    if by_length:
        style.legend_right(figure, panels[0])
    return figure


def _draw_networks(axes: Axes, groups: Sequence[ComparedGroup], split: str) -> None:
    """Draw the networks side by side, each with a dot a seed; one seed is the mean itself."""
    for index, group in enumerate(groups):
        style.draw_intervals(axes, [index], [getattr(group, split)], index, group.name)
        values = getattr(group, f"{split}_by_seed")
        if len(values) > 1:
            places = index + SEED_GAP + style.spread(len(values), SEED_GAP / 3, MOST_SHIFT)
            axes.scatter(
                places, values, s=14, color=style.line_style(index)[0], alpha=0.5, linewidths=0
            )
    names = [group.name for group in groups]
    axes.set_xticks(range(len(names)), names, rotation=30 if len(names) > LEVEL_NAMES else 0)
    middle, half = (len(names) - 1) / 2, max(len(names), LEVEL_NAMES) / 2
    axes.set_xlim(middle - half, middle + half)
