"""Songs with their mean embeddings, as heads read them."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from genre_core.examples import Float32Array, Int64Array

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EmbeddedSongs:
    """Labelled songs of a library with their mean embeddings, a row a song.

    Songs of one group (artist, recording) are never on both sides of a fold. ``labels`` index
    ``genres``; ``values``, float32 (n_songs, n_values), are features, then tag logits.
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
        return replace(
            self,
            track_ids=self.track_ids[songs],
            group_ids=self.group_ids[songs],
            labels=self.labels[songs],
            values=self.values[songs],
        )

    def divisible(self) -> "EmbeddedSongs":
        """Return the songs of genres that can be fitted while one of their groups is held out.

        The other genres are gone from ``genres``, too.
        """
        numbers = range(len(self.genres))
        kept = [n for n in numbers if len(set(self.group_ids[self.labels == n].tolist())) > 1]
        songs = self.of(np.isin(self.labels, kept))
        return replace(
            songs,
            labels=np.searchsorted(kept, songs.labels).astype(np.int64),
            genres=tuple(self.genres[number] for number in kept),
        )


def label_songs(
    track_ids: Sequence[str],
    group_ids: Sequence[str],
    genres: Sequence[str],
    values: Float32Array,
    n_features: int,
) -> EmbeddedSongs:
    """Number the genres of songs in the order of their names; a row of ``values`` a song."""
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
    """Return a context in which NumPy, and SciPy where it is there, compute on one thread.

    Systems of some hundred equations gain nothing from more, and on a busy machine threads that
    wait for each other take twelve times as long.
    """
    from threadpoolctl import get_cached_controller

    return get_cached_controller().limit(limits=1)
