"""Aggregation: how the score of songs grows with the number of fragments that vote."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from genre_core.evaluation.bootstrap import Interval, interval_rng
from genre_core.evaluation.predictions import Judgements
from genre_core.evaluation.significance import ScoreIntervals, score_intervals
from genre_core.evaluation.songs import VOTES, Float64Array, FragmentedSongs
from genre_core.examples import Int64Array

COUNTS = (1, 2, 4, 8, 15)
N_DRAWS = 10
N_RESAMPLES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class VotedScore:
    """Scores by song where so many fragments of each song vote, averaged over the draws."""

    vote: str
    n_fragments: int
    accuracy: Interval
    macro_f1: Interval

    def as_row(self) -> dict[str, object]:
        """Give plain values by name; an interval is value, low, high."""
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

    Fragments are drawn without replacement, and those of a smaller number are among those of a
    larger one; a song that has fewer gives all. The last number is the most that a song has.

    Parameters
    ----------
    songs : FragmentedSongs
        One song at least, of one fragment at least.
    seeded_by : str
        Name of the library: the same draws for every network on it.
    n_draws : int
        Draws that are averaged, as seeds are.

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
        predicted = np.stack([_predict(piles, order, vote, count) for order in orders])
        found = _intervals(songs, predicted, interval_rng(seeded_by))
        scores.append(
            VotedScore(
                vote=vote, n_fragments=count, accuracy=found.accuracy, macro_f1=found.macro_f1
            )
        )
    return scores


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Pile:
    """Songs of one number of fragments: places [n], probabilities [n, n_fragments, n_genres]."""

    places: Int64Array
    fragments: Float64Array


def _pile(songs: FragmentedSongs) -> list[_Pile]:
    """Put songs of one number of fragments together, so that they vote at once."""
    sizes = np.array([len(fragments) for fragments in songs.fragments])
    return [
        _Pile(
            places=np.flatnonzero(sizes == size),
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
    """Let the first fragments of each song vote; give the genre of each song."""
    predicted = np.empty(sum(len(pile.places) for pile in piles), np.int64)
    for pile, shuffled in zip(piles, order, strict=True):
        drawn = np.take_along_axis(pile.fragments, shuffled[:, :count, None], axis=1)
        predicted[pile.places] = VOTES[vote](drawn).argmax(axis=1)
    return predicted


def _intervals(
    songs: FragmentedSongs, predicted: Int64Array, rng: np.random.Generator
) -> ScoreIntervals:
    judgements = Judgements(
        track_ids=songs.track_ids,
        group_ids=songs.group_ids,
        labels=songs.labels,
        predicted=predicted,
        n_genres=songs.fragments[0].shape[1],
    )
    return score_intervals(judgements, rng, N_RESAMPLES)
