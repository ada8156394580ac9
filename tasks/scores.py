"""Scores of a run: what is measured on its songs, and the names under which it is logged."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from genre_core.evaluation.aggregation import score_by_count
from genre_core.evaluation.bootstrap import Float64Array, interval_rng
from genre_core.evaluation.calibration import (
    brier_score,
    calibration_error,
    fit_temperature,
    log_loss,
    reliability,
    risk_coverage,
    temper,
    top_accuracy,
)
from genre_core.evaluation.certainty import Certainty, PredictionConfig, fit_certainty
from genre_core.evaluation.metrics import Scores, score_predictions
from genre_core.evaluation.predictions import SongPredictions
from genre_core.evaluation.significance import ScoreIntervals, score_intervals
from genre_core.evaluation.songs import (
    CHOOSING_VOTE,
    VOTES,
    FragmentedSongs,
    fragment_predictions,
    song_predictions,
    vote_on,
)
from genre_core.examples import Examples, Float32Array
from genre_core.records import Split
from storage.catalog.runs import Prediction

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SongsOfSplit = Mapping[Split, FragmentedSongs]
SongValues = dict[str, Float32Array]
"""Mean values of the embedding of songs, (n_values,), by track."""


def chosen(split: Split) -> str:
    """Name of the scores by song that choose the champion."""
    return f"{split}_song_{CHOOSING_VOTE}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunScores:
    """Everything that is measured of one run.

    Keys of ``scores`` and ``intervals`` are names such as ``test_fragment`` and
    ``validation_song_mean``; ``probabilities`` are by song, (n_songs, n_genres).
    """

    genres: tuple[str, ...]
    library_id: str
    temperature: float
    songs: SongsOfSplit
    probabilities: Mapping[Split, Float64Array]
    scores: dict[str, Scores]
    intervals: dict[str, ScoreIntervals]

    def tempered(self, split: Split) -> Float64Array:
        """Calibrated probabilities of the songs of a split."""
        return temper(self.probabilities[split], self.temperature)


def measure(
    songs: SongsOfSplit,
    genres: tuple[str, ...],
    library_id: str,
    temperature: float | None = None,
) -> RunScores:
    """Score every split by fragment and by song, with intervals.

    The temperature is fitted on validation songs unless given.
    """
    predictions = dict(_predictions(songs))
    probabilities = {split: vote_on(found, CHOOSING_VOTE) for split, found in songs.items()}
    return RunScores(
        genres=genres,
        library_id=library_id,
        temperature=temperature
        or fit_temperature(probabilities[Split.VALIDATION], songs[Split.VALIDATION].labels),
        songs=songs,
        probabilities=probabilities,
        scores={
            name: score_predictions(found.labels, found.predicted[0], genres)
            for name, found in predictions.items()
        },
        intervals={
            name: score_intervals(found, interval_rng(library_id))
            for name, found in predictions.items()
        },
    )


def fit_on_validation(found: RunScores, config: PredictionConfig) -> Certainty:
    """Fit the alternatives of a model on its validation songs."""
    labels = found.songs[Split.VALIDATION].labels
    return fit_certainty(found.tempered(Split.VALIDATION), labels, config)


def run_metrics(found: RunScores) -> dict[str, float]:
    """Return all numbers under flat names, such as ``test_song_mean_macro_f1_low``."""
    metrics = {"temperature": found.temperature}
    for name, scores in found.scores.items():
        metrics |= scores.as_metrics(name)
    for split, songs in found.songs.items():
        name, predicted, labels = chosen(split), found.probabilities[split], songs.labels
        rngs = [interval_rng(found.library_id) for _ in range(2)]
        ece = calibration_error(predicted, labels, songs.group_ids, rngs[0])
        top = top_accuracy(predicted, labels, songs.group_ids, rngs[1])
        metrics |= {
            **found.intervals[name].macro_f1.as_columns(f"{name}_macro_f1"),
            **found.intervals[name].accuracy.as_columns(f"{name}_accuracy"),
            **ece.as_columns(f"{name}_ece"),
            **top.as_columns(f"{name}_top2_accuracy"),
            f"{name}_aurc": risk_coverage(predicted, labels).area,
            f"{name}_log_loss": log_loss(predicted, labels),
            f"{name}_brier": brier_score(predicted, labels),
        }
    name, labels = chosen(Split.TEST), found.songs[Split.TEST].labels
    tempered = found.tempered(Split.TEST)
    metrics[f"{name}_ece_calibrated"] = reliability(tempered, labels).error
    metrics[f"{name}_log_loss_calibrated"] = log_loss(tempered, labels)
    return metrics


def certainty_metrics(predictions: Sequence[Prediction], certainty: Certainty) -> dict[str, float]:
    """Measure the sets of the test songs, and the share of them that is unknown."""
    tested = [prediction for prediction in predictions if prediction.split == Split.TEST]
    name, sets = chosen(Split.TEST), [(p.genre, p.alternatives or ()) for p in tested]
    metrics = {
        f"{name}_set_coverage": float(np.mean([genre in named for genre, named in sets])),
        f"{name}_set_size": float(np.mean([len(named) for _, named in sets])),
    }
    if certainty.least_probability is not None:
        metrics["least_probability"] = certainty.least_probability
    if certainty.novelty:
        metrics[f"{name}_unknown"] = float(np.mean([p.unknown is True for p in tested]))
        metrics["novelty_threshold"] = certainty.novelty.threshold
    return metrics


def describe_scores(
    found: RunScores, run_name: str
) -> "tuple[dict[str, dict[str, Any]], dict[str, Figure]]":
    """Return the JSON documents of a run and the figures of its test split, by name."""
    from genre_core.figures import evaluation as figures  # matplotlib takes a second to import

    fragment, song = f"{Split.TEST}_fragment", chosen(Split.TEST)
    titles = {name: f"{run_name}, {name.replace('_', ' ')}" for name in (fragment, song)}
    songs, probabilities = found.songs[Split.TEST], found.probabilities[Split.TEST]
    as_trained = reliability(probabilities, songs.labels)
    tempered = reliability(found.tempered(Split.TEST), songs.labels)
    curves = {"as trained": as_trained, f"temperature {found.temperature:.2f}": tempered}
    coverage = risk_coverage(probabilities, songs.labels)
    by_count = score_by_count(songs, found.library_id)
    confusion = {name: scores.confusion for name, scores in found.scores.items()}
    documents: dict[str, dict[str, Any]] = {
        "confusion": {
            "genres": list(found.genres),
            **{name: matrix.tolist() for name, matrix in confusion.items()},
        },
        "intervals": {
            "level": 0.95,
            **{name: i.as_document(found.genres) for name, i in found.intervals.items()},
        },
        "calibration": {
            "temperature": found.temperature,
            "as_trained": as_trained.as_document(),
            "tempered": tempered.as_document(),
        },
        "aggregation": {str(Split.TEST): [score.as_row() for score in by_count]},
    }
    drawn = {
        **{
            f"confusion_{name}": figures.draw_confusion(confusion[name], found.genres, title)
            for name, title in titles.items()
        },
        f"reliability_{song}": figures.draw_reliability(curves, titles[song]),
        f"coverage_{song}": figures.draw_coverage(coverage, titles[song]),
        "aggregation": figures.draw_aggregation(
            by_count, f"{run_name}, test songs by number of fragments"
        ),
    }
    return documents, drawn


def assess_predictions(
    run_id: str,
    genres: Sequence[str],
    songs: Sequence[tuple[str, str, str]],
    probabilities: Float64Array,
    temperature: float,
    certainty: Certainty,
    values: Mapping[str, Float32Array],
) -> list[Prediction]:
    """Return the predictions of songs, each a track id, a split and a true genre.

    ``probabilities``, (n_songs, n_genres), are those of the model; what is assessed is tempered.
    """
    predictions = []
    tempered = temper(probabilities, temperature)
    for (track_id, split, genre), row, calibrated in zip(
        songs, probabilities, tempered, strict=True
    ):
        assessed = certainty.assess(calibrated, genres, values.get(track_id))
        predictions.append(
            Prediction(
                run_id=run_id,
                track_id=track_id,
                split=split,
                genre=genre,
                predicted=genres[int(row.argmax())],
                probability=float(row.max()),
                probabilities=tuple(row.tolist()),
                **asdict(assessed),
            )
        )
    return predictions


def song_values(examples: Examples) -> SongValues:
    """Return the embedding of each song, one example a song; empty for spectrograms."""
    if examples.matrices.shape[2] != 1:
        return {}
    return dict(zip(examples.track_ids, examples.matrices[:, :, 0], strict=True))


def _predictions(songs: SongsOfSplit) -> Iterator[tuple[str, SongPredictions]]:
    """Predictions of every split by fragment, and by song with each vote."""
    for split, found in songs.items():
        yield f"{split}_fragment", fragment_predictions(found)
        for vote in VOTES:
            yield f"{split}_song_{vote}", song_predictions(found, vote)
