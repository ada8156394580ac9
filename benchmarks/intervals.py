"""How often intervals hold the truth, with and without genres as strata, and what they cost.

``PYTHONPATH=. .venv/bin/python benchmarks/intervals.py [LIBRARIES]``

Libraries are drawn: groups of 1-4 songs of one of four genres, a skill of its own for each group,
0.75 on average; wrong songs fall on the other genres alike, so that macro F1 is 0.75, too.
"""

import sys
import time

import numpy as np
import scipy.stats  # noqa: F401 (its import is no part of the cost)

from genre_core.evaluation.predictions import (
    SongPredictions,
    as_matrices,
    confusion_by_group,
    macro_f1_of,
)
from genre_core.evaluation.significance import paired_difference, score_intervals

TRUTH, N_GENRES, N_RESAMPLES = 0.75, 4, 1000


def draw_library(rng: np.random.Generator, n_groups: int) -> SongPredictions:
    """Draw what a network says of the songs of so many groups."""
    groups = np.repeat(np.arange(n_groups), rng.integers(1, 5, n_groups))
    labels, skill = groups % N_GENRES, rng.beta(6, 2, n_groups)[groups]
    wrong = (labels + rng.integers(1, N_GENRES, len(labels))) % N_GENRES
    names = np.arange(len(groups)).astype(str).astype(object)
    return SongPredictions(
        track_ids=names,
        group_ids=np.char.zfill(groups.astype(str), 4).astype(object),
        labels=labels,
        predicted=np.where(rng.random(len(labels)) < skill, labels, wrong)[None],
        n_genres=N_GENRES,
    )


def stratified(library: SongPredictions, rng: np.random.Generator) -> tuple[float, float]:
    """Draw groups within their genres and take plain percentiles of macro F1."""
    sums = confusion_by_group(library)
    genres = np.arange(len(sums)) % N_GENRES
    drawn = np.zeros((N_RESAMPLES, sums.shape[1]))
    for genre in range(N_GENRES):
        own = sums[genres == genre]
        shares = np.full(len(own), 1 / len(own))
        drawn += rng.multinomial(len(own), shares, size=N_RESAMPLES) @ own
    scores = macro_f1_of(as_matrices(drawn, N_GENRES))[:, 0]
    low, high = np.quantile(scores, [0.025, 0.975])
    return float(low), float(high)


def show_coverage(n_groups: int, n_libraries: int) -> None:
    """Print the share of libraries whose interval holds the truth."""
    rng = np.random.default_rng(n_groups)
    held = np.zeros(3)
    for _ in range(n_libraries):
        library = draw_library(rng, n_groups)
        found = score_intervals(library, rng, N_RESAMPLES)
        ends = [(found.accuracy.low, found.accuracy.high)]
        ends += [(found.macro_f1.low, found.macro_f1.high), stratified(library, rng)]
        held += [low <= TRUTH <= high for low, high in ends]
    accuracy, macro_f1, strata = held / n_libraries
    sys.stdout.write(
        f"{n_groups:4} groups: accuracy {accuracy:.1%}, macro F1 {macro_f1:.1%}; "
        f"macro F1 with strata {strata:.1%}\n"
    )


def show_cost(n_songs: int = 5000, n_genres: int = 10) -> None:
    """Print the processor's seconds for 2,000 resamples of songs that are groups of their own."""
    rng = np.random.default_rng(0)
    names = np.arange(n_songs).astype(str).astype(object)
    labels = rng.integers(n_genres, size=n_songs)
    sides = [
        SongPredictions(
            track_ids=names,
            group_ids=names,
            labels=labels,
            predicted=np.where(rng.random(n_songs) < 0.6, labels, (labels + 1) % n_genres)[None],
            n_genres=n_genres,
        )
        for _ in range(2)
    ]
    start = time.process_time()
    score_intervals(sides[0], rng)
    middle = time.process_time()
    paired_difference(*sides, rng)
    end = time.process_time()
    sys.stdout.write(
        f"{n_songs} songs: intervals {middle - start:.2f} s, a difference {end - middle:.2f} s\n"
    )


if __name__ == "__main__":
    n_libraries = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    for n_groups in (12, 24, 60, 200):
        show_coverage(n_groups, n_libraries)
    show_cost()
