"""Figures of the nightly report: new songs, drift, champions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from genre_core.evaluation.bootstrap import Float64Array, Interval
from genre_core.figures.style import OKABE_ITO, declutter
from genre_core.records import NO_GENRE

OUTCOMES = (
    ("ok", "in", OKABE_ITO[0]),
    ("duplicate", "duplicate", OKABE_ITO[4]),
    ("quarantined", "left out", OKABE_ITO[5]),
    ("retryable", "tried again next night", OKABE_ITO[1]),
)
NEW, KNOWN = OKABE_ITO[5], OKABE_ITO[0]
SHIFT = 0.17
"""How far the two sides of a band stand from its middle; bands are 1 apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChampionScore:
    """A champion as it was promoted; ``judged_on`` names the songs of its score."""

    version: int
    day: str
    network: str
    score: Interval
    judged_on: str


def draw_songs(
    tonight: Mapping[str, Mapping[str, int]], library: Mapping[str, Mapping[str, int]]
) -> Figure:
    """Draw the songs of a night and of the library, by genre and outcome.

    Parameters
    ----------
    tonight, library : mapping
        From genre to outcome to number of songs.
    """
    genres = sorted({*tonight, *library}, reverse=True) or [""]
    figure = Figure(figsize=(8.5, max(2.4, 1.5 + 0.32 * len(genres))), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, counts, title in zip(
        panels, (tonight, library), ("this night", "library"), strict=True
    ):
        n_songs = sum(sum(of_genre.values()) for of_genre in counts.values())
        _draw_stacks(axes, genres, counts)
        axes.set_title(f"{title}: {n_songs} songs", fontsize=11)
    figure.legend(
        *panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False
    )
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

    Parameters
    ----------
    levels : two of float64 [shape=(n_songs, n_bands)]
        Of new songs, and of known ones.
    confidence : two of float64 [shape=(n_songs,)]
        Highest tempered probability, in 0..1; either side may be empty.
    drifting : sequence of bool [shape=(n_bands,)]
        Which bands differ; they get a star.
    """
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    bands, sure = figure.subplots(1, 2, width_ratios=(3, 2))
    sides = (("new", NEW, -SHIFT), ("validation", KNOWN, SHIFT))
    for (name, colour, shift), of_side in zip(sides, levels, strict=True):
        _draw_quartiles(bands, of_side, colour, shift, f"{name}, {len(of_side)} songs")
    places = np.arange(1, len(drifting) + 1)
    bands.set_xticks(
        places, [f"{p}*" if d else f"{p}" for p, d in zip(places, drifting, strict=True)]
    )
    bands.set(
        xlabel="band, low to high (* differs)", title="level in the matrices: median and quartiles"
    )
    _draw_shares(sure, confidence)
    _finish(bands)
    return figure


def draw_confidence(confidence: tuple[Float64Array, Float64Array]) -> Figure:
    """Draw the confidence of new songs beside that of known ones, as `draw_drift` does."""
    figure = Figure(figsize=(4.5, 3.8), layout="constrained")
    _draw_shares(figure.subplots(), confidence)
    return figure


def _draw_shares(axes: Axes, confidence: tuple[Float64Array, Float64Array]) -> None:
    """Draw the share of songs with at most each confidence; a side may be empty."""
    sides = (("new", NEW), ("validation", KNOWN))
    for (name, colour), of_side in zip(sides, confidence, strict=True):
        if len(of_side):
            axes.ecdf(of_side, color=colour, label=f"{name}, {len(of_side)} songs")
    axes.set(
        xlim=(0, 1), ylim=(0, 1.02), xlabel="confidence", title="songs with at most this confidence"
    )
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    _finish(axes)


def _finish(axes: Axes) -> None:
    axes.title.set_fontsize(11)
    declutter(axes)
    axes.legend(frameon=False, fontsize=9)


def _draw_quartiles(axes: Axes, levels: Float64Array, colour: str, shift: float, name: str) -> None:
    low, middle, high = np.quantile(levels, [0.25, 0.5, 0.75], axis=0)
    places = np.arange(1, levels.shape[1] + 1) + shift
    axes.errorbar(
        places,
        middle,
        yerr=[middle - low, high - middle],
        fmt="o",
        color=colour,
        markersize=5,
        elinewidth=2,
        label=name,
    )


def draw_champions(champions: Sequence[ChampionScore]) -> Figure:
    """Draw the score of each champion with its interval, in the order of promotion.

    Scores that were made on different songs are content apart by colour; a line joins like ones.
    """
    figure = Figure(figsize=(8.5, 3.6), layout="constrained")
    axes = figure.subplots()
    for index, judged_on in enumerate(dict.fromkeys(one.judged_on for one in champions)):
        places = [place for place, one in enumerate(champions) if one.judged_on == judged_on]
        scores = [champions[place].score for place in places]
        reach = [[s.value - s.low for s in scores], [s.high - s.value for s in scores]]
        colour = OKABE_ITO[index % len(OKABE_ITO)]
        axes.errorbar(
            places,
            [s.value for s in scores],
            yerr=reach,
            color=colour,
            marker="o",
            elinewidth=1.2,
            capsize=3,
            label=judged_on or "validation",
        )
    names = [f"v{one.version} {one.network}\n{one.day}" for one in champions]
    step = max(1, len(names) // 8)
    axes.set_xticks(range(0, len(names), step), names[::step], fontsize=8)
    axes.set(xlim=(-0.5, len(names) - 0.5), ylim=(0, 1.02), ylabel="macro F1 by song")
    axes.set_title("Champions as they were promoted, with 95 % intervals", fontsize=11)
    declutter(axes)
    axes.legend(
        title="evaluated on", frameon=False, fontsize=9, title_fontsize=9, loc="lower right"
    )
    return figure
