"""Random labels, dealt to songs, and the sides that fragments or songs stand on."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from genre_core.audit.songs import AuditedSong
from genre_core.examples import Examples, Float32Array, Int64Array
from genre_core.placing import SHARES
from genre_core.records import LEARNING_SPLITS

MOST_VALUES = 4096
"""Values of a matrix that the learners see; larger ones are averaged over frames."""

Sides = npt.NDArray[np.object_]


def thin_songs(
    songs: Sequence[AuditedSong], recordings: Mapping[str, str], n_songs: int, seed: int
) -> list[AuditedSong]:
    """Draw songs until there are enough; copies of one recording come together."""
    names = sorted({recordings[song.track_id] for song in songs})
    rank = {name: at for at, name in enumerate(np.random.default_rng(seed).permutation(names))}
    ordered = sorted(songs, key=lambda song: (rank[recordings[song.track_id]], song.track_id))
    return ordered[:n_songs]


def thin_examples(examples: Examples, n_fragments: int) -> Examples:
    """Keep the first fragments of each song; average frames where a matrix is large."""
    seen: dict[str, int] = {}
    kept = np.zeros(len(examples), bool)
    for row, track_id in enumerate(examples.track_ids):
        seen[track_id] = seen.get(track_id, 0) + 1
        kept[row] = seen[track_id] <= n_fragments
    thinned = select(examples, kept)
    return replace(thinned, matrices=shrink(thinned.matrices))


def shrink(matrices: Float32Array) -> Float32Array:
    """Average blocks of frames until a matrix has at most 4096 values, or one frame.

    Parameters
    ----------
    matrices : float32 [shape=(n_examples, n_bands, n_frames)]

    Returns
    -------
    float32 [shape=(n_examples, n_bands, n_blocks)]
        The frames behind the last whole block are left out.
    """
    n_examples, n_bands, n_frames = matrices.shape
    block = min(n_frames, -(-n_bands * n_frames // MOST_VALUES))
    n_blocks = n_frames // block
    blocks = matrices[..., : n_blocks * block].reshape(n_examples, n_bands, n_blocks, block)
    return blocks.mean(axis=-1, dtype=np.float32)


def select(examples: Examples, rows: npt.NDArray[np.bool_]) -> Examples:
    """Give some of the examples."""
    return Examples(
        matrices=examples.matrices[rows],
        labels=examples.labels[rows],
        track_ids=examples.track_ids[rows],
    )


def relabel(examples: Examples, label_of_song: Mapping[str, int]) -> Examples:
    """Give the examples other labels, one a song."""
    labels = np.array([label_of_song[track_id] for track_id in examples.track_ids], np.int64)
    return replace(examples, labels=labels)


def deal_labels(
    songs: Sequence[AuditedSong],
    recordings: Mapping[str, str],
    n_genres: int,
    rng: np.random.Generator,
) -> dict[str, int]:
    """Deal labels at random to recordings, in equal numbers on each side of the split.

    Parameters
    ----------
    songs : sequence of AuditedSong
    recordings : mapping
        Copies of one recording get one label, as they have one genre; one that stands on two
        sides is dealt its label on the first of them.
    n_genres : int
    rng : numpy.random.Generator

    Returns
    -------
    dict
        ``track_id`` to a label in 0..n_genres-1.

    Notes
    -----
    What does not divide goes to genres drawn at random, so that every label is equally probable
    for every recording, and the labels of one side say nothing of those of another: whatever a
    network learns on one side, it is right on another with probability 1 / n_genres.
    """
    side_of = {recordings[song.track_id]: song.split for song in reversed(songs)}
    dealt: dict[str, int] = {}
    for side in LEARNING_SPLITS:
        names = sorted(name for name, split in side_of.items() if split == side)
        order = rng.permutation(n_genres)
        hand = rng.permutation(order[np.arange(len(names)) % n_genres])
        dealt |= dict(zip(names, hand.tolist(), strict=True))
    return {song.track_id: dealt[recordings[song.track_id]] for song in songs}


def sides_by_song(examples: Examples, songs: Sequence[AuditedSong]) -> Sides:
    """Give the side of each example: that of its song."""
    split_of = {song.track_id: song.split for song in songs}
    return np.array([split_of[track_id] for track_id in examples.track_ids], object)


def sides_by_fragment(examples: Examples, rng: np.random.Generator) -> Sides:
    """Give the side of each example, drawn for each fragment alone: 70, 15 and 15 %."""
    cuts = (np.cumsum(list(SHARES.values())) * len(examples)).round().astype(int)
    sides = np.empty(len(examples), object)
    order = rng.permutation(len(examples))
    for side, rows in zip(SHARES, np.split(order, cuts[:-1]), strict=True):
        sides[rows] = side
    return sides


def song_verdicts(
    probabilities: Float32Array, examples: Examples
) -> tuple[npt.NDArray[np.object_], Int64Array, Int64Array]:
    """Give the songs, their labels, and those that the mean of their fragments chooses."""
    from genre_core.voting import vote_songs

    label_of_song = dict(zip(examples.track_ids.tolist(), examples.labels.tolist(), strict=True))
    track_ids, by_song = vote_songs(probabilities, examples.track_ids, "mean")
    labels = np.array([label_of_song[track_id] for track_id in track_ids], np.int64)
    return track_ids, labels, by_song.argmax(axis=1).astype(np.int64)
