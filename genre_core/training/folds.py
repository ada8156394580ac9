"""Folds that keep groups together and have the genres alike."""

import numpy as np
import numpy.typing as npt

from genre_core.examples import Int64Array

Float64Array = npt.NDArray[np.float64]
Fold = tuple[Int64Array, Int64Array]
"""Places of the songs to fit on, and of those held out."""


def grouped_folds(
    labels: Int64Array, groups: npt.NDArray[np.str_], n_folds: int, seed: int
) -> list[Fold]:
    """Divide songs into folds: scikit-learn's ``StratifiedGroupKFold``, shuffled.

    Groups go one after the other, those of the most uneven genres first, to the fold where the
    genres then are spread most evenly. A genre may have fewer songs than there are folds.
    """
    _, genres, n_of_genre = np.unique(labels, return_inverse=True, return_counts=True)
    _, numbers = np.unique(groups, return_inverse=True)
    counts = np.zeros((numbers.max() + 1, len(n_of_genre)))
    np.add.at(counts, (numbers, genres), 1)
    shuffled = np.arange(len(counts))
    np.random.RandomState(seed).shuffle(shuffled)
    uneven = np.std(counts[shuffled], axis=1)
    ordered = shuffled[np.argsort(-uneven, kind="stable")]
    fold_of_group = _assign(counts, ordered, n_of_genre, n_folds)[numbers]
    return [
        (np.flatnonzero(fold_of_group != fold), np.flatnonzero(fold_of_group == fold))
        for fold in range(n_folds)
    ]


def _assign(
    counts: Float64Array, ordered: Int64Array, n_of_genre: Int64Array, n_folds: int
) -> Int64Array:
    """Return the fold of each group; ``counts`` of songs are (n_groups, n_genres)."""
    folds = np.zeros(len(counts), np.int64)
    held = np.zeros((n_folds, counts.shape[1]))
    here = np.eye(n_folds)[:, :, np.newaxis]
    for group in ordered:
        tried = held + here * counts[group]  # the counts of all folds, with the group in each
        spread = np.std(tried / n_of_genre, axis=1).mean(axis=1)
        folds[group] = _least(spread, held.sum(axis=1))
        held[folds[group]] += counts[group]
    return folds


def _least(spread: Float64Array, sizes: Float64Array) -> int:
    """Return the fold of the least spread; among those as good, as they come, the smaller."""
    best = 0
    for fold in range(1, len(spread)):
        is_smaller = bool(np.isclose(spread[fold], spread[best])) and sizes[fold] < sizes[best]
        if spread[fold] < spread[best] or is_smaller:
            best = fold
    return best
