"""Whether `genreflow next` chooses better songs to label than chance: hidden labels, 100 draws.

``PYTHONPATH=. python -m benchmarks.proposals HOME`` sets whole artists aside for scoring, labels
one or two songs a genre, lets each method choose eight of the others, and scores a head that was
fitted on all of them. A pool is taken as it is, or with two of the genres cut to a quarter. The
intervals are those of the draws: the songs are the same in all of them, so they say less than an
interval over songs would.
"""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.heads import Library, read_libraries
from genre_core.dataset.proposals import Pool, propose_songs, uncertainty_of
from genre_core.examples import Float32Array, Int64Array
from genre_core.training.head import Head, fit_head, fit_scaler
from genre_core.training.tag_prior import DEFAULT_TAGS, prior_matrix
from storage.home import DataLayout

N_DRAWS = 100
N_CHOSEN = 8
N_RANDOM = 5
"""Random batches a draw, averaged."""
SCORED_SHARE = 0.3

Choose = Callable[[Library, Int64Array, Int64Array, Head, np.random.Generator], Int64Array]


def choose_randomly(
    _library: Library, _known: Int64Array, pool: Int64Array, _head: Head, rng: np.random.Generator
) -> Int64Array:
    """Songs drawn at random."""
    return rng.permutation(pool)[:N_CHOSEN]


def choose_uncertain(
    library: Library, _known: Int64Array, pool: Int64Array, head: Head, _rng: np.random.Generator
) -> Int64Array:
    """The songs whose predictions have the highest entropy."""
    entropy = uncertainty_of(head.probabilities(library.values[pool]))
    return pool[np.argsort(-entropy)[:N_CHOSEN]]


def choose_proposed(
    library: Library, known: Int64Array, pool: Int64Array, head: Head, _rng: np.random.Generator
) -> Int64Array:
    """The songs that `genreflow next` proposes."""
    values, n = library.values, library.embedding.n_features
    scaled = fit_scaler(values[np.r_[known, pool]], n).scale(values)[:, :n]
    waiting = Pool(
        features=scaled[pool],
        uncertainty=uncertainty_of(head.probabilities(values[pool])),
        artists=library.groups[pool].tolist(),
    )
    found = propose_songs(waiting, scaled[known], len(library.genres), N_CHOSEN)
    return pool[[proposal.index for proposal in found]]


METHODS: Mapping[str, Choose] = {
    "random": choose_randomly,
    "uncertain": choose_uncertain,
    "next": choose_proposed,
}


def main() -> None:
    """Print a table for each embedding of a home."""
    for library in read_libraries(DataLayout(Path(sys.argv[1]).resolve())):
        headings = ("prior", "labelled", "pool", "before", *METHODS, "gain of next")
        table = Table(*headings, title=f"{library.name}: {len(library.labels)} songs", box=None)
        prior = prior_matrix(library.genres, library.embedding, DEFAULT_TAGS)
        for name, used in (("tags", prior), ("none", np.zeros_like(prior))):
            for n_labelled in (1, 2):
                for pool_name, is_skewed in (("whole", False), ("skewed", True)):
                    row = _measure(library, used, n_labelled, is_skewed)
                    table.add_row(name, f"{n_labelled} a genre", pool_name, *row)
        Console(width=140).print(table)


def _measure(library: Library, prior: Float32Array, n_labelled: int, is_skewed: bool) -> list[str]:
    """Mean recall before and after, by method, and the gain over random with its interval."""
    draws = [_draw(library, prior, n_labelled, is_skewed, seed) for seed in range(N_DRAWS)]
    recalls = np.array(draws)
    gains = recalls[:, -1] - recalls[:, 1]
    rng = np.random.default_rng(0)
    means = rng.choice(gains, (10_000, len(gains))).mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    shown = [f"{recall:.3f}" for recall in recalls.mean(axis=0)]
    return [*shown, f"{gains.mean():+.3f} [{low:+.3f}, {high:+.3f}]"]


def _draw(
    library: Library, prior: Float32Array, n_labelled: int, is_skewed: bool, seed: int
) -> list[float]:
    rng = np.random.default_rng([n_labelled, seed])
    scored = _set_aside(library, rng)
    rest = np.setdiff1d(np.arange(len(library.labels)), scored)
    known = np.concatenate([songs[:n_labelled] for songs in _by_genre(library, rest, rng)])
    pool = np.setdiff1d(rest, known)
    if is_skewed:
        pool = _skew(_by_genre(library, pool, rng), rng)
    head = _fit(library, known, prior)
    recalls = [_recall(library, head, scored)]
    for name, choose in METHODS.items():
        batches = [
            choose(library, known, pool, head, rng)
            for _ in range(N_RANDOM if name == "random" else 1)
        ]
        heads = [_fit(library, np.r_[known, batch], prior) for batch in batches]
        recalls.append(float(np.mean([_recall(library, after, scored) for after in heads])))
    return recalls


def _set_aside(library: Library, rng: np.random.Generator) -> Int64Array:
    """Whole artists of each genre, never all of them, until they have a share of its songs."""
    aside: list[int] = []
    for label in range(len(library.genres)):
        own = np.flatnonzero(library.labels == label)
        n_aside = 0
        for artist in rng.permutation(np.unique(library.groups[own].astype(str)))[:-1]:
            if n_aside < SCORED_SHARE * len(own):
                songs = own[library.groups[own].astype(str) == artist]
                aside += songs.tolist()
                n_aside += len(songs)
    return np.array(aside, np.int64)


def _by_genre(library: Library, songs: Int64Array, rng: np.random.Generator) -> list[Int64Array]:
    shuffled = rng.permutation(songs)
    return [shuffled[library.labels[shuffled] == label] for label in range(len(library.genres))]


def _skew(by_genre: list[Int64Array], rng: np.random.Generator) -> Int64Array:
    """Keep a quarter of two of the genres."""
    order = rng.permutation(len(by_genre))
    cut = [by_genre[g][: max(1, len(by_genre[g]) // 4)] for g in order[:2]]
    return np.concatenate([*cut, *(by_genre[g] for g in order[2:])])


def _fit(library: Library, songs: Int64Array, prior: Float32Array) -> Head:
    values, labels, groups = library.values[songs], library.labels[songs], library.groups[songs]
    return fit_head(values, labels, groups, prior, len(library.genres)).head


def _recall(library: Library, head: Head, songs: Int64Array) -> float:
    predicted, labels = head.probabilities(library.values[songs]).argmax(1), library.labels[songs]
    return float(np.mean([(predicted[labels == g] == g).mean() for g in np.unique(labels)]))


if __name__ == "__main__":
    main()
