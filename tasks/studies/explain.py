"""Explain: the bands and moments a prediction rests on, and the activations on the way."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import numpy as np

from genre_core.errors import UsageError
from genre_core.examples import Float32Array
from genre_core.figures.kernels import draw_activations, plain_name
from genre_core.figures.signal import (
    OccludedFragment,
    draw_band_losses,
    draw_matrix,
    draw_occlusion,
    scales_of,
)
from genre_core.locations import path_of, show_location
from genre_core.networks.registry import HEADS
from genre_core.records import SnapshotChoice, counted
from genre_core.representations.features import name_features
from genre_core.studies.occlusion import mask_for, occlusion_map
from storage.audio.wav import wav_bytes
from storage.catalog.connection import open_catalog
from storage.catalog.runs import Run, read_library_runs, require_run
from storage.catalog.snapshots import NEWEST, choose_snapshot
from storage.home import DataLayout
from storage.reports import figure_png, read_figure, write_figure, write_text
from tasks.champion import load_logged, require_champion
from tasks.compare import best
from tasks.keras_import import import_training
from tasks.orchestrator import task
from tasks.pages import fill_template, inline_png, inline_wav
from tasks.predict import Classifier, fragment_matrices, song_fragments

if TYPE_CHECKING:
    from storage.catalog.connection import Catalog

logger = logging.getLogger(__name__)

SHOWN = 3
"""Fragments of a song that are drawn: those of the most confident predictions."""
PAGE = "explanation.html"
LONGEST_STEM = 60  # so that a name of 4 bytes a character fits into 255 bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The prediction of a song, what each band adds to it, and the files: figures, and one page.

    ``band_losses`` is the mean probability that the genre loses where a band is occluded, from the
    lowest band to the highest.
    """

    song: str
    genre: str
    probability: float
    band_losses: tuple[float, ...]
    figures: tuple[Path, ...]
    page: Path


def name_folder(song: str) -> str:
    """Return a name of a folder for a song: songs of other places have others."""
    place = song if "://" in song else str(Path(path_of(song)).absolute())
    digest = sha256(place.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    return f"{(PurePath(show_location(song)).stem or 'song')[:LONGEST_STEM]}-{digest}"


@task
def explain_song(
    layout: DataLayout,
    song: str,
    folder: Path,
    run_id: str = "",
    choice: SnapshotChoice = NEWEST,
) -> Explanation:
    """Draw what the prediction of a song rests on: of a run, or else of the champion.

    A head reads no spectrogram; the best network that does is explained in its place.
    """
    model = _load(layout, run_id, choice)
    if model.features.embedding:
        raise UsageError(
            f"Run {run_id} is a head on an embedding, which has no bands to occlude. Name a run "
            "of a network on spectrograms; `genreflow compare` lists them."
        )
    predict = partial(import_training().predict_genres, model.network)
    mask = mask_for(*model.features.shape)
    track_id, starts_s, samples = song_fragments(song, model.features)
    matrices = fragment_matrices(song, samples, model.features)
    by_fragment = predict(matrices)
    by_song = model.calibrate_song(by_fragment)
    number = int(by_song.argmax())
    genre, probability, confidence = model.genres[number], by_song[number], by_fragment[:, number]
    fragments = [
        OccludedFragment(
            matrix=matrix,
            losses=occlusion_map(predict, matrix, number, mask),
            probability=float(confidence[nth]),
            scales=scales_of(model.features, float(starts_s[nth])),
        )
        for nth, matrix in enumerate(matrices)
    ]
    title = f"{PurePath(show_location(song)).name}: {genre} {probability:.2f}"
    figures = tuple(_draw(model, fragments, genre, title, folder))
    facts = {"title": title, "track_id": track_id, "genre": genre, "n": len(fragments)}
    return Explanation(
        song=song,
        genre=genre,
        probability=float(probability),
        band_losses=tuple(np.mean([one.losses for one in fragments], axis=(0, 2)).tolist()),
        figures=figures,
        page=_write_page(folder, facts, fragments, samples, figures),
    )


def _write_page(
    folder: Path,
    facts: Mapping[str, object],
    fragments: Sequence[OccludedFragment],
    samples: Float32Array,
    figures: Sequence[Path],
) -> Path:
    """Write the page: a figure and a player of each fragment shown, then the other figures."""
    genre = str(facts["genre"])
    shown = [
        {
            "start_s": fragments[nth].scales.start_s,
            "probability": fragments[nth].probability,
            "figure": inline_png(figure_png(draw_occlusion([fragments[nth]], genre, ""))),
            "sound": inline_wav(wav_bytes(samples[nth : nth + 1])),
        }
        for nth in _most_confident(fragments)
    ]
    bands, matrix, *images = (inline_png(read_figure(folder, path.name)) for path in figures[1:])
    content = {**facts, "fragments": shown, "bands": bands, "matrix": matrix, "images": images}
    return write_text(folder, PAGE, fill_template("explanation.html", content))


def _most_confident(fragments: Sequence[OccludedFragment]) -> list[int]:
    """Return the numbers of the fragments to show, in the order of the song."""
    ranked = sorted(range(len(fragments)), key=lambda nth: -fragments[nth].probability)
    return sorted(ranked[:SHOWN])


def _load(layout: DataLayout, run_id: str, choice: SnapshotChoice) -> Classifier:
    """Load the model of a run, of the champion, or, where that is a head, of the best network."""
    if not run_id:
        champion = require_champion(layout)
        classifier = load_logged(layout, champion.model_uri, champion.version)
        if classifier.features.embedding is None:
            return classifier
    with open_catalog(layout) as catalog:
        run = require_run(catalog, run_id) if run_id else _best_network(catalog, choice)
    return load_logged(layout, run.model_uri)


def _best_network(catalog: "Catalog", choice: SnapshotChoice) -> Run:
    """Return the best run on spectrograms of the library of a choice."""
    snapshot = choose_snapshot(catalog, choice)
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
    return run


def _draw(
    model: Classifier,
    fragments: Sequence[OccludedFragment],
    genre: str,
    title: str,
    folder: Path,
) -> Iterator[Path]:
    """Draw the most confident fragments, the bands of all, and the activations of the first."""
    from genre_core.studies.kernels.activations import activations_of

    ranked = sorted(fragments, key=lambda one: -one.probability)
    shown = [fragments[nth] for nth in _most_confident(fragments)]
    yield write_figure(folder, "occlusion", draw_occlusion(shown, genre, title))
    losses = np.stack([one.losses for one in fragments])
    below = f"{title}\n{counted(len(fragments), 'fragment')}"
    bands = draw_band_losses(losses, scales_of(model.features), genre, below)
    yield write_figure(folder, "bands", bands)
    matrix, scales = ranked[0].matrix, ranked[0].scales
    yield write_figure(folder, "images_0_input", draw_matrix(matrix, scales, title))
    for nth, (layer, values) in enumerate(activations_of(model.network, matrix).items(), start=1):
        kind = plain_name(layer)
        below = f"{title}\nat {scales.start_s:.1f} s, after the {kind}"
        name = f"images_{nth}_{kind.replace(' ', '_')}"
        yield write_figure(folder, name, draw_activations(values, below))
