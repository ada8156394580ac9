"""Predicted genres of songs, and the confusion matrices of whole groups."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genre_core.evaluation.bootstrap import Float64Array, group_numbers
from genre_core.examples import Int64Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SongPredictions:
    """Predictions of the same songs by one run, or by several that differ by seed.

    ``predicted`` is (n_seeds, n_songs), the others are (n_songs,); labels and predictions lie in
    0..n_genres - 1. Songs of one group (artist, recording) are drawn together.
    """

    track_ids: npt.NDArray[np.object_]
    group_ids: npt.NDArray[np.object_]
    labels: Int64Array
    predicted: Int64Array
    n_genres: int

    def __post_init__(self) -> None:
        n_songs = len(self.labels)
        fits = len(self.track_ids) == len(self.group_ids) == n_songs
        if not n_songs or not fits or self.predicted.shape[1:] != (n_songs,):
            raise ValueError(
                f"{len(self.track_ids)} tracks, {len(self.group_ids)} groups, {n_songs} labels and "
                f"predictions of shape {self.predicted.shape} cannot be scored; give as many of "
                "each, one song at least, and one row of predictions a seed."
            )


def predictions_by_name(
    track_ids: Sequence[str],
    group_ids: Sequence[str],
    labels: Sequence[str],
    predicted: Sequence[Sequence[str]],
    genres: Sequence[str],
) -> SongPredictions:
    """Return predictions given by name; songs are sorted by their ids.

    ``predicted`` has a row a seed. ValueError if the lengths differ, or a name is no genre.
    """
    number = {genre: place for place, genre in enumerate(genres)}
    rows = [list(labels), *map(list, predicted)]
    if unknown := {name for row in rows for name in row} - number.keys():
        raise ValueError(f"{min(unknown)!r} is none of the genres {', '.join(genres)}.")
    numbers = [np.array([number[name] for name in row], np.int64) for row in rows]
    order = np.argsort(np.asarray(track_ids, dtype=str), kind="stable")
    return SongPredictions(
        track_ids=np.asarray(track_ids, dtype=object)[order],
        group_ids=np.asarray(group_ids, dtype=object)[order],
        labels=numbers[0][order],
        predicted=np.stack([row[order] for row in numbers[1:]]),
        n_genres=len(genres),
    )


def require_same_songs(ours: SongPredictions, theirs: SongPredictions) -> None:
    """Raise ValueError if two sides differ in songs, groups, labels or genres."""
    if differing := set(ours.track_ids) ^ set(theirs.track_ids):
        raise ValueError(
            f"{len(differing)} songs were predicted by one side only, such as "
            f"{min(differing)[:12]}; scores on different songs cannot be compared. Train both on "
            "one snapshot's songs."
        )
    for name in ("track_ids", "group_ids", "labels", "n_genres"):
        if not np.array_equal(getattr(ours, name), getattr(theirs, name)):
            raise ValueError(
                f"the {name} of the two sides differ in value or order; take both from one library."
            )


def confusion_by_group(predictions: SongPredictions) -> Float64Array:
    """Return the confusion matrices of each group, flat: (n_groups, n_seeds * n_genres**2).

    Rows of a matrix are true genres, columns predicted ones.
    """
    n_genres = predictions.n_genres
    groups = group_numbers(predictions.group_ids)
    n_groups, size = int(groups.max()) + 1, n_genres * n_genres
    places = groups * size + predictions.labels * n_genres + predictions.predicted
    counted = [np.bincount(row, minlength=n_groups * size) for row in places]
    return np.hstack([c.reshape(n_groups, size) for c in counted]).astype(np.float64)


def groups_by_genre(predictions: SongPredictions) -> Int64Array:
    """Number of groups that have songs of each genre."""
    pairs = np.stack([predictions.labels, group_numbers(predictions.group_ids)])
    return np.bincount(np.unique(pairs, axis=1)[0], minlength=predictions.n_genres)


def as_matrices(summed: Float64Array, n_genres: int) -> Float64Array:
    """Reshape flat matrices to (..., n_seeds, true genre, predicted genre)."""
    return summed.reshape(*summed.shape[:-1], -1, n_genres, n_genres)


def accuracy_of(confusion: Float64Array) -> Float64Array:
    """Accuracy of each matrix."""
    return np.trace(confusion, axis1=-2, axis2=-1) / confusion.sum(axis=(-2, -1))


def recall_of(confusion: Float64Array) -> Float64Array:
    """Recall of each true genre, NaN where it has no song."""
    right, support = np.diagonal(confusion, axis1=-2, axis2=-1), confusion.sum(axis=-1)
    return np.divide(right, support, out=np.full(right.shape, np.nan), where=support > 0)


def macro_f1_of(confusion: Float64Array) -> Float64Array:
    """Mean over the genres that have songs of F1 = 2 TP / (support + predicted)."""
    support = confusion.sum(axis=-1)
    both = support + confusion.sum(axis=-2)
    right = 2 * np.diagonal(confusion, axis1=-2, axis2=-1)
    f1 = np.divide(right, both, out=np.zeros(right.shape), where=support > 0)
    return f1.sum(axis=-1) / np.count_nonzero(support, axis=-1)
