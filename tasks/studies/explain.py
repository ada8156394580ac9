"""Explain: the bands and moments a prediction rests on, and the activations on the way."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from prefect import task

from genre_core.errors import UsageError
from genre_core.evaluation.bootstrap import Float64Array
from genre_core.examples import Float32Array
from genre_core.figures.kernels import draw_activations, plain_name
from genre_core.figures.signal import (
    OccludedFragment,
    draw_band_losses,
    draw_matrix,
    draw_occlusion,
    scales_of,
)
from genre_core.networks.registry import HEADS
from genre_core.representations.features import FeatureConfig, name_features
from genre_core.studies.occlusion import mask_for, occlusion_map
from storage.catalog.connection import open_catalog
from storage.catalog.runs import read_library_runs, read_run
from storage.catalog.snapshots import NEWEST, choose_snapshot
from storage.home import DataLayout
from storage.reports import write_figure
from tasks.compare import best
from tasks.keras_import import import_training
from tasks.predict import Classifier, load_logged, require_champion, song_matrices

logger = logging.getLogger(__name__)

SHOWN = 3
"""Fragments of a song that are drawn: those of the most confident predictions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The prediction of a song, what each band adds to it, and the files of the figures.

    ``band_losses`` is the mean probability that the genre loses where a band is occluded, from the
    lowest band to the highest.
    """

    song: str
    genre: str
    probability: float
    band_losses: tuple[float, ...]
    figures: tuple[Path, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Occluded:
    """The fragments of a song and what each loses where it is occluded."""

    starts_s: Float64Array
    matrices: Float32Array
    probabilities: Float64Array
    losses: Float64Array


@task
def explain_song(layout: DataLayout, song: str, folder: Path, run_id: str = "") -> Explanation:
    """Draw what the prediction of a song rests on: of a run, or else of the champion.

    A head reads no spectrogram; the best network that does is explained in its place.
    """
    model = load_run(layout, run_id) if run_id else _load_explained(layout)
    if model.features.embedding:
        raise UsageError(
            f"Run {run_id} is a head on an embedding, which has no bands to occlude. Name a run "
            "of a network on spectrograms; `genreflow compare` lists them."
        )
    genre, probability, occluded = _occlude(model, song)
    title = f"{Path(song).name}: {genre} {probability:.2f}"
    figures = [
        *_draw_occlusion(model.features, occluded, genre, title, folder),
        *_draw_activations(model, occluded, title, folder),
    ]
    return Explanation(
        song=song,
        genre=genre,
        probability=probability,
        band_losses=tuple(occluded.losses.mean(axis=(0, 2)).tolist()),
        figures=tuple(figures),
    )


def _load_explained(layout: DataLayout) -> Classifier:
    """Load the champion, or the best network on spectrograms where it is a head."""
    champion = require_champion(layout)
    classifier = load_logged(layout, champion.model_uri, champion.version)
    if classifier.features.embedding is None:
        return classifier
    with open_catalog(layout) as catalog:
        snapshot = choose_snapshot(catalog, NEWEST)
        known = read_library_runs(catalog, snapshot.library_id) if snapshot else []
    runs = [run for run in known if run.network not in HEADS]
    if not runs:
        raise UsageError(
            "The champion is a head on an embedding, which has no bands to occlude, and there is "
            "no run on spectrograms. Train one: genreflow train --network cnn"
        )
    run = best(runs)
    logger.warning(
        "The champion is a head on an embedding; explaining %s %s, the best network on "
        "spectrograms, instead.",
        run.network,
        name_features(run.representation, run.fragment_s),
    )
    return load_run(layout, run.run_id)


def load_run(layout: DataLayout, run_id: str) -> Classifier:
    """Load the model of any finished run; its version is 0, for it need not be registered."""
    with open_catalog(layout) as catalog:
        run = read_run(catalog, run_id)
    if run is None:
        raise UsageError(
            f"There is no run {run_id} in {layout.home}. "
            '`genreflow sql "select run_id, network from runs"` lists them.'
        )
    return load_logged(layout, run.model_uri)


def _occlude(model: Classifier, song: str) -> tuple[str, float, _Occluded]:
    """Return the genre of a song, its probability, and the occlusion map of every fragment."""
    starts_s, matrices = song_matrices(song, model.features)
    predict = partial(import_training().predict_genres, model.network)
    by_fragment = predict(matrices)
    by_song = model.calibrate_song(by_fragment)
    genre, mask = int(by_song.argmax()), mask_for(*model.features.shape)
    occluded = _Occluded(
        starts_s=starts_s,
        matrices=matrices,
        probabilities=by_fragment[:, genre].astype(np.float64),
        losses=np.stack([occlusion_map(predict, matrix, genre, mask) for matrix in matrices]),
    )
    return model.genres[genre], float(by_song[genre]), occluded


def _draw_occlusion(
    features: FeatureConfig, occluded: _Occluded, genre: str, title: str, folder: Path
) -> list[Path]:
    scales = scales_of(features)
    fragments = [
        OccludedFragment(
            matrix=occluded.matrices[nth],
            losses=occluded.losses[nth],
            probability=float(occluded.probabilities[nth]),
            scales=replace(scales, start_s=float(occluded.starts_s[nth])),
        )
        for nth in _most_confident(occluded)
    ]
    below = f"{title}\n{len(occluded.matrices)} fragments"
    bands = draw_band_losses(occluded.losses, scales, genre, below)
    return [
        write_figure(folder, "occlusion", draw_occlusion(fragments, genre, title)),
        write_figure(folder, "bands", bands),
    ]


def _most_confident(occluded: _Occluded) -> Sequence[int]:
    """Return the fragments that are drawn, in the order of the song."""
    return sorted(np.argsort(-occluded.probabilities, kind="stable")[:SHOWN].tolist())


def _draw_activations(
    model: Classifier, occluded: _Occluded, title: str, folder: Path
) -> list[Path]:
    """Draw the most confident fragment and its activations, if the network is convolutional."""
    from genre_core.studies.kernels.activations import activations_of

    nth = int(occluded.probabilities.argmax())
    matrix, start_s = occluded.matrices[nth], float(occluded.starts_s[nth])
    drawn = draw_matrix(matrix, scales_of(model.features, start_s), title)
    paths = [write_figure(folder, "images_0_input", drawn)]
    for layer, found in enumerate(activations_of(model.network, matrix), start=1):
        kind = plain_name(found.layer)
        figure = draw_activations(found.values, f"{title}\nat {start_s:.1f} s, after the {kind}")
        paths.append(write_figure(folder, f"images_{layer}_{kind.replace(' ', '_')}", figure))
    return paths
