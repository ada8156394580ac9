"""Explain: which bands and moments decided a verdict, and what the network saw on the way."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from prefect import task

from genre_core.errors import UsageError
from genre_core.evaluation.metrics import Float64Array
from genre_core.examples import Float32Array
from genre_core.figures.activations import (
    OccludedFragment,
    draw_band_losses,
    draw_images,
    draw_occlusion,
    plain_name,
)
from genre_core.figures.matrix import draw_matrix, scales_of
from genre_core.networks.registry import HEADS
from genre_core.representations.features import FeatureConfig, name_features
from genre_core.studies.occlusion import mask_for, occlusion_map
from storage.catalog.runs import read_comparable_runs, read_run
from storage.home import DataLayout
from storage.reports import write_figure
from tasks.compare import best
from tasks.keras_import import import_training
from tasks.predict import Classifier, load_logged, require_champion, song_matrices

logger = logging.getLogger(__name__)

SHOWN = 3
"""Fragments of a song that are drawn: those whose verdict is the surest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What decided, band by band, and where the figures are.

    ``band_losses`` is the mean probability that the genre loses where a band is silenced, from the
    lowest band to the highest.
    """

    song: str
    genre: str
    probability: float
    band_losses: tuple[float, ...]
    figures: tuple[Path, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Heard:
    """The fragments of a song and what each loses where it is silenced."""

    starts_s: Float64Array
    matrices: Float32Array
    probabilities: Float64Array
    losses: Float64Array


@task
def explain_song(layout: DataLayout, song: str, folder: Path, run_id: str = "") -> Explanation:
    """Draw what decided the prediction of a song: of a run, or else of the champion.

    A head reads no spectrogram; the best network that does is explained in its place.
    """
    classifier = load_run(layout, run_id) if run_id else _load_explained(layout)
    if classifier.features.embedding:
        raise UsageError(
            f"Run {run_id} is a head on an embedding, which has no bands to silence. Name a run "
            "of a network on spectrograms; `genreflow compare` lists them."
        )
    starts_s, matrices = song_matrices(song, classifier.features)
    by_fragment = import_training().predict_genres(classifier.network, matrices)
    by_song = classifier.calibrate_song(by_fragment)
    genre = int(by_song.argmax())
    heard = _Heard(
        starts_s=starts_s,
        matrices=matrices,
        probabilities=by_fragment[:, genre].astype(np.float64),
        losses=_occlude(classifier, matrices, genre),
    )
    title = f"{Path(song).name}: {classifier.genres[genre]} {by_song[genre]:.2f}"
    figures = [
        *_draw_occlusion(classifier.features, heard, classifier.genres[genre], title, folder),
        *_draw_images(classifier, heard, title, folder),
    ]
    return Explanation(
        song=song,
        genre=classifier.genres[genre],
        probability=float(by_song[genre]),
        band_losses=tuple(heard.losses.mean(axis=(0, 2)).tolist()),
        figures=tuple(figures),
    )


def _load_explained(layout: DataLayout) -> Classifier:
    """Load the champion, or the best network on spectrograms where it is a head."""
    champion = require_champion(layout)
    classifier = load_logged(layout, champion.model_uri, champion.version)
    if classifier.features.embedding is None:
        return classifier
    runs = [run for run in read_comparable_runs(layout) if run.network not in HEADS]
    if not runs:
        raise UsageError(
            "The champion is a head on an embedding, which has no bands to silence, and there is "
            "no run on spectrograms. Train one: genreflow train --network cnn"
        )
    run = best(runs)
    name = name_features(run.representation, run.fragment_s)
    logger.warning(
        "The champion is a head on an embedding; explaining %s %s, the best network on "
        "spectrograms, instead.",
        run.network,
        name,
    )
    return load_run(layout, run.run_id)


def load_run(layout: DataLayout, run_id: str) -> Classifier:
    """Load the network of any finished run; its version is 0, for it need not be registered."""
    run = read_run(layout, run_id)
    if run is None:
        raise UsageError(
            f"There is no run {run_id} in {layout.home}. "
            '`genreflow sql "select run_id, network from runs"` lists them.'
        )
    return load_logged(layout, run.model_uri)


def _occlude(classifier: Classifier, matrices: Float32Array, genre: int) -> Float64Array:
    """Give the occlusion map of every fragment, (n_fragments, n_bands, n_frames)."""
    predict_genres = import_training().predict_genres
    mask = mask_for(*classifier.features.shape)

    def predict(silenced: Float32Array) -> Float32Array:
        return predict_genres(classifier.network, silenced)

    return np.stack([occlusion_map(predict, matrix, genre, mask) for matrix in matrices])


def _draw_occlusion(
    features: FeatureConfig, heard: _Heard, genre: str, title: str, folder: Path
) -> list[Path]:
    fragments = [
        OccludedFragment(
            matrix=heard.matrices[nth],
            losses=heard.losses[nth],
            probability=float(heard.probabilities[nth]),
            scales=replace(scales_of(features), start_s=float(heard.starts_s[nth])),
        )
        for nth in _surest(heard)
    ]
    n_fragments = len(heard.matrices)
    bands = draw_band_losses(
        heard.losses, scales_of(features), genre, f"{title}\n{n_fragments} fragments"
    )
    return [
        write_figure(folder, "occlusion", draw_occlusion(fragments, genre, title)),
        write_figure(folder, "bands", bands),
    ]


def _draw_images(classifier: Classifier, heard: _Heard, title: str, folder: Path) -> list[Path]:
    """Draw the surest fragment and the images inside the network, if it is convolutional."""
    from genre_core.studies.kernels.activations import images_of

    nth = int(heard.probabilities.argmax())
    start_s = float(heard.starts_s[nth])
    drawn = draw_matrix(heard.matrices[nth], scales_of(classifier.features, start_s), title)
    paths = [write_figure(folder, "images_0_input", drawn)]
    for layer, images in enumerate(images_of(classifier.network, heard.matrices[nth]), start=1):
        kind = plain_name(images.layer)
        figure = draw_images(images.values, f"{title}\nat {start_s:.1f} s, after the {kind}")
        paths.append(write_figure(folder, f"images_{layer}_{kind.replace(' ', '_')}", figure))
    return paths


def _surest(heard: _Heard) -> Sequence[int]:
    """Give the fragments that are drawn, in the order of the song."""
    return sorted(np.argsort(-heard.probabilities, kind="stable")[:SHOWN].tolist())
