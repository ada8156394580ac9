"""The map of the songs: points in two dimensions, near each other where songs sound alike.

References
----------
Van der Maaten and Hinton, Visualizing Data using t-SNE, JMLR 9 (2008). Kobak and Berens, The art of
using t-SNE for single-cell transcriptomics, Nature Communications 10 (2019): a start from principal
components keeps the large arrangement, and a new point goes to the median of its nearest.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from genre_core.examples import Float32Array
from genre_core.training.songs import BoolArray, one_thread

Points = npt.NDArray[np.float64]
Point = tuple[float, float]

MOST_LANDMARKS = 2000
"""Songs that are laid out together, in 9 s; the others are placed near those they resemble."""
FEWEST_FOR_TSNE = 30
LEAST_KEPT = 0.9
"""Landmarks stay where they are while so large a share of them would be chosen again."""
N_NEAREST = 3
N_COMPONENTS = 50
FORMER_DEVIATION = 10.0  # of t-SNE, whose points lie some 50 apart
ROWS_AT_ONCE = 4096


def map_songs(
    track_ids: Sequence[str], features: Float32Array, former: Mapping[str, Point]
) -> tuple[Points, BoolArray]:
    """Return a point of the unit square for each song, and whether it is a landmark.

    ``track_ids`` are in order, so that the first are a random sample that does not change;
    ``features`` are (n_songs, n_features). ``former`` are the landmarks of the former map: they
    keep their points, or, once too many are new, are laid out again from where they were.
    """
    unit = features / np.maximum(
        np.linalg.norm(features, axis=1, keepdims=True), np.finfo(np.float32).tiny
    )
    known = np.array([track_id in former for track_id in track_ids], bool)
    points = np.array([former.get(track_id, (0.5, 0.5)) for track_id in track_ids])
    if known[:MOST_LANDMARKS].mean() < LEAST_KEPT:
        chosen = np.arange(len(track_ids)) < MOST_LANDMARKS
        start = _place(unit, points, known)[chosen] if known.any() else None
        points[chosen] = lay_out(unit[chosen], start)
        known = chosen
    return _place(unit, points, known), known


def lay_out(unit: Float32Array, start: Points | None = None) -> Points:
    """Lay songs out in the unit square by t-SNE, few by PCA; rows of ``unit`` have length 1.

    It begins at ``start``, or else at the principal components.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    if len(unit) <= 2 or not np.ptp(unit, axis=0).any():
        return np.linspace(0, 1, len(unit) + 2)[1:-1, None].repeat(2, axis=1)
    with one_thread():  # once scikit-learn is there: on a busy machine more take many times longer
        n_components = min(N_COMPONENTS, *unit.shape)
        components = PCA(n_components, random_state=0).fit_transform(unit)
        if len(unit) < FEWEST_FOR_TSNE:
            return _fit_square(components[:, :2])
        flat = components[:, :2] if start is None else start - start.mean(axis=0)
        # small, so that the components only order the groups; large, so that a former map stays
        deviation = 1e-4 if start is None else FORMER_DEVIATION
        flat = flat / max(flat[:, 0].std(), np.finfo(np.float32).tiny) * deviation
        perplexity = min(30.0, len(unit) / 4)
        tsne = TSNE(perplexity=perplexity, init=flat.astype(np.float32), random_state=0, n_jobs=1)
        return _fit_square(tsne.fit_transform(components))


def _place(unit: Float32Array, points: Points, known: BoolArray) -> Points:
    """Place the songs without a known point at the median of the nearest that have one."""
    placed, landmarks = points.copy(), unit[known]
    n_nearest = min(N_NEAREST, len(landmarks))
    waiting = np.flatnonzero(~known)
    for first in range(0, len(waiting), ROWS_AT_ONCE):
        rows = waiting[first : first + ROWS_AT_ONCE]
        cosines = unit[rows] @ landmarks.T
        near = np.argpartition(-cosines, n_nearest - 1, axis=1)[:, :n_nearest]
        placed[rows] = np.median(points[known][near], axis=1)
    return placed


def _fit_square(points: npt.NDArray[np.floating]) -> Points:
    """Move and scale points into the unit square, in proportion."""
    low, high = points.min(axis=0), points.max(axis=0)
    extent = max(float((high - low).max()), np.finfo(np.float32).tiny)
    return (points - (low + high) / 2).astype(np.float64) / extent + 0.5
