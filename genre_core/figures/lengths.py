"""Accuracy by fragment length and network."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from genre_core.claims.evidence import NetworkScore
from genre_core.figures.palette import declutter, line_style

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
