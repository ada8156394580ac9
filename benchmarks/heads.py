"""How good heads are on a library: grouped folds, few songs a genre, sources left out.

``PYTHONPATH=. python -m benchmarks.heads HOME`` reads every embedding that the home has
(`genreflow extract --representation musicnn_vgg`, GENREFLOW_N_WINDOWS=15 … make more) and prints a
row each, with and without the prior. All songs count, whatever their side of the split: nothing is
chosen by these figures.
"""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from genre_core.audit.songs import name_sources
from genre_core.evaluation.bootstrap import Float64Array, Interval, bootstrap, interval_rng
from genre_core.evaluation.calibration import reliability
from genre_core.evaluation.predictions import (
    SongPredictions,
    as_matrices,
    confusion_by_group,
    recall_of,
)
from genre_core.examples import Float32Array, Int64Array
from genre_core.representations.embeddings import Embedding
from genre_core.training.head import fit_head
from genre_core.training.tag_prior import DEFAULT_TAGS, prior_matrix
from storage.catalog.audits import read_audited_songs
from storage.catalog.connection import fetch_rows, open_catalog
from storage.catalog.snapshots import NEWEST, choose_snapshot, read_features, read_fold_groups
from storage.home import DataLayout

SEEDS = range(5)
FEW = (1, 2, 4, 8)
N_DRAWS = 10


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Library:
    """Mean embeddings of songs, their genres, and the groups and sources that they come from."""

    name: str
    embedding: Embedding
    track_ids: npt.NDArray[np.object_]
    values: Float32Array
    labels: Int64Array
    genres: tuple[str, ...]
    groups: npt.NDArray[np.object_]
    sources: npt.NDArray[np.object_]


def read_libraries(layout: DataLayout) -> list[Library]:
    """Read the embeddings of the songs of the newest snapshot, a library a feature key."""
    with open_catalog(layout) as catalog:
        newest = choose_snapshot(catalog, NEWEST)
        if newest is None:
            return []
        rows = fetch_rows(catalog, "select * from song_embeddings order by feature_key, track_id")
        audited = read_audited_songs(catalog, layout, newest.snapshot_id)
        groups = read_fold_groups(catalog, newest.snapshot_id)
        keys = dict.fromkeys(row["feature_key"] for row in rows)
        features_of_key = {key: read_features(catalog, key) for key in keys}
    songs = {song.track_id: song for song in audited}
    _, sources = name_sources(list(songs.values()))
    genres = tuple(sorted({song.genre for song in songs.values()}))
    libraries = []
    for key, features in features_of_key.items():
        own = [r for r in rows if r["feature_key"] == key and r["track_id"] in songs]
        ids = [row["track_id"] for row in own]
        if features.embedding is None or not own:
            continue
        libraries.append(
            Library(
                name=f"{features.representation} × {features.fragments.n_fragments}",
                embedding=features.embedding,
                track_ids=np.array(ids, object),
                values=np.array([r["embedding"] + r["tag_logits"] for r in own], np.float32),
                labels=np.array([genres.index(songs[i].genre) for i in ids], np.int64),
                genres=genres,
                groups=np.array([groups[i] for i in ids], object),
                sources=np.array([sources[i] for i in ids], object),
            )
        )
    return libraries


def main() -> None:
    """Print the tables of a home."""
    for library in read_libraries(DataLayout(Path(sys.argv[1]).resolve())):
        print_library(library)


def print_library(library: Library) -> None:
    """Print a row with the prior and one without."""
    n_songs, n_groups = len(library.labels), len(set(library.groups))
    few = [f"{n} a genre" for n in FEW]
    headings = ("prior", "mean recall", "ECE", "accuracy", "surest 70 %", "sources out", *few, "s")
    table = Table(*headings, title=f"{library.name}: {n_songs} songs, {n_groups} groups", box=None)
    prior = prior_matrix(library.genres, library.embedding, DEFAULT_TAGS)
    for name, used in (("tags", prior), ("none", np.zeros_like(prior))):
        table.add_row(name, *_measure(library, used))
    Console(width=180).print(table)


