"""Figures of the nightly report: new songs, drift, champions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from genre_core.evaluation.bootstrap import Float64Array, Interval
from genre_core.figures import style
from genre_core.records import NO_GENRE, counted

OUTCOMES = (
    ("ok", "in", style.OKABE_ITO[0]),
    ("duplicate", "duplicate", style.OKABE_ITO[4]),
    ("quarantined", "left out", style.OKABE_ITO[5]),
    ("retryable", "tried again next night", style.OKABE_ITO[1]),
)
SIDES = (("new", style.OKABE_ITO[5]), ("validation", style.OKABE_ITO[0]))
SHIFT = 0.17
"""Distance of the two sides of a band from its middle; bands are 1 wide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChampionScore:
    """A champion as it was promoted; ``evaluated_on`` names the songs of its score."""

    version: int
    day: str
    network: str
    score: Interval
    evaluated_on: str


def draw_songs(
    tonight: Mapping[str, Mapping[str, int]], library: Mapping[str, Mapping[str, int]]
) -> Figure:
    """Draw the songs of a night and of the library; numbers are by genre and outcome."""
    genres = sorted({*tonight, *library}, reverse=True) or [""]
    figure = style.new_figure(8.5, max(2.4, 1.5 + 0.32 * len(genres)))
    panels = figure.subplots(1, 2, sharey=True)
    named = {"this night": tonight, "library": library}
    for axes, (title, counts) in zip(panels, named.items(), strict=True):
        n_songs = sum(sum(of_genre.values()) for of_genre in counts.values())
        _draw_stacks(axes, genres, counts)
        axes.set_title(f"{title}: {counted(n_songs, 'song')}", fontsize=11)
    style.legend_below(figure, panels[0], len(OUTCOMES))
    return figure


def _draw_stacks(
    axes: Axes, genres: Sequence[str], counts: Mapping[str, Mapping[str, int]]
) -> None:
    left = np.zeros(len(genres))
    for outcome, name, colour in OUTCOMES:
        widths = np.array([counts.get(genre, {}).get(outcome, 0) for genre in genres], np.float64)
        axes.barh(range(len(genres)), widths, left=left, color=colour, label=name, height=0.65)
        left += widths
    axes.set_yticks(range(len(genres)), [genre or NO_GENRE for genre in genres])
    axes.set_xlim(0, max(1.0, float(left.max()) * 1.05))
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel("songs")


def draw_drift(
    levels: tuple[Float64Array, Float64Array],
    confidence: tuple[Float64Array, Float64Array],
    drifting: Sequence[bool],
) -> Figure:
    """Draw the levels of bands and the confidence of new songs beside those of known ones.

    Each is a pair, of new and of known songs: levels (n_songs, n_bands), and the highest tempered
    probability of each song, of which either side may be empty. Bands that differ get a star.
    """
    figure = style.new_figure(9, 3.8)
    bands, sure = figure.subplots(1, 2, width_ratios=(3, 2))
    places = np.arange(1, len(drifting) + 1)
    for (name, colour), of_side, shift in zip(SIDES, levels, (-SHIFT, SHIFT), strict=True):
        low, middle, high = np.quantile(of_side, [0.25, 0.5, 0.75], axis=0)
        bands.errorbar(
            places + shift,
            middle,
            yerr=[middle - low, high - middle],
            fmt="o",
            color=colour,
            markersize=5,
            elinewidth=2,
            label=f"{name}, {counted(len(of_side), 'song')}",
        )
    stars = [f"{place}*" if d else f"{place}" for place, d in zip(places, drifting, strict=True)]
    bands.set_xticks(places, stars)
    bands.set_xlabel("band, low to high (* differs)")
    _finish(bands, "level in the matrices: median and quartiles")
    _draw_shares(sure, confidence)
    return figure


def draw_confidence(confidence: tuple[Float64Array, Float64Array]) -> Figure:
    """Draw the confidence of new songs beside that of known ones, as `draw_drift` does."""
    figure = style.new_figure(4.5, 3.8)
    _draw_shares(figure.subplots(), confidence)
    return figure


def _draw_shares(axes: Axes, confidence: tuple[Float64Array, Float64Array]) -> None:
    """Draw the share of songs with at most each confidence; a side may be empty."""
    for (name, colour), of_side in zip(SIDES, confidence, strict=True):
        if len(of_side):
            axes.ecdf(of_side, color=colour, label=f"{name}, {counted(len(of_side), 'song')}")
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="confidence")
    style.show_percent(axes)
    _finish(axes, "songs with at most this confidence")


def _finish(axes: Axes, title: str) -> None:
    axes.set_title(title, fontsize=11)
    style.declutter(axes)
    axes.legend(frameon=False, fontsize=9)


def draw_champions(champions: Sequence[ChampionScore]) -> Figure:
    """Draw the score of each champion with its interval, in the order of promotion.

    Scores on different songs cannot be compared: a line joins those on the same songs.
    """
    figure = style.new_figure(8.5, 3.6)
    axes = figure.subplots()
    for index, songs in enumerate(dict.fromkeys(one.evaluated_on for one in champions)):
        places = [place for place, one in enumerate(champions) if one.evaluated_on == songs]
        scores = [champions[place].score for place in places]
        style.draw_intervals(axes, places, scores, index, songs or "validation")
    names = [f"v{one.version} {one.network}\n{one.day}" for one in champions]
    step = max(1, len(names) // 8)
    axes.set_xticks(range(0, len(names), step), names[::step], fontsize=8)
    axes.set(xlim=(-0.5, len(names) - 0.5), ylim=(0, 1.02), ylabel="macro F1 by song")
    axes.set_title("Champions as they were promoted, with 95 % intervals", fontsize=11)
    style.declutter(axes)
    axes.legend(title="evaluated on", frameon=False, fontsize=9, loc="lower right")
    return figure
