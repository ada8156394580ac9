"""The figures of the thesis, drawn anew from the songs and runs of a store."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from matplotlib.figure import Figure
from prefect import task

from genre_core.errors import GenreflowError
from genre_core.examples import Float32Array
from genre_core.figures.activations import draw_images
from genre_core.figures.architecture import draw_architecture
from genre_core.figures.comparison import draw_lengths
from genre_core.figures.evaluation import draw_confusion, draw_curves
from genre_core.figures.matrix import BEAT_KERNEL, draw_kernel_response, draw_matrix, scales_of
from genre_core.figures.spectrogram import draw_spectrogram, draw_waveform
from genre_core.networks.layers import layer_boxes
from genre_core.records import Split
from genre_core.signal.fragments import SAMPLE_RATE
from genre_core.studies.claims.evidence import NetworkScore
from genre_core.studies.claims.findings import missing
from genre_core.training.rules import EpochScores
from storage.audio.decode import read_fragments
from storage.catalog.runs import Run
from storage.home import DataLayout
from storage.reports import clear_figures, copy_figure
from tasks.keras_import import import_training
from tasks.splits import split_examples
from tasks.studies.record import Network, Study, keep_figure, load_model, open_store
from tasks.studies.thesis_evidence import Gathered, hear_sample
from tasks.studies.thesis_runs import read_training

LONGEST_WAVE_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plate:
    """A figure of the report; ``fault`` says why there is none."""

    number: str
    caption: str
    file: str = ""
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scene:
    """What the figures are drawn from, opened once."""

    layout: DataLayout
    gathered: Gathered
    matrix: Float32Array
    networks: dict[str, Network]

    def first_run(self, network: str) -> Run:
        """Give the run of the first seed of a network, or say how to make one."""
        runs = self.gathered.chosen.at_length(network)
        if not runs:
            raise GenreflowError(missing(self.gathered.evidence, [network]))
        return runs[0]

    def trained(self, network: str) -> Network:
        """Load a trained network, the first time it is asked for."""
        if network not in self.networks:
            self.networks[network] = load_model(self.layout, self.first_run(network).model_uri)
        return self.networks[network]

    def titled(self, what: str = "") -> str:
        """Give the name of the sample, and what is shown of it."""
        sample = self.gathered.sample
        return ", ".join(part for part in (f"{sample.title} ({sample.track.genre})", what) if part)


@task
def draw_figures(layout: DataLayout, study: Study, gathered: Gathered) -> list[Plate]:
    """Draw every figure of the thesis that can be drawn; the others say why not."""
    from storage.models.runs import failing_run

    with failing_run(open_store(layout), study.run_id):
        clear_figures(study.folder)
        matrix = _matrix(layout, gathered)
        scene = Scene(layout=layout, gathered=gathered, matrix=matrix, networks={})
        return [_plate(scene, study, number, *drawer) for number, drawer in DRAWERS.items()]


def _plate(
    scene: Scene, study: Study, number: str, caption: str, draw: Callable[[Scene], Figure | Path]
) -> Plate:
    name = f"figure-{number}"
    try:
        drawn = draw(scene)
    except (GenreflowError, ValueError) as error:
        return Plate(number=number, caption=caption, fault=str(error))
    if isinstance(drawn, Path):
        copy_figure(study.folder, name, drawn)
    else:
        keep_figure(scene.layout, study, drawn, name)
    return Plate(number=number, caption=caption, file=f"{name}.png")


def _matrix(layout: DataLayout, gathered: Gathered) -> Float32Array:
    """Read the matrix of the sample."""
    examples = split_examples(layout, gathered.chosen.snapshot, Split.TEST)
    of_track = examples.matrices[examples.track_ids == gathered.sample.track.track_id]
    return of_track[gathered.sample.fragment]


def _waveform(scene: Scene) -> Figure:
    track = scene.gathered.sample.track
    path = scene.layout.song(track.track_id, track.suffix)
    if not path.exists():
        raise GenreflowError(f"the original of {scene.titled()} is gone from the store.")
    shown_s = min(LONGEST_WAVE_S, track.duration_s / 2)
    start_s = (track.duration_s - shown_s) / 2
    signal = read_fragments(path, track.facts, [start_s], shown_s)[0]
    return draw_waveform(signal, SAMPLE_RATE, scene.titled(f"{shown_s:g} s from its middle"))


def _spectrogram(scene: Scene) -> Figure:
    chosen, sample = scene.gathered.chosen, scene.gathered.sample
    fragments = hear_sample(scene.layout, chosen, sample).fragments
    n_samples = round(chosen.fragment_s * SAMPLE_RATE)
    return draw_spectrogram(fragments[sample.fragment, :n_samples], scene.titled())


def _input(scene: Scene) -> Figure:
    features = scene.gathered.chosen.features
    return draw_matrix(scene.matrix, scales_of(features), scene.titled())


def _kernel_response(scene: Scene) -> Figure:
    scales = scales_of(scene.gathered.chosen.features)
    title = scene.titled("the kernel of eq. 3.21")
    kernel = np.array(BEAT_KERNEL, np.float64)
    return draw_kernel_response(scene.matrix, kernel, scales, title)


def _curves(network: str) -> Callable[[Scene], Figure]:
    def draw(scene: Scene) -> Figure:
        run = scene.first_run(network)
        curves = read_training(scene.layout, run)
        rows = zip(
            *(curves[f"{split}_{of}"] for split in ("train", "validation") for of in _MEASURES),
            curves["learning_rate"],
            strict=True,
        )
        scores = [
            EpochScores(
                epoch=epoch,
                loss=loss,
                accuracy=accuracy,
                validation_loss=validation_loss,
                validation_accuracy=validation_accuracy,
                learning_rate=rate,
            )
            for epoch, (loss, accuracy, validation_loss, validation_accuracy, rate) in enumerate(
                rows, start=1
            )
        ]
        return draw_curves(scores, f"{network} {run.fragment_s:g} s, seed {run.seed}")

    return draw


_MEASURES = ("loss", "accuracy")


def _confusion(network: str) -> Callable[[Scene], Figure]:
    def draw(scene: Scene) -> Figure:
        run = scene.first_run(network)
        score = scene.gathered.evidence.scores[network, run.fragment_s]
        seeds = len(score.run_ids)
        told = "1 seed" if seeds == 1 else f"{seeds} seeds together"
        title = f"{network} {run.fragment_s:g} s, test fragments, {told}"
        matrix = np.array(score.confusion, np.int64)
        return draw_confusion(matrix, scene.gathered.evidence.genres, title)

    return draw


def _architecture(network: str) -> Callable[[Scene], Figure]:
    def draw(scene: Scene) -> Figure:
        shape, genres = scene.gathered.chosen.features.shape, scene.gathered.evidence.genres
        model = import_training().seeded_network(network, shape, len(genres), 0)
        return draw_architecture(layer_boxes(model), f"{network} for {len(genres)} genres")

    return draw


def _images(nth: int, what: str) -> Callable[[Scene], Figure]:
    def draw(scene: Scene) -> Figure:
        model = scene.trained("cnn")
        from genre_core.studies.kernels.activations import images_of

        images = images_of(model, scene.matrix)[nth]
        return draw_images(images.values, scene.titled(f"after {what}"))

    return draw


def _kernel_counts(scene: Scene) -> Path:
    if fault := scene.gathered.evidence.kernels.fault:
        raise GenreflowError(fault)
    return scene.layout.reports / "kernels" / "kernel_counts.png"


def _lengths(scene: Scene) -> Figure:
    evidence = scene.gathered.evidence
    scores: list[NetworkScore] = list(evidence.scores.values())
    if len({score.fragment_s for score in scores}) < 2:
        raise GenreflowError(
            "networks were trained at one fragment length alone; `genreflow sweep --network dense "
            "--network rnn --network cnn` trains them at 1, 1.5, 2, 2.5 and 3 s."
        )
    return draw_lengths(scores, evidence.largest_share)


DRAWERS: Mapping[str, tuple[str, Callable[[Scene], Figure | Path]]] = MappingProxyType(
    {
        "2.1": ("The wave of a song.", _waveform),
        "2.4": ("From a frame of the wave to the spectrogram of a fragment.", _spectrogram),
        "3.6": ("The reduced matrix of the fragment.", _input),
        "3.7": ("A kernel that looks for beats, slid over it.", _kernel_response),
        "4.1": ("Loss and accuracy of `dense`.", _curves("dense")),
        "4.2": ("Loss and accuracy of `rnn_tanh`.", _curves("rnn_tanh")),
        "4.3": ("Loss and accuracy of `rnn`.", _curves("rnn")),
        "4.4": ("What `rnn` takes for what.", _confusion("rnn")),
        "4.5": ("The layers of `cnn`.", _architecture("cnn")),
        "4.6": ("Loss and accuracy of `cnn`.", _curves("cnn")),
        "4.7": ("What `cnn` takes for what.", _confusion("cnn")),
        "4.8": ("The fragment as `cnn` reads it.", _input),
        "4.9": ("What the first convolution gives.", _images(0, "the first convolution")),
        "4.10": ("What pooling leaves of it.", _images(1, "pooling")),
        "4.11": ("What the second convolution gives.", _images(2, "the second convolution")),
        "4.12": ("Validation accuracy by number of kernels.", _kernel_counts),
        "4.13": ("The layers of `combined`.", _architecture("combined")),
        "4.14": ("Loss and accuracy of `combined`.", _curves("combined")),
        "4.15": ("Accuracy by fragment length and network.", _lengths),
    }
)
"""Number → caption and how it is drawn, in the order of the thesis."""
