"""Networks compared: macro F1 by song over networks and fragment lengths, each seed a dot."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genre_core.figures.palette import declutter, line_style
from genre_core.metrics import Float64Array

SPLITS = ("validation", "test")
NETWORK_GAP, SEED_GAP = 0.03, 0.15
"""Room between lines of a length and between dots of a network; places are 1 apart."""

LEVEL_NAMES = 4
"""So many networks can be named level below the axis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedRun:
    """One training in a comparison; both scores are macro F1 by song, in 0..1."""

    network: str
    fragment_s: float
    seed: int
    validation_macro_f1: float
    test_macro_f1: float


def draw_comparison(rows: Sequence[ComparedRun]) -> Figure:
    """Draw validation and test macro F1 of the compared networks.

    With several fragment lengths a line a network joins the means over seeds; with one length
    the networks stand side by side.

    Parameters
    ----------
    rows : sequence of ComparedRun
        In any order; combinations may be missing.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there is no run.

    Notes
    -----
    Thesis figure 4.15, with seeds in place of one run each.
    """
    if not rows:
        raise ValueError("there is no run to compare. Train a network first.")
    by_length = len({row.fragment_s for row in rows}) > 1
    figure = Figure(figsize=(9.5, 4.2), layout="constrained")
    panels = figure.subplots(1, len(SPLITS), sharey=True)
    for axes, split in zip(panels, SPLITS, strict=True):
        (_draw_lengths if by_length else _draw_networks)(axes, rows, f"{split}_macro_f1")
        axes.set_title(split, fontsize=11)
        axes.set_ylim(0, 1)
        declutter(axes)
    panels[0].set_ylabel("macro F1 by song")
    if by_length:
        handles, names = panels[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside right center", frameon=False)
    figure.suptitle(_title(rows, by_length))
    return figure


def _draw_lengths(axes: Axes, rows: Sequence[ComparedRun], score: str) -> None:
    """Draw a line a network over the fragment lengths, the networks a little beside each other."""
    networks, lengths = _in_order(rows)
    shifts = _spread(len(networks), NETWORK_GAP)
    for index, network in enumerate(networks):
        places = [
            lengths.index(row.fragment_s) + shifts[index] for row in rows if row.network == network
        ]
        values = [getattr(row, score) for row in rows if row.network == network]
        colour, marker = line_style(index)
        axes.plot(*_means(places, values), color=colour, marker=marker, markersize=5, label=network)
        axes.scatter(places, values, color=colour, marker=marker, s=14, alpha=0.45, linewidths=0)
    axes.set_xticks(range(len(lengths)), [f"{length:g}" for length in lengths])
    axes.set_xlabel("fragment length (s)")


def _draw_networks(axes: Axes, rows: Sequence[ComparedRun], score: str) -> None:
    """Draw the networks side by side, a bar at the mean and a dot a seed."""
    networks, _ = _in_order(rows)
    for index, network in enumerate(networks):
        values = [getattr(row, score) for row in rows if row.network == network]
        colour, _ = line_style(index)
        axes.hlines(np.mean(values), index - 0.3, index + 0.3, color=colour, linewidth=2.5)
        axes.scatter(index + _spread(len(values), SEED_GAP), values, s=22, color=colour, alpha=0.6)
    crowded = len(networks) > LEVEL_NAMES
    axes.set_xticks(range(len(networks)), networks, rotation=30 if crowded else 0)
    middle, half = (len(networks) - 1) / 2, max(len(networks), LEVEL_NAMES) / 2
    axes.set_xlim(middle - half, middle + half)


def _in_order(rows: Iterable[ComparedRun]) -> tuple[list[str], list[float]]:
    """Give the networks in order of appearance and the fragment lengths from short to long."""
    networks = list(dict.fromkeys(row.network for row in rows))
    return networks, sorted({row.fragment_s for row in rows})


def _spread(n_dots: int, gap: float) -> Float64Array:
    """Give the places of dots that stand beside each other, around 0 and within ±0.3."""
    reach = min(gap * (n_dots - 1) / 2, 0.3)
    return np.linspace(-reach, reach, n_dots) if n_dots > 1 else np.zeros(1)


def _means(places: Sequence[float], values: Sequence[float]) -> tuple[list[float], list[float]]:
    """Give the places from left to right and the mean of the values at each."""
    ordered = sorted(set(places))
    means = [
        float(np.mean([value for at, value in zip(places, values, strict=True) if at == place]))
        for place in ordered
    ]
    return ordered, means


def _title(rows: Sequence[ComparedRun], by_length: bool) -> str:
    """Say what a dot and a line are."""
    if by_length:
        return "Networks by fragment length: a dot a seed, a line through the means"
    return f"Networks on fragments of {rows[0].fragment_s:g} s: a dot a seed, a bar at the mean"
