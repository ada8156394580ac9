"""Scores of a run: what is measured on its songs, and the names under which it is logged."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from genre_core.evaluation.aggregation import VotedScore, score_by_count
from genre_core.evaluation.bootstrap import interval_rng
from genre_core.evaluation.calibration import (
    Reliability,
    brier_score,
    calibration_error,
    fit_temperature,
    log_loss,
    reliability,
    risk_coverage,
    temper,
    top_accuracy,
)
from genre_core.evaluation.certainty import Assessment, Certainty, PredictionConfig, fit_certainty
from genre_core.evaluation.metrics import Scores, score_predictions
from genre_core.evaluation.predictions import SongPredictions
from genre_core.evaluation.significance import ScoreIntervals, score_intervals
from genre_core.evaluation.songs import (
    CHOOSING_VOTE,
    VOTES,
    Float64Array,
    FragmentedSongs,
    fragment_predictions,
    song_predictions,
    vote_on,
)
from genre_core.examples import Examples, Float32Array
from genre_core.figures.evaluation import (
    draw_aggregation,
    draw_confusion,
    draw_coverage,
    draw_reliability,
)
from genre_core.records import Split
from storage.catalog.runs import Prediction, Run
from storage.home import DataLayout
from tasks.tracked import open_tracked

SongsOfSplit = Mapping[Split, FragmentedSongs]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunScores:
    """Everything that is measured of one run.

    Keys of ``scores`` and ``intervals`` are names such as ``test_fragment`` and
    ``validation_song_mean``; the temperature is fitted on validation alone.
    """

    genres: tuple[str, ...]
    scores: dict[str, Scores]
    intervals: dict[str, ScoreIntervals]
    songs: SongsOfSplit
    temperature: float
    library_id: str


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
    validation = songs[Split.VALIDATION]
    return RunScores(
        genres=genres,
        scores={
            name: score_predictions(found.labels, found.predicted[0], genres)
            for name, found in predictions.items()
        },
        intervals={
            name: score_intervals(found, interval_rng(library_id))
            for name, found in predictions.items()
        },
        songs=songs,
        temperature=temperature
        or fit_temperature(vote_on(validation, CHOOSING_VOTE), validation.labels),
        library_id=library_id,
    )


def chosen(split: Split) -> str:
    """Name of the scores by song that choose the champion."""
    return f"{split}_song_{CHOOSING_VOTE}"


def run_metrics(found: RunScores) -> dict[str, float]:
    """Return all numbers under flat names, such as ``test_song_mean_macro_f1_low``."""
    metrics = {"temperature": found.temperature}
    for name, scores in found.scores.items():
        metrics |= scores.as_metrics(name)
    for split, songs in found.songs.items():
        name = chosen(split)
        metrics |= found.intervals[name].macro_f1.as_columns(f"{name}_macro_f1")
        metrics |= found.intervals[name].accuracy.as_columns(f"{name}_accuracy")
        metrics |= _calibration(found, songs, name)
    tempered, songs = _tempered(found), found.songs[Split.TEST]
    name = chosen(Split.TEST)
    metrics[f"{name}_ece_calibrated"] = reliability(tempered, songs.labels).error
    metrics[f"{name}_log_loss_calibrated"] = log_loss(tempered, songs.labels)
    return metrics


def run_documents(found: RunScores, by_count: list[VotedScore]) -> dict[str, dict[str, object]]:
    """Return the JSON documents of a run, by name."""
    confusion = {name: scores.confusion.tolist() for name, scores in found.scores.items()}
    intervals = {name: i.as_document(found.genres) for name, i in found.intervals.items()}
    before, after = _reliabilities(found)
    return {
        "confusion": {"genres": list(found.genres), **confusion},
        "intervals": {"level": 0.95, **intervals},
        "calibration": {
            "temperature": found.temperature,
            "as_trained": before.as_document(),
            "tempered": after.as_document(),
        },
        "aggregation": {str(Split.TEST): [score.as_row() for score in by_count]},
    }


def run_figures(
    found: RunScores, by_count: list[VotedScore], name: str
) -> Iterator[tuple[str, Figure]]:
    """Draw the figures of the test split, each with its name."""
    for scored in (f"{Split.TEST}_fragment", chosen(Split.TEST)):
        title = f"{name}, {scored.replace('_', ' ')}"
        confusion = found.scores[scored].confusion
        yield f"confusion_{scored}", draw_confusion(confusion, found.genres, title)
    scored = chosen(Split.TEST)
    title = f"{name}, {scored.replace('_', ' ')}"
    before, after = _reliabilities(found)
    curves = {"as trained": before, f"temperature {found.temperature:.2f}": after}
    yield f"reliability_{scored}", draw_reliability(curves, title)
    songs = found.songs[Split.TEST]
    curve = risk_coverage(vote_on(songs, CHOOSING_VOTE), songs.labels)
    yield f"coverage_{scored}", draw_coverage(curve, title)
    yield "aggregation", draw_aggregation(by_count, f"{name}, test songs by number of fragments")


def aggregate(found: RunScores) -> list[VotedScore]:
    """Score the test songs by the number of fragments that vote."""
    return score_by_count(found.songs[Split.TEST], found.library_id)


def _predictions(songs: SongsOfSplit) -> Iterator[tuple[str, SongPredictions]]:
    """Predictions of every split by fragment, and by song with each vote."""
    for split, found in songs.items():
        yield f"{split}_fragment", fragment_predictions(found)
        for vote in VOTES:
            yield f"{split}_song_{vote}", song_predictions(found, vote)


def _calibration(found: RunScores, songs: FragmentedSongs, name: str) -> dict[str, float]:
    """Calibration, top-2 accuracy and losses of the songs of a split."""
    predicted, labels = vote_on(songs, CHOOSING_VOTE), songs.labels
    ece = calibration_error(predicted, labels, songs.group_ids, interval_rng(found.library_id))
    top = top_accuracy(predicted, labels, songs.group_ids, interval_rng(found.library_id))
    return {
        **ece.as_columns(f"{name}_ece"),
        **top.as_columns(f"{name}_top2_accuracy"),
        f"{name}_aurc": risk_coverage(predicted, labels).area,
        f"{name}_log_loss": log_loss(predicted, labels),
        f"{name}_brier": brier_score(predicted, labels),
    }


def _tempered(found: RunScores) -> Float64Array:
    return temper(vote_on(found.songs[Split.TEST], CHOOSING_VOTE), found.temperature)


def _reliabilities(found: RunScores) -> tuple[Reliability, Reliability]:
    """Reliability on test songs, as trained and tempered."""
    songs = found.songs[Split.TEST]
    as_trained = reliability(vote_on(songs, CHOOSING_VOTE), songs.labels)
    return as_trained, reliability(_tempered(found), songs.labels)


SongValues = dict[str, Float32Array]
"""Mean values of the embedding of songs, (n_values,), by track."""


def fit_on_validation(found: RunScores, config: PredictionConfig) -> Certainty:
    """Fit the alternatives of a model on its validation songs."""
    validation = found.songs[Split.VALIDATION]
    tempered = temper(vote_on(validation, CHOOSING_VOTE), found.temperature)
    return fit_certainty(tempered, validation.labels, config)


def song_values(examples: Examples) -> SongValues:
    """Return the embedding of each song, one example a song; empty for spectrograms."""
    if examples.matrices.shape[2] != 1:
        return {}
    return dict(zip(examples.track_ids, examples.matrices[:, :, 0], strict=True))


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


def assess_songs(
    layout: DataLayout,
    run: Run,
    genres: Sequence[str],
    probabilities: Mapping[str, Sequence[float]],
    examples: Examples,
) -> dict[str, Assessment]:
    """Return the certainty of the predictions of a finished run, by track."""
    from storage.models.logged import describe_model

    values = song_values(examples)
    described = describe_model(open_tracked(layout), run.model_uri)
    temperature, certainty = described.temperature, described.certainty
    return {
        track_id: certainty.assess(temper(np.array(row), temperature), genres, values.get(track_id))
        for track_id, row in probabilities.items()
    }
