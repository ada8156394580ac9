"""Aggregation: how the score of songs grows with the number of fragments that vote."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from genre_core.evaluation.bootstrap import Interval, interval_rng
from genre_core.evaluation.predictions import SongPredictions
from genre_core.evaluation.significance import score_intervals
from genre_core.evaluation.songs import VOTES, Float64Array, FragmentedSongs
from genre_core.examples import Int64Array

COUNTS = (1, 2, 4, 8, 15)
N_DRAWS = 10
N_RESAMPLES = 1000


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
    with fewer fragments gives all. The last number is the most that a song has.

    Parameters
    ----------
    songs : FragmentedSongs
        At least one song of at least one fragment.
    seeded_by : str
        Name of the library: every network on it gets the same draws.
    n_draws : int
        Draws to average over.

    Returns
    -------
    list of VotedScore
        By vote, then by number.
    """
    piles = _pile(songs)
    most = max(pile.fragments.shape[1] for pile in piles)
    rng = interval_rng(f"fragments of {seeded_by}")
    orders = [[_draw_order(pile, rng) for pile in piles] for _ in range(n_draws)]
    scores = []
    for vote, count in product(VOTES, [*(count for count in COUNTS if count < most), most]):
        found = score_intervals(
            SongPredictions(
                track_ids=songs.track_ids,
                group_ids=songs.group_ids,
                labels=songs.labels,
                predicted=np.stack([_predict(piles, order, vote, count) for order in orders]),
                n_genres=songs.fragments[0].shape[1],
            ),
            interval_rng(seeded_by),
            N_RESAMPLES,
        )
        scores.append(
            VotedScore(
                vote=vote, n_fragments=count, accuracy=found.accuracy, macro_f1=found.macro_f1
            )
        )
    return scores


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Pile:
    """Songs with the same number of fragments: rows (n,), fragments (n, n_fragments, n_genres)."""

    rows: Int64Array
    fragments: Float64Array


def _pile(songs: FragmentedSongs) -> list[_Pile]:
    """Group songs by their number of fragments, to vote on all of a group at once."""
    sizes = np.array([len(fragments) for fragments in songs.fragments])
    return [
        _Pile(
            rows=np.flatnonzero(sizes == size),
            fragments=np.array([f for f in songs.fragments if len(f) == size], np.float64),
        )
        for size in np.unique(sizes)
    ]


def _draw_order(pile: _Pile, rng: np.random.Generator) -> Int64Array:
    """Shuffle the fragments of each song: (n_songs, n_fragments)."""
    n_songs, n_fragments = pile.fragments.shape[:2]
    return rng.permuted(np.tile(np.arange(n_fragments), (n_songs, 1)), axis=1)


def _predict(
    piles: Sequence[_Pile], order: Sequence[Int64Array], vote: str, count: int
) -> Int64Array:
    """Genre of each song by a vote of its first ``count`` shuffled fragments."""
    predicted = np.empty(sum(len(pile.rows) for pile in piles), np.int64)
    for pile, shuffled in zip(piles, order, strict=True):
        drawn = np.take_along_axis(pile.fragments, shuffled[:, :count, None], axis=1)
        predicted[pile.rows] = VOTES[vote](drawn).argmax(axis=1)
    return predicted
