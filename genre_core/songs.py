"""Songs as their fragments: what a network says of each, and what the song is taken for."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from genre_core.examples import Int64Array
from genre_core.judgements import Judgements
from genre_core.voting import VOTES, Float64Array, Probabilities


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