def _measure(library: Library, prior: Float32Array) -> list[str]:
    start = time.process_time()
    fits = [_out_of_fold(library, library.groups, prior, seed) for seed in SEEDS]
    seconds = (time.process_time() - start) / len(fits)
    by_source = [_out_of_fold(library, library.sources, prior, seed) for seed in SEEDS]
    ece = np.mean([reliability(p, library.labels).error for p in fits])
    right = np.mean([p.argmax(axis=1) == library.labels for p in fits], axis=0)
    sure = np.argsort([-p for p in np.mean([f.max(axis=1) for f in fits], axis=0)])
    surest = right[sure[: round(0.7 * len(sure))]].mean()
    return [
        _show(mean_recall(library, fits, library.groups)),
        f"{ece:.3f}",
        f"{right.mean():.3f}",
        f"{surest:.3f}",
        _show(mean_recall(library, by_source, library.sources)),
        *(_show(few_labels(library, prior, n)) for n in FEW),
        f"{seconds:.2f}",
    ]


def _out_of_fold(
    library: Library, groups: npt.NDArray[np.object_], prior: Float32Array, seed: int
) -> Float32Array:
    fitted = fit_head(library.values, library.labels, groups, prior, len(library.genres), seed)
    return np.nan_to_num(fitted.out_of_fold, nan=0.0)


def mean_recall(
    library: Library, fits: Sequence[Float32Array], groups: npt.NDArray[np.object_]
) -> Interval:
    """Mean over genres of the share of songs that are right, with its interval by group."""
    scored = SongPredictions(
        track_ids=library.track_ids,
        group_ids=groups,
        labels=library.labels,
        predicted=np.stack([probabilities.argmax(axis=1) for probabilities in fits]),
        n_genres=len(library.genres),
    )

    def statistic(sums: Float64Array) -> Float64Array:
        return recall_of(as_matrices(sums, scored.n_genres)).mean(axis=(-2, -1))[..., np.newaxis]

    (found,) = bootstrap(confusion_by_group(scored), statistic, interval_rng(library.name))
    return found


def few_labels(library: Library, prior: Float32Array, n_songs: int) -> Interval | None:
    """Mean recall on the other groups after so many songs a genre: mean and spread of 10 draws."""
    rng = np.random.default_rng([0, n_songs])
    recalls = [_draw_recall(library, prior, n_songs, rng) for _ in range(N_DRAWS)]
    known = [recall for recall in recalls if np.isfinite(recall)]
    if len(known) < N_DRAWS / 2:
        return None
    low, high = np.quantile(known, [0.05, 0.95])
    return Interval(value=float(np.mean(known)), low=float(low), high=float(high))


def _draw_recall(
    library: Library, prior: Float32Array, n_songs: int, rng: np.random.Generator
) -> float:
    drawn = [
        rng.permutation(np.flatnonzero(library.labels == label))[:n_songs]
        for label in range(len(library.genres))
    ]
    chosen = np.concatenate(drawn)
    others = ~np.isin(library.groups, library.groups[chosen])
    if min(map(len, drawn)) < n_songs or set(library.labels[others]) != set(library.labels):
        return float("nan")
    fitted = fit_head(
        library.values[chosen],
        library.labels[chosen],
        library.groups[chosen],
        prior,
        len(library.genres),
    )
    predicted = fitted.head.probabilities(library.values[others]).argmax(axis=1)
    labels = library.labels[others]
    return float(np.mean([(predicted[labels == g] == g).mean() for g in set(labels.tolist())]))


def _show(interval: Interval | None) -> str:
    if interval is None:
        return "–"
    return f"{interval.value:.2f} [{interval.low:.2f}, {interval.high:.2f}]"


if __name__ == "__main__":
    main()
