"""Songs as their fragments: what a network says of each, and what the song is taken for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from genre_core.evaluation.predictions import Judgements
from genre_core.examples import Float32Array, Int64Array

Float64Array = npt.NDArray[np.float64]

TIE_BREAK = 1e-3
"""Weight of the mean probability in ``vote``, in votes: too light to overrule one vote."""

CHOOSING_VOTE = "mean"
"""The vote that chooses champions and gives verdicts."""

FLOOR = 1e-7
"""Least probability in ``log_mean``."""


Probabilities = Float32Array | Float64Array


def mean_vote(probabilities: Probabilities) -> Float64Array:
    """Give the mean probability of each genre."""
    return _share(probabilities.mean(axis=-2, dtype=np.float64))


def log_mean_vote(probabilities: Probabilities) -> Float64Array:
    """Give each genre its geometric mean: one fragment that rules it out weighs heavily.

    Probabilities below 1e-7, where Keras's cross-entropy cuts them, too, count as that much.
    """
    logs = np.log(np.maximum(probabilities, FLOOR, dtype=np.float64)).mean(axis=-2)
    return _share(np.exp(logs - logs.max(axis=-1, keepdims=True)))


def maximum_vote(probabilities: Probabilities) -> Float64Array:
    """Give each genre its highest probability: the surest fragment decides.

    Notes
    -----
    Thesis sections 2.4 and 5.2.
    """
    return _share(probabilities.max(axis=-2).astype(np.float64))


def majority_vote(probabilities: Probabilities) -> Float64Array:
    """Give each genre the share of fragments that choose it.

    The mean probability counts as a thousandth of a vote, so that it decides ties.

    Notes
    -----
    The program published with the thesis votes so; its text takes the maximum.
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
"""Each takes float (..., n_fragments, n_genres) and gives (..., n_genres) that sums to 1."""


def vote_songs(
    probabilities: Probabilities,
    track_ids: Sequence[str] | npt.NDArray[np.object_],
    vote: str,
) -> tuple[npt.NDArray[np.object_], Float64Array]:
    """Give the probabilities of each song from those of its fragments.

    Parameters
    ----------
    probabilities : float [shape=(n_examples, n_genres)]
    track_ids : str [shape=(n_examples,)]
        Fragments of one song share one value; they need not stand together.
    vote : str
        A key of ``VOTES``.

    Returns
    -------
    track_ids : str [shape=(n_songs,)]
        In order of first appearance.
    probabilities : float64 [shape=(n_songs, n_genres)]

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
    """What a network says of the fragments of songs.

    Attributes
    ----------
    track_ids, group_ids : str [shape=(n_songs,)]
    labels : int64 [shape=(n_songs,)]
    fragments : tuple of float [shape=(n_fragments, n_genres)]
        One array of probabilities a song.
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
    """Put the fragments of each song together; songs are in the order of their ids.

    Parameters
    ----------
    probabilities : float [shape=(n_examples, n_genres)]
    labels : int64 [shape=(n_examples,)]
    track_ids : str [shape=(n_examples,)]
        Fragments of one song share one value; they need not stand together.
    group_of_track : mapping
        The group of every track.
    """
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
    """Give the probabilities of each song by a vote: float64 [shape=(n_songs, n_genres)]."""
    return np.stack([VOTES[vote](fragments) for fragments in songs.fragments])


def song_judgements(songs: FragmentedSongs, vote: str) -> Judgements:
    """Say what each song is taken for by a vote."""
    return Judgements(
        track_ids=songs.track_ids,
        group_ids=songs.group_ids,
        labels=songs.labels,
        predicted=vote_on(songs, vote).argmax(axis=1)[None],
        n_genres=songs.fragments[0].shape[1],
    )


def fragment_judgements(songs: FragmentedSongs) -> Judgements:
    """Say what each fragment is taken for, as if it were a song of its own in its song's group."""
    n_fragments = [len(fragments) for fragments in songs.fragments]
    return Judgements(
        track_ids=np.repeat(songs.track_ids, n_fragments),
        group_ids=np.repeat(songs.group_ids, n_fragments),
        labels=np.repeat(songs.labels, n_fragments),
        predicted=np.concatenate(songs.fragments).argmax(axis=1)[None],
        n_genres=songs.fragments[0].shape[1],
    )
