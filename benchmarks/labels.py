"""How many planted label errors `suspects` finds on a library.

``PYTHONPATH=. python -m benchmarks.labels HOME`` changes 10 % of the labels of the home's songs at
random, 100 times, ranks all songs, and prints how many of the k changed ones are among the first k
and among the first 2 k, with and without the prior, after one round of heads and after two.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from genre_core.dataset.suspects import find_suspects, label_probabilities
from genre_core.evaluation.bootstrap import Interval, bootstrap, interval_rng
from genre_core.examples import Float32Array
from genre_core.training.head import fit_head
from genre_core.training.songs import EmbeddedSongs
from genre_core.training.tag_prior import prior_matrix, tag_table
from storage.catalog.connection import open_catalog
from storage.catalog.embeddings import read_embedded_library, read_embedded_snapshot
from storage.home import DataLayout

N_DRAWS = 100
SHARE = 0.1
ROUNDS = ("one round", "two rounds")


def plant(songs: EmbeddedSongs, rng: np.random.Generator) -> tuple[EmbeddedSongs, set[int]]:
    """Change some labels to any other one; return the songs, and the places of the changed ones."""
    wrong = rng.choice(len(songs), max(1, round(SHARE * len(songs))), replace=False)
    labels = songs.labels.copy()
    labels[wrong] += rng.integers(1, len(songs.genres), len(wrong))
    return replace(songs, labels=labels % len(songs.genres)), set(wrong.tolist())


def found_among_first(
    songs: EmbeddedSongs, probabilities: Float32Array, wrong: set[int]
) -> list[float]:
    """Return the shares of wrong labels among the first k and the first 2 k, k being all wrong."""
    own = np.nan_to_num(probabilities[np.arange(len(songs)), songs.labels], nan=1.0)
    ranked = np.argsort(own, kind="stable").tolist()
    return [len(wrong & set(ranked[: times * len(wrong)])) / len(wrong) for times in (1, 2)]


def measure_draw(
    songs: EmbeddedSongs, prior: Float32Array, rng: np.random.Generator
) -> list[list[float]]:
    """Return, for one round and for two, the shares found among the first k and 2 k and listed."""
    planted, wrong = plant(songs, rng)
    fitted = fit_head(planted.values, planted.labels, planted.group_ids, prior, len(planted.genres))
    nobody = np.zeros(len(planted), bool)
    twice = label_probabilities(planted, prior, nobody)
    listed = {suspect.track_id for suspect in find_suspects(planted, prior, frozenset())}
    share = len(listed & set(planted.track_ids[sorted(wrong)].tolist())) / len(wrong)
    once = found_among_first(planted, fitted.out_of_fold, wrong)
    again = found_among_first(planted, twice, wrong)
    return [once, [*again, share, len(listed) / len(planted)]]


def average(draws: Sequence[Sequence[float]]) -> list[Interval]:
    """Average over draws, (n_draws, n_values), with 95 % intervals."""
    counted = np.hstack([np.array(draws), np.ones((len(draws), 1))])
    return bootstrap(counted, lambda sums: sums[..., :-1] / sums[..., -1:], interval_rng("labels"))


def main(home: Path) -> None:
    """Print a table for the embedding used last."""
    layout = DataLayout(home.expanduser().resolve())
    with open_catalog(layout) as catalog:
        snapshot, embedding = read_embedded_snapshot(catalog)
        library = read_embedded_library(catalog, snapshot.feature_key, snapshot.genres)
    songs = library.songs.divisible()
    prior = prior_matrix(songs.genres, embedding, tag_table({}))
    table = Table(title=f"{len(songs)} songs, {len(set(songs.group_ids))} artists, {N_DRAWS} draws")
    for heading in ("heads", "among the first k", "first 2 k", "on the list", "length of the list"):
        table.add_column(heading)
    for name, used in (("prior", prior), ("no prior", np.zeros_like(prior))):
        rngs = np.random.default_rng(0).spawn(N_DRAWS)
        by_round = zip(*(measure_draw(songs, used, rng) for rng in rngs), strict=True)
        for told, draws in zip(ROUNDS, by_round, strict=True):
            table.add_row(f"{name}, {told}", *map(str, average(draws)))
    Console().print(table)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
