"""Embeddings: the values that a frozen, pretrained network computes from windows of sound."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from genre_core.examples import Examples, Float32Array

SEPARATOR = ": "
SongValues = dict[str, Float32Array]
"""Mean values of the embedding of songs, (n_values,), by track."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedding:
    """A frozen network (or several) that turns a window of sound into a row of values.

    The values of a window are its features first, then one logit a tag, so a matrix of this
    representation is ``(n_values, 1)``. ``digest`` is that of the model's files, and part of the
    feature key; ``hop_s`` the least distance between two windows of a song; ``tags`` are
    ``model: tag``. Scores on songs of ``trained_on``, data sets, may be too good.
    """

    name: str
    digest: str
    sample_rate: int
    window_s: float
    hop_s: float
    n_features: int
    tags: tuple[str, ...] = ()
    licence: str = ""
    trained_on: tuple[str, ...] = ()

    @property
    def n_values(self) -> int:
        """Features and tag logits of a window."""
        return self.n_features + len(self.tags)

    @property
    def tag_names(self) -> tuple[str, ...]:
        """Names of the tags without their model, in lower case."""
        return tuple(tag.rpartition(SEPARATOR)[2].lower() for tag in self.tags)

    def as_document(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return asdict(self)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "Embedding":
        """Return what `as_document` described."""
        lists = {name: tuple(document[name]) for name in ("tags", "trained_on")}
        return cls(**{**document, **lists})


def song_means(
    values: Float32Array, track_ids: Sequence[str] | npt.NDArray[np.object_]
) -> tuple[list[str], Float32Array]:
    """Average the windows of each song: the songs in order of their ids, and (n_songs, n_values).

    ``values`` are float32 (n_windows, n_values) or (n_windows, n_values, 1).
    """
    songs, song_of_window = np.unique(np.asarray(track_ids, str), return_inverse=True)
    flat = values.reshape(len(values), -1)
    sums = np.zeros((len(songs), flat.shape[1]), np.float64)
    np.add.at(sums, song_of_window, flat)
    counts = np.bincount(song_of_window, minlength=len(songs))
    return songs.tolist(), (sums / counts[:, None]).astype(np.float32)


def song_examples(windows: Examples) -> Examples:
    """Average the windows of each song: one example a song, (n_songs, n_values, 1)."""
    track_ids, means = song_means(windows.matrices, windows.track_ids)
    label_of_track = dict(zip(windows.track_ids, windows.labels.tolist(), strict=True))
    return Examples(
        matrices=means[:, :, np.newaxis],
        labels=np.array([label_of_track[track_id] for track_id in track_ids], np.int64),
        track_ids=np.array(track_ids, object),
    )


def song_values(examples: Examples) -> SongValues:
    """Return the embedding of each song, one example a song; empty for spectrograms."""
    if examples.matrices.shape[2] != 1:
        return {}
    return dict(zip(examples.track_ids, examples.matrices[:, :, 0], strict=True))
