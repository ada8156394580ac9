"""Duplicates in a table of features: rows that are identical, and rows that nearly are."""

import hashlib
from dataclasses import dataclass

import numpy as np

from genre_core.audit.table import Strings
from genre_core.examples import Float32Array, Int64Array

FEWEST_FEATURES = 8
FEWEST_VALUES = 11
"""With fewer features of as many values, unrelated rows are equal, or as near as duplicates."""
N_COUNTED = 1000
"""Rows whose values are counted."""
NEAR = 0.05
NEAR_OF_TYPICAL = 0.1
TYPICAL = 0.9
"""Two rows are nearly identical where the root mean square of their differences is at most `NEAR`
standard deviations, and a tenth of the distance that 90 % of the rows keep from the nearest row of
another group."""
N_PROJECTED = 12
N_NEIGHBOURS = 8
SLACK = 2.0
"""Of a radius, in a random projection (Johnson and Lindenstrauss, Contemporary Mathematics 26,
1984); candidates are measured again."""
N_PROBES = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicates:
    """Pairs of rows.

    ``limit`` is the distance up to which rows are near, None if not searched: then ``n_equal``
    rows are as one before them, which may be a coincidence.
    """

    identical: tuple[tuple[int, int], ...] = ()
    near: tuple[tuple[int, int], ...] = ()
    limit: float | None = None
    n_equal: int = 0


def find_duplicates(features: Float32Array, groups: Strings) -> Duplicates:
    """Find rows, (n_rows, n_features), that are identical, and near ones of different groups."""
    first: dict[bytes, int] = {}
    seen = [first.setdefault(_digest(row), at) for at, row in enumerate(features)]
    identical = tuple((one, at) for at, one in enumerate(seen) if one != at)
    unique = np.array(sorted(first.values()), np.int64)
    if not _distinguishes(features[unique[:: -(-len(unique) // N_COUNTED)]]):
        return Duplicates(n_equal=len(identical))
    varies = np.ptp(features, axis=0) > 0
    scaled = features[unique][:, varies]
    scaled -= scaled.mean(axis=0)
    scaled /= np.sqrt(np.square(scaled).mean(axis=0) * scaled.shape[1])  # distances are now RMS
    limit = min(NEAR, NEAR_OF_TYPICAL * _typical_distance(scaled, groups[unique]))
    near = _near_pairs(scaled, groups[unique], limit)
    return Duplicates(
        identical=identical,
        near=tuple((int(unique[one]), int(unique[other])) for one, other in near),
        limit=limit,
    )


def _distinguishes(features: Float32Array) -> bool:
    """Whether enough features have enough values for equal rows to be no coincidence."""
    n_values = 1 + (np.diff(np.sort(features, axis=0), axis=0) > 0).sum(axis=0)
    return int((n_values >= FEWEST_VALUES).sum()) >= FEWEST_FEATURES


def _digest(row: Float32Array) -> bytes:
    return hashlib.blake2b((row + 0.0).tobytes(), digest_size=16).digest()  # -0.0 is 0.0


def _typical_distance(scaled: Float32Array, groups: Strings) -> float:
    """Distance within which 90 % of some rows have a row of another group."""
    rng = np.random.default_rng(23)
    probes = np.sort(rng.permutation(len(scaled))[:N_PROBES])
    squares = np.square(scaled).sum(axis=1)
    distances = squares[probes, None] + squares - 2 * (scaled[probes] @ scaled.T)
    distances[groups[probes][:, None] == groups] = np.inf
    nearest = distances.min(axis=1)
    known = nearest[np.isfinite(nearest)]
    return float(np.sqrt(max(0.0, np.quantile(known, TYPICAL)))) if len(known) else 0.0


def _near_pairs(scaled: Float32Array, groups: Strings, limit: float) -> Int64Array:
    """Pairs of rows of different groups within a distance, (n_pairs, 2)."""
    from scipy.spatial import KDTree

    rng = np.random.default_rng(29)
    n_features = scaled.shape[1]
    if n_features > N_PROJECTED:
        directions = rng.normal(0, N_PROJECTED**-0.5, (n_features, N_PROJECTED))
        points = scaled @ directions.astype(np.float32)
    else:
        points = scaled
    tree = KDTree(points)
    n_neighbours = min(N_NEIGHBOURS, len(points))
    _, found = tree.query(points, n_neighbours, distance_upper_bound=SLACK * limit + 1e-9)
    rows = np.repeat(np.arange(len(points)), n_neighbours)
    pairs = np.stack([rows, found.ravel()], axis=1)
    pairs = pairs[(pairs[:, 1] < len(points)) & (pairs[:, 0] < pairs[:, 1])]
    pairs = pairs[groups[pairs[:, 0]] != groups[pairs[:, 1]]]
    apart = np.sqrt(np.square(scaled[pairs[:, 0]] - scaled[pairs[:, 1]]).sum(axis=1))
    return np.asarray(pairs[apart <= limit], np.int64)
