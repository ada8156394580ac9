"""Aggregation: how the score of songs grows with the number of fragments that vote."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from genre_core.evaluation.bootstrap import Float64Array, Interval, interval_rng
from genre_core.evaluation.predictions import SongPredictions
from genre_core.evaluation.significance import score_intervals
from genre_core.evaluation.songs import VOTES, FragmentedSongs
from genre_core.examples import Int64Array

COUNTS = (1, 2, 4, 8, 15)
N_DRAWS = 10
N_RESAMPLES = 1000

Pile = tuple[Int64Array, Float64Array]
"""Rows of songs with equally many fragments, and those: (n,) and (n, n_fragments, n_genres)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VotedScore:
    """Scores by song where ``n_fragments`` of each song vote, averaged over draws."""

    vote: str
    n_fragments: int
    accuracy: Interval
    macro_f1: Interval

    def as_row(self) -> dict[str, object]:
        """Return plain values by name; an interval is value, low, high."""
        return {
            "vote": self.vote,
            "n_fragments": self.n_fragments,
            "accuracy": self.accuracy.as_list(),
            "macro_f1": self.macro_f1.as_list(),
        }


def score_by_count(
    songs: FragmentedSongs, seeded_by: str, n_draws: int = N_DRAWS
) -> list[VotedScore]:
    """Score songs by every vote where 1, 2, 4, 8, 15 of their fragments vote.

    Fragments are drawn without replacement; smaller draws are subsets of larger ones, and a song
    with fewer fragments gives all. The last number is the most that a song has. ``seeded_by`` names
    the library: every network on it gets the same draws, ``n_draws`` of which are averaged.
    """
    piles = _pile(songs)
    most = max(fragments.shape[1] for _, fragments in piles)
    rng = interval_rng(f"fragments of {seeded_by}")
    orders = [[_draw_order(pile, rng) for _, pile in piles] for _ in range(n_draws)]
    scores = []
    for vote, count in product(VOTES, [*(count for count in COUNTS if count < most), most]):
        predictions = SongPredictions(
            track_ids=songs.track_ids,
            group_ids=songs.group_ids,
            labels=songs.labels,
            predicted=np.stack([_predict(piles, order, vote, count) for order in orders]),
            n_genres=songs.fragments[0].shape[1],
        )
        found = score_intervals(predictions, interval_rng(seeded_by), N_RESAMPLES)
        scores.append(
            VotedScore(
                vote=vote, n_fragments=count, accuracy=found.accuracy, macro_f1=found.macro_f1
            )
        )
    return scores


def _pile(songs: FragmentedSongs) -> list[Pile]:
    """Group songs by their number of fragments, to vote on all of a group at once."""
    sizes = np.array([len(fragments) for fragments in songs.fragments])
    return [
        (
            np.flatnonzero(sizes == size),
            np.array([f for f in songs.fragments if len(f) == size], np.float64),
        )
        for size in np.unique(sizes)
    ]


def _draw_order(fragments: Float64Array, rng: np.random.Generator) -> Int64Array:
    """Shuffle the fragments of each song: (n_songs, n_fragments)."""
    n_songs, n_fragments = fragments.shape[:2]
    return rng.permuted(np.tile(np.arange(n_fragments), (n_songs, 1)), axis=1)


def _predict(
    piles: Sequence[Pile], order: Sequence[Int64Array], vote: str, count: int
) -> Int64Array:
    """Genre of each song by a vote of its first ``count`` shuffled fragments."""
    predicted = np.empty(sum(len(rows) for rows, _ in piles), np.int64)
    for (rows, fragments), shuffled in zip(piles, order, strict=True):
        drawn = np.take_along_axis(fragments, shuffled[:, :count, None], axis=1)
        predicted[rows] = VOTES[vote](drawn).argmax(axis=1)
    return predicted
