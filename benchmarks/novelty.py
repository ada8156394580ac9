"""How well songs of an unknown genre are told from known ones, and what the sets of 90 % hold.

``PYTHONPATH=. python -m benchmarks.novelty HOME`` leaves out one genre of the library after the
other. In each of four folds by artist, everything is fitted on the songs of three folds; the songs
of the fourth are known genres by new artists, and those of the genre that was left out are
unknown. Rows compare distances; ``refused`` and ``found`` are shares of known and of unknown songs
beyond a threshold that training songs gave for 5 %.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table
from sklearn.covariance import LedoitWolf
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold

from benchmarks.heads import Library, read_libraries
from genre_core.evaluation.certainty import belongs, fit_least_probability
from genre_core.evaluation.novelty import FEWEST_GROUPS, fit_novelty, weighted_quantile
from genre_core.examples import Float32Array, Int64Array
from genre_core.training.head import fit_head, fit_scaler
from genre_core.training.tag_prior import DEFAULT_TAGS, prior_matrix
from storage.home import DataLayout

N_FOLDS = 4
SEEDS = range(5)
REFUSE_SHARE, COVERAGE = 0.05, 0.90

Float64Array = npt.NDArray[np.float64]
Fold = tuple[Int64Array, Int64Array, Int64Array]
Scale = Callable[[Float32Array, Float32Array], Float32Array]
"""From features of training songs, and of any, to scaled ones of these."""
Distance = Callable[[Float32Array, Float32Array, Int64Array], Float64Array]
"""From features of training songs and of others, and labels of the first, to a distance each."""


def to_unit(features: Float32Array) -> Float32Array:
    """Features of unit length."""
    return features / np.linalg.norm(features, axis=1, keepdims=True)


def one_mean(known: Float32Array, others: Float32Array, _labels: Int64Array) -> Float64Array:
    """Mahalanobis distance from one mean, with a shrunk covariance."""
    return np.sqrt(LedoitWolf().fit(known).mahalanobis(others))


def class_means(known: Float32Array, others: Float32Array, labels: Int64Array) -> Float64Array:
    """Mahalanobis distance from the nearest mean of a genre, one covariance (Lee et al. 2018)."""
    means = {label: known[labels == label].mean(axis=0) for label in set(labels.tolist())}
    centred = known - np.stack([means[label] for label in labels.tolist()])
    shared = LedoitWolf(assume_centered=True).fit(centred)
    by_class = [shared.mahalanobis(others - mean) for mean in means.values()]
    return np.sqrt(np.min(by_class, axis=0))


def nearest(k: int) -> Distance:
    """Distance to the k-th nearest training song."""

    def distance(known: Float32Array, others: Float32Array, _labels: Int64Array) -> Float64Array:
        apart = np.linalg.norm(others[:, np.newaxis] - known, axis=2)
        return np.sort(apart, axis=1)[:, k - 1]

    return distance


DISTANCES: Mapping[str, Distance] = {
    "Mahalanobis, one mean": one_mean,
    "Mahalanobis, genre means": class_means,
    "nearest song": nearest(1),
    "second nearest song": nearest(2),
    "fifth nearest song": nearest(5),
}
SCALES: Mapping[str, Scale] = {
    "none": lambda _known, features: features,
    "deviations, clipped": lambda known, f: fit_scaler(known, known.shape[1]).scale(f),
    "unit length": lambda _known, features: to_unit(features),
}


def main() -> None:
    """Print the tables of a home."""
    for library in read_libraries(DataLayout(Path(sys.argv[1]).resolve())):
        title = f"{library.name}: {len(library.labels)} songs, each genre unknown in turn"
        table = Table("features", "distance", "AUROC", "refused", "found", title=title, box=None)
        features = library.values[:, : library.embedding.n_features]
        for scale_name, scale in SCALES.items():
            for name, distance in DISTANCES.items():
                row = _measure(library, features, scale, distance)
                table.add_row(scale_name, name, *(f"{value:.3f}" for value in row))
        table.add_row("unit length", "as fitted by genreflow", *_measure_fitted(library, features))
        Console(width=180).print(table)
        print_sets(library)


def print_sets(library: Library) -> None:
    """Print how many sets of artists that were left out hold the genre, and how large they are."""
    prior = prior_matrix(library.genres, library.embedding, DEFAULT_TAGS)
    table = Table("prior", "sets that hold the genre", "genres a set", title="Sets", box=None)
    for name, used in (("tags", prior), ("none", np.zeros_like(prior))):
        held = np.concatenate(list(_sets(library, used)))
        table.add_row(name, f"{held[:, 0].mean():.3f}", f"{held[:, 1].mean():.2f}")
    Console(width=180).print(table)


def _folds(
    library: Library, members: Int64Array, seed: int
) -> Iterator[tuple[Int64Array, Int64Array]]:
    splitter = StratifiedGroupKFold(N_FOLDS, shuffle=True, random_state=seed)
    groups = library.groups[members].astype(str)
    for fitted, held in splitter.split(members, library.labels[members], groups):
        yield members[fitted], members[held]


def _cases(library: Library) -> Iterator[Fold]:
    """Yield training songs, known songs by other artists, and unknown songs."""
    for genre in range(len(library.genres)):
        unknown = np.flatnonzero(library.labels == genre)
        for seed in SEEDS:
            known = np.flatnonzero(library.labels != genre)
            for train, held in _folds(library, known, seed):
                yield train, held, unknown


def _measure(
    library: Library, features: Float32Array, scale: Scale, distance: Distance
) -> Float64Array:
    """Mean AUROC, share of known songs refused, and of unknown songs found."""

    def far(fitted: Int64Array, asked: Int64Array) -> Float64Array:
        known = features[fitted]
        scaled = scale(known, known), scale(known, features[asked])
        return distance(*scaled, library.labels[fitted])

    found = []
    for train, held, unknown in _cases(library):
        groups = library.groups[train]
        parts = [(far(train[groups != g], train[groups == g])) for g in set(groups)]
        weights = np.concatenate([np.full(len(part), 1 / len(part)) for part in parts])
        left_out = np.concatenate(parts).astype(np.float32)
        threshold = weighted_quantile(left_out, weights, 1 - REFUSE_SHARE)
        found.append(_score(far(train, held), far(train, unknown), threshold))
    return np.mean(found, axis=0)


def _measure_fitted(library: Library, features: Float32Array) -> list[str]:
    found = []
    for train, held, unknown in _cases(library):
        novelty = fit_novelty(features[train], library.groups[train], REFUSE_SHARE)
        if novelty is None:
            return [f"fewer than {FEWEST_GROUPS} groups", "", ""]
        distances = (novelty.distances(features[songs]) for songs in (held, unknown))
        found.append(_score(*distances, novelty.threshold))
    return [f"{value:.3f}" for value in np.mean(found, axis=0)]


def _score(known: Float64Array, unknown: Float64Array, threshold: float) -> list[float]:
    is_unknown = np.repeat([0, 1], [len(known), len(unknown)])
    auroc = roc_auc_score(is_unknown, np.concatenate([known, unknown]))
    return [float(auroc), float((known > threshold).mean()), float((unknown > threshold).mean())]


def _sets(library: Library, prior: Float32Array) -> Iterator[Float64Array]:
    """Yield, of each song left out, whether its set holds the genre and the size of the set."""
    everyone = np.arange(len(library.labels))
    for seed in SEEDS:
        for train, held in _folds(library, everyone, seed):
            labels = library.labels[train]
            values, groups = library.values[train], library.groups[train]
            fitted = fit_head(values, labels, groups, prior, len(library.genres), seed)
            scored = fitted.is_scored
            least = fit_least_probability(fitted.out_of_fold[scored], labels[scored], COVERAGE)
            sets = belongs(fitted.head.probabilities(library.values[held]), least)
            true = sets[np.arange(len(held)), library.labels[held]]
            yield np.stack([true, sets.sum(axis=1)], axis=1).astype(np.float64)


if __name__ == "__main__":
    main()
