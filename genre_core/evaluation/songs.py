"""Songs and their fragments: votes of fragments on the genre of a song."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from genre_core.evaluation.bootstrap import Float64Array
from genre_core.evaluation.predictions import SongPredictions
from genre_core.examples import Float32Array, Int64Array

TIE_BREAK = 1e-3
"""Weight of the mean probability in ``vote``, in votes: it decides ties alone."""

CHOOSING_VOTE = "mean"
"""The vote of predictions, and of the scores that choose the champion."""

FLOOR = 1e-7
"""Least probability in ``log_mean``."""

Probabilities = Float32Array | Float64Array


def mean_vote(probabilities: Probabilities) -> Float64Array:
    """Mean probability of each genre."""
    return _share(probabilities.mean(axis=-2, dtype=np.float64))


def log_mean_vote(probabilities: Probabilities) -> Float64Array:
    """Geometric mean of each genre; probabilities are clipped at 1e-7 as Keras does."""
    logs = np.log(np.maximum(probabilities, FLOOR, dtype=np.float64)).mean(axis=-2)
    return _share(np.exp(logs - logs.max(axis=-1, keepdims=True)))


def maximum_vote(probabilities: Probabilities) -> Float64Array:
    """Highest probability of each genre: the most confident fragment decides (thesis 2.4, 5.2)."""
    return _share(probabilities.max(axis=-2).astype(np.float64))


def majority_vote(probabilities: Probabilities) -> Float64Array:
    """Share of the fragments that predict each genre; the mean probability decides ties.

    So does the program published with the thesis; its text takes the maximum.
    """
    n_genres = probabilities.shape[-1]
    chosen = probabilities.argmax(axis=-1)[..., None] == np.arange(n_genres)
    return _share(chosen.sum(axis=-2) + TIE_BREAK * mean_vote(probabilities))


VOTES: Mapping[str, Callable[[Probabilities], Float64Array]] = MappingProxyType(
    {
        "mean": mean_vote,
        "maximum": maximum_vote,
        "vote": majority_vote,
        "log_mean": log_mean_vote,
    }
)
"""Each maps float (..., n_fragments, n_genres) to (..., n_genres) that sums to 1."""


def vote_songs(
    probabilities: Probabilities,
    track_ids: Sequence[str] | npt.NDArray[np.object_],
    vote: str,
) -> tuple[npt.NDArray[np.object_], Float64Array]:
    """Return the songs in order of first appearance, and their probabilities by a vote.

    ``probabilities``, (n_examples, n_genres), are those of fragments; fragments of one song share
    one track id, in any order. ``vote`` is a key of ``VOTES``.

    Raises
    ------
    ValueError
        If the vote is unknown, the lengths differ, or a probability is not a number.
    """
    if vote not in VOTES:
        raise ValueError(f"unknown vote {vote!r}; the votes are {', '.join(VOTES)}.")
    if len(probabilities) != len(track_ids):
        raise ValueError(
            f"{len(probabilities)} rows of probabilities do not fit {len(track_ids)} track ids; "
            "give one id a fragment."
        )
    if not np.isfinite(probabilities).all():
        raise ValueError("some probabilities are not numbers. Train the network again.")
    fragments: dict[str, list[int]] = {}
    for index, track_id in enumerate(track_ids):
        fragments.setdefault(track_id, []).append(index)
    songs = np.empty((len(fragments), probabilities.shape[1]))
    for row, indices in enumerate(fragments.values()):
        songs[row] = VOTES[vote](probabilities[indices])
    return np.array(list(fragments), dtype=object), songs


def _share(weights: Float64Array) -> Float64Array:
    """Scale weights to sum to 1."""
    return weights / weights.sum(axis=-1, keepdims=True)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FragmentedSongs:
    """Songs, each array (n_songs,), and the probabilities of the fragments of each song.

    ``fragments`` holds one (n_fragments, n_genres) a song.
    """

    track_ids: npt.NDArray[np.object_]
    group_ids: npt.NDArray[np.object_]
    labels: Int64Array
    fragments: tuple[Probabilities, ...]


def gather_songs(
    probabilities: Probabilities,
    labels: Int64Array,
    track_ids: npt.NDArray[np.object_],
    group_of_track: Mapping[str, str],
) -> FragmentedSongs:
    """Group fragments, one a row, by song; songs are sorted by their ids."""
    songs, first, owner = np.unique(track_ids.astype(str), return_index=True, return_inverse=True)
    order = np.argsort(owner, kind="stable")
    ends = np.cumsum(np.bincount(owner, minlength=len(songs)))
    names = songs.astype(object)
    return FragmentedSongs(
        track_ids=names,
        group_ids=np.array([group_of_track[name] for name in names], dtype=object),
        labels=labels[first],
        fragments=tuple(
            probabilities[order[start:end]] for start, end in pairwise([0, *ends.tolist()])
        ),
    )


def vote_on(songs: FragmentedSongs, vote: str) -> Float64Array:
    """Probabilities of each song by a vote: float64 [shape=(n_songs, n_genres)]."""
    return np.stack([VOTES[vote](fragments) for fragments in songs.fragments])


def song_predictions(songs: FragmentedSongs, vote: str) -> SongPredictions:
    """Predicted genre of each song by a vote."""
    return SongPredictions(
        track_ids=songs.track_ids,
        group_ids=songs.group_ids,
        labels=songs.labels,
        predicted=vote_on(songs, vote).argmax(axis=1)[None],
        n_genres=songs.fragments[0].shape[1],
    )


def fragment_predictions(songs: FragmentedSongs) -> SongPredictions:
    """Predicted genre of each fragment, as a song of its own in its song's group."""
    n_fragments = [len(fragments) for fragments in songs.fragments]
    return SongPredictions(
        track_ids=np.repeat(songs.track_ids, n_fragments),
        group_ids=np.repeat(songs.group_ids, n_fragments),
        labels=np.repeat(songs.labels, n_fragments),
        predicted=np.concatenate(songs.fragments).argmax(axis=1)[None],
        n_genres=songs.fragments[0].shape[1],
    )
