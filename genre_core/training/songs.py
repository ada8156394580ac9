"""Songs with their mean embeddings, as heads read them."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genre_core.examples import Float32Array, Int64Array

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EmbeddedSongs:
    """Labelled songs of a library with their mean embeddings, a row a song.

    Attributes
    ----------
    track_ids, group_ids : str [shape=(n_songs,)]
        Songs of one group (artist, recording) are never on both sides of a fold.
    labels : int64 [shape=(n_songs,)]
        Index into ``genres``.
    genres : tuple of str
    values : float32 [shape=(n_songs, n_values)]
        Features, then tag logits.
    n_features : int
    """

    track_ids: npt.NDArray[np.object_]
    group_ids: npt.NDArray[np.object_]
    labels: Int64Array
    genres: tuple[str, ...]
    values: Float32Array
    n_features: int

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def features(self) -> Float32Array:
        """The values without the tag logits, (n_songs, n_features)."""
        return self.values[:, : self.n_features]

    def of(self, songs: BoolArray | Int64Array) -> "EmbeddedSongs":
        """Return some of the songs, under the same genres."""
        return EmbeddedSongs(
            track_ids=self.track_ids[songs],
            group_ids=self.group_ids[songs],
            labels=self.labels[songs],
            genres=self.genres,
            values=self.values[songs],
            n_features=self.n_features,
        )

    def groups_of(self, genre: int) -> list[str]:
        """Return the groups that have songs of a genre, in the order of their names."""
        return sorted(set(self.group_ids[self.labels == genre].tolist()))

    def divisible(self) -> "EmbeddedSongs":
        """Return the songs of genres that can be fitted while one of their groups is held out.

        The other genres are gone from ``genres``, too.
        """
        kept = [number for number in range(len(self.genres)) if len(self.groups_of(number)) > 1]
        songs = self.of(np.isin(self.labels, kept))
        return EmbeddedSongs(
            track_ids=songs.track_ids,
            group_ids=songs.group_ids,
            labels=np.searchsorted(kept, songs.labels).astype(np.int64),
            genres=tuple(self.genres[number] for number in kept),
            values=songs.values,
            n_features=self.n_features,
        )


def label_songs(
    track_ids: Sequence[str],
    group_ids: Sequence[str],
    genres: Sequence[str],
    values: Float32Array,
    n_features: int,
) -> EmbeddedSongs:
    """Number the genres of songs in the order of their names.

    Parameters
    ----------
    track_ids, group_ids, genres : sequence of str [shape=(n_songs,)]
    values : float32 [shape=(n_songs, n_values)]
    n_features : int
    """
    names, labels = np.unique(np.asarray(genres, str), return_inverse=True)
    return EmbeddedSongs(
        track_ids=np.asarray(track_ids, object),
        group_ids=np.asarray(group_ids, object),
        labels=labels.astype(np.int64),
        genres=tuple(names.tolist()),
        values=values,
        n_features=n_features,
    )


def one_thread() -> AbstractContextManager[object]:
    """Return a context in which NumPy and SciPy compute on one thread.

    Systems of some hundred equations gain nothing from more, and on a busy machine threads that
    wait for each other take twelve times as long.
    """
    import scipy.linalg  # its library can only be limited once it is there  # noqa: F401
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1)
