"""The figures of the thesis, drawn anew from the songs and runs of a store."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType

import numpy as np
from matplotlib.figure import Figure
from prefect import task

from genre_core.errors import GenreflowError
from genre_core.examples import Float32Array
from genre_core.figures.architecture import draw_architecture
from genre_core.figures.evaluation import draw_confusion, draw_curves
from genre_core.figures.kernels import draw_activations
from genre_core.figures.signal import (
    BEAT_KERNEL,
    draw_kernel_response,
    draw_matrix,
    draw_spectrogram,
    draw_waveform,
    scales_of,
)
from genre_core.figures.studies import draw_lengths
from genre_core.networks.layers import Network, layer_boxes
from genre_core.records import Split
from genre_core.signal.fragments import SAMPLE_RATE
from genre_core.studies.claims.findings import missing
from genre_core.training.rules import EpochScores
from storage.audio.decode import read_fragments
from storage.catalog.runs import Run
from storage.home import DataLayout
from storage.reports import clear_figures, copy_figure
from tasks.keras_import import import_training
from tasks.splits import split_examples
from tasks.studies.record import Study
from tasks.studies.thesis_evidence import Gathered, cut_sample
from tasks.studies.thesis_runs import read_training
from tasks.tracked import load_model

LONGEST_WAVE_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFigure:
    """A figure of the report: its file, or the reason why it could not be drawn."""

    number: str
    caption: str
    file: str = ""
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Material:
    """What the figures are drawn from, opened once."""

    layout: DataLayout
    gathered: Gathered
    matrix: Float32Array
    networks: dict[str, Network]

    def first_run(self, network: str) -> Run:
        """Return the run of the first seed of a network; fail with the command for one."""
        runs = self.gathered.chosen.at_length(network)
        if not runs:
            raise GenreflowError(missing(self.gathered.evidence, [network]))
        return runs[0]

    def trained(self, network: str) -> Network:
        """Load a trained network, the first time that it is needed."""
        if network not in self.networks:
            self.networks[network] = load_model(self.layout, self.first_run(network).model_uri)
        return self.networks[network]

    def title(self, what: str = "") -> str:
        """Return the name of the sample, and what is shown of it."""
        sample = self.gathered.sample
        return ", ".join(part for part in (f"{sample.title} ({sample.track.genre})", what) if part)


@task
def draw_figures(study: Study, gathered: Gathered) -> list[ReportFigure]:
    """Draw every figure of the thesis that can be drawn; the others have their reason."""
    with study.failing():
        clear_figures(study.folder)
        examples = split_examples(study.layout, gathered.chosen.snapshot, Split.TEST)
        of_track = examples.matrices[examples.track_ids == gathered.sample.track.track_id]
        material = Material(
            layout=study.layout,
            gathered=gathered,
            matrix=of_track[gathered.sample.fragment],
            networks={},
        )
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
    kernel = np.array(BEAT_KERNEL, np.float64)
    title = material.title("the kernel of eq. 3.21")
    return draw_kernel_response(material.matrix, kernel, scales, title)


def _curves(network: str, material: Material) -> Figure:
    run = material.first_run(network)
    curves = read_training(material.layout, run)
    names = {
        "loss": "train_loss",
        "accuracy": "train_accuracy",
        **{name: name for name in ("validation_loss", "validation_accuracy", "learning_rate")},
    }
    rows = zip(*(curves[logged] for logged in names.values()), strict=True)
    scores = [
        EpochScores(epoch=epoch, **dict(zip(names, row, strict=True)))
        for epoch, row in enumerate(rows, start=1)
    ]
    return draw_curves(scores, f"{network} {run.fragment_s:g} s, seed {run.seed}")


def _confusion(network: str, material: Material) -> Figure:
    run, evidence = material.first_run(network), material.gathered.evidence
    score = evidence.scores[network, run.fragment_s]
    n_seeds = len(score.run_ids)
    seeds = "1 seed" if n_seeds == 1 else f"{n_seeds} seeds together"
    title = f"{network} {run.fragment_s:g} s, test fragments, {seeds}"
    return draw_confusion(np.array(score.confusion, np.int64), evidence.genres, title)


def _architecture(network: str, material: Material) -> Figure:
    shape = material.gathered.chosen.features.shape
    n_genres = len(material.gathered.evidence.genres)
    model = import_training().seeded_network(network, shape, n_genres, 0)
    return draw_architecture(layer_boxes(model), f"{network} for {n_genres} genres")


def _activations(nth: int, what: str, material: Material) -> Figure:
    model = material.trained("cnn")
    from genre_core.studies.kernels.activations import activations_of

    values = activations_of(model, material.matrix)[nth].values
    return draw_activations(values, material.title(f"after {what}"))


def _kernel_counts(material: Material) -> Path:
    if fault := material.gathered.evidence.kernels.fault:
        raise GenreflowError(fault)
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
        "4.9": (
            "Activations of the first convolution.",
            partial(_activations, 0, "the first convolution"),
        ),
        "4.10": ("The same after pooling.", partial(_activations, 1, "pooling")),
        "4.11": (
            "Activations of the second convolution.",
            partial(_activations, 2, "the second convolution"),
        ),
        "4.12": ("Validation accuracy by number of kernels.", _kernel_counts),
        "4.13": ("The layers of `combined`.", partial(_architecture, "combined")),
        "4.14": ("Loss and accuracy of `combined`.", partial(_curves, "combined")),
        "4.15": ("Accuracy by fragment length and network.", _lengths),
    }
)
"""Number → caption and how it is drawn, in the order of the thesis."""
