"""Aggregation: the score of songs by the number of fragments that vote, for each vote."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genre_core.aggregation import VotedScore
from genre_core.figures.palette import declutter, line_style

MEASURES = {"accuracy": "accuracy by song", "macro_f1": "macro F1 by song"}
GAP = 0.07
"""Room between the votes at one number; numbers are 1 apart."""


def draw_aggregation(scores: Sequence[VotedScore], title: str) -> Figure:
    """Draw accuracy and macro F1 against the number of fragments, a line a vote.

    Parameters
    ----------
    scores : sequence of VotedScore
        One at least.
    title : str

    Returns
    -------
    matplotlib.figure.Figure

    Notes
    -----
    Thesis section 5.2, with all votes and numbers in place of one each.
    """
    figure = Figure(figsize=(9.5, 4.2), layout="constrained")
    panels = figure.subplots(1, len(MEASURES), sharey=True)
    for axes, (measure, label) in zip(panels, MEASURES.items(), strict=True):
        _draw_votes(axes, scores, measure)
        axes.set(xlabel="fragments that vote", ylim=(0, 1.02))
        axes.set_title(label, fontsize=11)
        declutter(axes)
    panels[0].set_ylabel("score, with 95 % interval")
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside right center", frameon=False)
    figure.suptitle(title, wrap=True)
    return figure


def _draw_votes(axes: Axes, scores: Sequence[VotedScore], measure: str) -> None:
    """Draw a line a vote, the votes a little beside each other."""
    counts = sorted({score.n_fragments for score in scores})
    votes = list(dict.fromkeys(score.vote for score in scores))
    for index, vote in enumerate(votes):
        shift = GAP * (index - (len(votes) - 1) / 2)
        drawn = [score for score in scores if score.vote == vote]
        found = np.array(
            [
                (i.value, i.value - i.low, i.high - i.value)
                for i in (getattr(s, measure) for s in drawn)
            ]
        )
        colour, marker = line_style(index)
        axes.errorbar(
            [counts.index(score.n_fragments) + shift for score in drawn],
            found[:, 0],
            yerr=found[:, 1:].T,
            color=colour,
            marker=marker,
            markersize=5,
            linewidth=1.4,
            elinewidth=0.9,
            capsize=2,
            label=vote.replace("_", "-"),
        )
    axes.set_xticks(range(len(counts)), [str(count) for count in counts])
