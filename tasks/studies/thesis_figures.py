"""The figures of the thesis, drawn anew from the songs and runs of a store."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from types import MappingProxyType

import numpy as np
from matplotlib.figure import Figure

from genre_core.errors import GenreflowError
from genre_core.examples import Float32Array
from genre_core.figures.architecture import draw_architecture
from genre_core.figures.evaluation import draw_confusion, draw_curves
from genre_core.figures.kernels import draw_activations
from genre_core.figures.signal import (
    draw_kernel_response,
    draw_matrix,
    draw_spectrogram,
    draw_waveform,
    scales_of,
)
from genre_core.figures.studies import draw_lengths
from genre_core.networks.layers import layer_boxes
from genre_core.records import Split
from genre_core.signal.fragments import SAMPLE_RATE
from genre_core.studies.claims.evidence import missing_runs
from genre_core.training.rules import EpochScores
from storage.audio.decode import read_fragments
from storage.catalog.runs import Run
from storage.home import DataLayout
from storage.reports import clear_figures, copy_figure
from tasks.keras_import import import_training
from tasks.splits import split_examples
from tasks.studies.record import Study
from tasks.studies.thesis_evidence import Gathered, cut_sample
from tasks.tracked import load_model, open_tracked

LONGEST_WAVE_S = 30.0
PLACES = ("the first convolution", "pooling", "the second convolution")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFigure:
    """A figure of the report: its file, or the reason why it could not be drawn."""

    number: str
    caption: str
    file: str = ""
    fault: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Material:
    """What the figures are drawn from; ``matrix`` is the sample, (n_bands, n_frames)."""

    layout: DataLayout
    gathered: Gathered
    matrix: Float32Array

    def first_run(self, network: str) -> Run:
        """Return the run of the first seed of a network; GenreflowError with the command for it."""
        if runs := self.gathered.chosen.at_length(network):
            return runs[0]
        raise GenreflowError(missing_runs([(network, self.gathered.chosen.fragment_s)]))

    @cached_property
    def activations(self) -> list[Float32Array]:
        """Those of the sample in each layer of `cnn`."""
        model = load_model(self.layout, self.first_run("cnn").model_uri)
        from genre_core.studies.kernels.activations import activations_of

        return list(activations_of(model, self.matrix).values())

    def title(self, what: str = "") -> str:
        """Return the name of the sample, and what is shown of it."""
        sample = self.gathered.sample
        return ", ".join(part for part in (f"{sample.title} ({sample.track.genre})", what) if part)


def draw_figures(study: Study, gathered: Gathered) -> list[ReportFigure]:
    """Draw every figure of the thesis that can be drawn; the others have their reason."""
    clear_figures(study.folder)
    examples = split_examples(study.layout, gathered.chosen.snapshot, Split.TEST)
    of_track = examples.matrices[examples.track_ids == gathered.sample.track.track_id]
    matrix = of_track[gathered.sample.fragment]
    material = Material(layout=study.layout, gathered=gathered, matrix=matrix)
    return [_draw(material, study, number, *drawer) for number, drawer in DRAWERS.items()]


def _draw(
    material: Material,
    study: Study,
    number: str,
    caption: str,
    draw: Callable[[Material], Figure | Path],
) -> ReportFigure:
    name = f"figure-{number}"
    try:
        drawn = draw(material)
    except (GenreflowError, ValueError) as error:
        return ReportFigure(number=number, caption=caption, fault=str(error))
    if isinstance(drawn, Path):
        copy_figure(study.folder, name, drawn)
    else:
        study.add_figure(name, drawn)
    return ReportFigure(number=number, caption=caption, file=f"{name}.png")


def _waveform(material: Material) -> Figure:
    track = material.gathered.sample.track
    path = material.layout.song(track.track_id, track.suffix)
    if not path.exists():
        raise GenreflowError(f"the original of {material.title()} is missing in the store.")
    shown_s = min(LONGEST_WAVE_S, track.duration_s / 2)
    start_s = (track.duration_s - shown_s) / 2
    signal = read_fragments(path, track.facts, [start_s], shown_s)[0]
    return draw_waveform(signal, SAMPLE_RATE, material.title(f"{shown_s:g} s from its middle"))


def _spectrogram(material: Material) -> Figure:
    chosen, sample = material.gathered.chosen, material.gathered.sample
    fragments = cut_sample(material.layout, chosen, sample).fragments
    n_samples = round(chosen.fragment_s * SAMPLE_RATE)
    return draw_spectrogram(fragments[sample.fragment, :n_samples], material.title())


def _input(material: Material) -> Figure:
    features = material.gathered.chosen.features
    return draw_matrix(material.matrix, scales_of(features), material.title())


def _kernel_response(material: Material) -> Figure:
    scales = scales_of(material.gathered.chosen.features)
    title = material.title("the kernel of eq. 3.21")
    return draw_kernel_response(material.matrix, scales, title)


def _curves(network: str, material: Material) -> Figure:
    from storage.models.runs import read_curve

    run, tracking = material.first_run(network), open_tracked(material.layout)
    logged = {
        "loss": "train_loss",
        "accuracy": "train_accuracy",
        **{name: name for name in ("validation_loss", "validation_accuracy", "learning_rate")},
    }
    columns = [read_curve(tracking, run.run_id, name) for name in logged.values()]
    scores = [
        EpochScores(epoch=epoch, **dict(zip(logged, row, strict=True)))
        for epoch, row in enumerate(zip(*columns, strict=True), start=1)
    ]
    return draw_curves(scores, f"{network} {run.fragment_s:g} s, seed {run.seed}")


def _confusion(network: str, material: Material) -> Figure:
    run, evidence = material.first_run(network), material.gathered.evidence
    score = evidence.scores[network, run.fragment_s]
    together = score.seeds if len(score.run_ids) == 1 else f"{score.seeds} together"
    title = f"{network} {run.fragment_s:g} s, test fragments, {together}"
    return draw_confusion(np.array(score.confusion, np.int64), evidence.genres, title)


def _architecture(network: str, material: Material) -> Figure:
    shape = material.gathered.chosen.features.shape
    n_genres = len(material.gathered.evidence.genres)
    model = import_training().seeded_network(network, shape, n_genres, 0)
    return draw_architecture(layer_boxes(model), f"{network} for {n_genres} genres")


def _activations(nth: int, material: Material) -> Figure:
    return draw_activations(material.activations[nth], material.title(f"after {PLACES[nth]}"))


def _kernel_counts(material: Material) -> Path:
    study = material.gathered.evidence.kernels
    if isinstance(study, str):
        raise GenreflowError(study)
    return material.layout.reports / "kernels" / "kernel_counts.png"


def _lengths(material: Material) -> Figure:
    evidence = material.gathered.evidence
    scores = list(evidence.scores.values())
    if len({score.fragment_s for score in scores}) < 2:
        raise GenreflowError(
            "networks were trained at one fragment length alone; `genreflow sweep --network dense "
            "--network rnn --network cnn` trains them at 1, 1.5, 2, 2.5 and 3 s."
        )
    return draw_lengths(scores, evidence.largest_share)


DRAWERS: Mapping[str, tuple[str, Callable[[Material], Figure | Path]]] = MappingProxyType(
    {
        "2.1": ("The wave of a song.", _waveform),
        "2.4": ("From a frame of the wave to the spectrogram of a fragment.", _spectrogram),
        "3.6": ("The reduced matrix of the fragment.", _input),
        "3.7": ("A kernel that detects beats, slid over it.", _kernel_response),
        "4.1": ("Loss and accuracy of `dense`.", partial(_curves, "dense")),
        "4.2": ("Loss and accuracy of `rnn_tanh`.", partial(_curves, "rnn_tanh")),
        "4.3": ("Loss and accuracy of `rnn`.", partial(_curves, "rnn")),
        "4.4": ("Confusion matrix of `rnn`.", partial(_confusion, "rnn")),
        "4.5": ("The layers of `cnn`.", partial(_architecture, "cnn")),
        "4.6": ("Loss and accuracy of `cnn`.", partial(_curves, "cnn")),
        "4.7": ("Confusion matrix of `cnn`.", partial(_confusion, "cnn")),
        "4.8": ("The fragment as `cnn` reads it.", _input),
        "4.9": ("Activations of the first convolution.", partial(_activations, 0)),
        "4.10": ("The same after pooling.", partial(_activations, 1)),
        "4.11": ("Activations of the second convolution.", partial(_activations, 2)),
        "4.12": ("Validation accuracy by number of kernels.", _kernel_counts),
        "4.13": ("The layers of `combined`.", partial(_architecture, "combined")),
        "4.14": ("Loss and accuracy of `combined`.", partial(_curves, "combined")),
        "4.15": ("Accuracy by fragment length and network.", _lengths),
    }
)
"""Number → caption and how it is drawn, in the order of the thesis."""
