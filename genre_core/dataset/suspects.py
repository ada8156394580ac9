"""Suspects: songs whose label looks wrong.

References
----------
Northcutt, Jiang and Chuang, Confident Learning: Estimating Uncertainty in Dataset Labels, JAIR 70
(2021): self-confidence, the out-of-fold probability of the given label, ranks the songs. Northcutt,
Wu and Chuang, Learning with Confident Examples, UAI 2017: heads are fitted again without the songs
that were predicted otherwise, so that a wrong label does not support another one.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genre_core.examples import Float32Array
from genre_core.training.head import fit_head, predict_out_of_fold
from genre_core.training.songs import BoolArray, EmbeddedSongs

LEAST_MARGIN = 0.2
"""By so much another genre must be more probable than the label."""
MOST_SUSPECTS = 100
"""So many songs a person can check; the others come up once these are decided."""
N_NEIGHBOURS = 3
FEWEST_GENRES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """A song near another one, by the cosine of their mean embeddings."""

    track_id: str
    cosine: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A song whose label, ``genre``, looks wrong; probabilities are out of fold.

    ``neighbours`` are the nearest songs of other groups, the nearest first: songs of the same
    artist have a label that was given together with this one.
    """

    track_id: str
    genre: str
    confidence: float
    predicted: str
    predicted_confidence: float
    neighbours: tuple[Neighbour, ...]


def find_suspects(
    songs: EmbeddedSongs, prior: Float32Array, confirmed: Collection[str]
) -> list[Suspect]:
    """Find up to `MOST_SUSPECTS` songs predicted as another genre, the least probable label first.

    Each genre is in two groups at least (`EmbeddedSongs.divisible`); of a single genre, no song is
    a suspect. The prior is (n_tags, n_genres); labels of ``confirmed`` tracks are trusted.
    """
    if len(songs.genres) < FEWEST_GENRES:
        return []
    is_confirmed = np.isin(songs.track_ids.astype(str), list(confirmed))
    probabilities = label_probabilities(songs, prior, is_confirmed)
    own = probabilities[np.arange(len(songs)), songs.labels]
    margin = np.where(np.isfinite(own), probabilities.max(axis=1) - own, 0.0)
    order = np.argsort(own, kind="stable")
    listed = order[(margin >= LEAST_MARGIN)[order] & ~is_confirmed[order]][:MOST_SUSPECTS]
    predicted = probabilities.argmax(axis=1)
    return [
        Suspect(
            track_id=songs.track_ids[song],
            genre=songs.genres[songs.labels[song]],
            confidence=float(own[song]),
            predicted=songs.genres[predicted[song]],
            predicted_confidence=float(probabilities[song, predicted[song]]),
            neighbours=near,
        )
        for song, near in zip(listed, find_neighbours(songs, listed), strict=True)
    ]


def label_probabilities(
    songs: EmbeddedSongs, prior: Float32Array, confirmed: BoolArray
) -> Float32Array:
    """Probability of each genre, out of fold by group, from heads without the doubtful songs.

    float32 (n_songs, n_genres); not a number where a song could not be held out.
    """
    first = fit_head(songs.values, songs.labels, songs.group_ids, prior, len(songs.genres))
    agrees = first.out_of_fold.argmax(axis=1) == songs.labels
    trusted = agrees | confirmed | ~first.is_scored
    second = predict_out_of_fold(songs.values, songs.labels, songs.group_ids, prior, trusted)
    return np.where(np.isfinite(second), second, first.out_of_fold)


def find_neighbours(
    songs: EmbeddedSongs, wanted: npt.NDArray[np.integer], n_neighbours: int = N_NEIGHBOURS
) -> list[tuple[Neighbour, ...]]:
    """Find the songs of other groups that are nearest to some songs, given by their places."""
    lengths = np.linalg.norm(songs.features, axis=1, keepdims=True)
    unit = songs.features / np.maximum(lengths, np.finfo(np.float32).tiny)
    found = []
    for song in wanted:
        cosines = np.where(songs.group_ids == songs.group_ids[song], -np.inf, unit @ unit[song])
        near = np.argsort(-cosines, kind="stable")[:n_neighbours]
        found.append(
            tuple(
                Neighbour(track_id=songs.track_ids[n], cosine=float(cosines[n]))
                for n in near
                if np.isfinite(cosines[n])
            )
        )
    return found
