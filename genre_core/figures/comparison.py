"""Networks compared: macro F1 by song, with intervals, over networks and fragment lengths."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from genre_core.evaluation.bootstrap import Float64Array, Interval
from genre_core.figures.style import declutter, line_style
from genre_core.studies.claims.evidence import NetworkScore

SPLITS = ("validation", "test")
NETWORK_GAP, SEED_GAP = 0.06, 0.12
"""Room between lines of a length and beside a mean for its dots; places are 1 apart."""

LEVEL_NAMES = 4
"""So many networks can be named level below the axis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedGroup:
    """Trainings that differ by seed alone; scores are macro F1 by song, in 0..1.

    Attributes
    ----------
    name : str
        The network, with its representation where several are compared.
    fragment_s : float
    validation, test : Interval
        Averaged over seeds.
    validation_by_seed, test_by_seed : tuple of float
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
    the networks stand side by side.

    Parameters
    ----------
    groups : sequence of ComparedGroup
        In any order; combinations may be missing.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there is no group.

    Notes
    -----
    Thesis figure 4.15, with seeds and intervals in place of one run each.
    """
    if not groups:
        raise ValueError("there is no run to compare. Train a network first.")
    by_length = len({group.fragment_s for group in groups}) > 1
    figure = Figure(figsize=(9.5, 4.2), layout="constrained")
    panels = figure.subplots(1, len(SPLITS), sharey=True)
    for axes, split in zip(panels, SPLITS, strict=True):
        (_draw_lengths if by_length else _draw_networks)(axes, groups, split)
        axes.set_title(split, fontsize=11)
        axes.set_ylim(0, 1.02)
        declutter(axes)
    panels[0].set_ylabel("macro F1 by song")
    if by_length:
        handles, names = panels[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside right center", frameon=False)
    figure.suptitle(_title(groups, by_length))
    return figure


def _draw_lengths(axes: Axes, groups: Sequence[ComparedGroup], split: str) -> None:
    """Draw a line a network over the fragment lengths, the networks a little beside each other."""
    networks, lengths = _in_order(groups)
    shifts = _spread(len(networks), NETWORK_GAP)
    for index, network in enumerate(networks):
        own = sorted((g for g in groups if g.name == network), key=lambda g: g.fragment_s)
        places = [lengths.index(group.fragment_s) + shifts[index] for group in own]
        _draw_bars(axes, places, [getattr(group, split) for group in own], index, network)
    axes.set_xticks(range(len(lengths)), [f"{length:g}" for length in lengths])
    axes.set_xlabel("fragment length (s)")


def _draw_networks(axes: Axes, groups: Sequence[ComparedGroup], split: str) -> None:
    """Draw the networks side by side, each with a dot a seed."""
    networks, _ = _in_order(groups)
    for index, group in enumerate(sorted(groups, key=lambda group: networks.index(group.name))):
        _draw_bars(axes, [index], [getattr(group, split)], index, group.name)
        _draw_seeds(axes, index, getattr(group, f"{split}_by_seed"), index)
    crowded = len(networks) > LEVEL_NAMES
    axes.set_xticks(range(len(networks)), networks, rotation=30 if crowded else 0)
    middle, half = (len(networks) - 1) / 2, max(len(networks), LEVEL_NAMES) / 2
    axes.set_xlim(middle - half, middle + half)


def _draw_bars(
    axes: Axes, places: Sequence[float], scores: Sequence[Interval], index: int, name: str
) -> None:
    """Draw means, joined from left to right, with their intervals as bars."""
    colour, marker = line_style(index)
    reach = [[i.value - i.low for i in scores], [i.high - i.value for i in scores]]
    axes.errorbar(
        places,
        [interval.value for interval in scores],
        yerr=reach,
        color=colour,
        marker=marker,
        markersize=6,
        ecolor=(colour, 0.4),
        elinewidth=1,
        capsize=3,
        label=name,
    )


def _draw_seeds(axes: Axes, place: float, values: Sequence[float], index: int) -> None:
    """Draw a dot a seed, right of the mean; one seed is the mean itself."""
    if len(values) > 1:
        shifts = place + SEED_GAP + _spread(len(values), SEED_GAP / 3)
        axes.scatter(shifts, values, s=14, color=line_style(index)[0], alpha=0.5, linewidths=0)


def _in_order(groups: Iterable[ComparedGroup]) -> tuple[list[str], list[float]]:
    """Give the networks in order of appearance and the fragment lengths from short to long."""
    networks = list(dict.fromkeys(group.name for group in groups))
    return networks, sorted({group.fragment_s for group in groups})


def _spread(n_dots: int, gap: float) -> Float64Array:
    """Give the places of dots that stand beside each other, around 0 and within ±0.3."""
    reach = min(gap * (n_dots - 1) / 2, 0.3)
    return np.linspace(-reach, reach, n_dots) if n_dots > 1 else np.zeros(1)


def _title(groups: Sequence[ComparedGroup], by_length: bool) -> str:
    """Say what is compared and what a bar is."""
    shown = "mean over seeds and 95 % interval by song group"
    if by_length:
        return f"Networks by fragment length: {shown}"
    return f"Networks on fragments of {groups[0].fragment_s:g} s: {shown}"


GAP = 0.05
"""Room between networks at one length; lengths are 1 apart."""


def draw_lengths(scores: Sequence[NetworkScore], chance: float) -> Figure:
    """Draw the accuracy by fragment of each network over the fragment lengths.

    Parameters
    ----------
    scores : sequence of NetworkScore
        In any order; combinations may be missing.
    chance : float
        What naming the largest genre always would score.

    Returns
    -------
    matplotlib.figure.Figure

    Notes
    -----
    Thesis figure 4.15, with seeds and intervals in place of one run each.
    """
    lengths = sorted({score.fragment_s for score in scores})
    networks = list(dict.fromkeys(score.network for score in scores))
    figure = Figure(figsize=(8, 4.2), layout="constrained")
    axes = figure.subplots()
    for index, network in enumerate(networks):
        own = sorted((s for s in scores if s.network == network), key=lambda s: s.fragment_s)
        shift = GAP * (index - (len(networks) - 1) / 2)
        accuracies = [score.by_fragment for score in own]
        colour, marker = line_style(index)
        axes.errorbar(
            [lengths.index(score.fragment_s) + shift for score in own],
            [accuracy.value for accuracy in accuracies],
            yerr=[[a.value - a.low for a in accuracies], [a.high - a.value for a in accuracies]],
            color=colour,
            marker=marker,
            elinewidth=1,
            capsize=3,
            label=network,
        )
    axes.axhline(chance, color="#666666", linestyle=":", linewidth=1.2, label="largest genre")
    axes.set_xticks(range(len(lengths)), [f"{length:g}" for length in lengths])
    axes.set(xlabel="fragment length (s)", ylabel="test accuracy by fragment", ylim=(0, 1.02))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    declutter(axes)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside right center", frameon=False)
    figure.suptitle("Mean over seeds and 95 % interval by song group")
    return figure
