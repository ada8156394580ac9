"""Certainty of predictions: fitted on validation songs, measured on test songs, read back."""

from collections.abc import Mapping, Sequence

import numpy as np

from genre_core.calibration import temper
from genre_core.certainty import Assessment, Certainty, PredictionConfig, fit_certainty
from genre_core.examples import Examples, Float32Array
from genre_core.records import Split
from genre_core.songs import vote_on
from genre_core.voting import CHOOSING_VOTE
from storage.catalog.runs import Prediction, Run
from storage.layout import DataLayout
from tasks.scores import RunScores, chosen
from tasks.studies import open_store

SongValues = dict[str, Float32Array]
"""Mean values of the embedding of songs, (n_values,), by track."""


def fit_on_validation(found: RunScores, config: PredictionConfig) -> Certainty:
    """Fit the alternatives of a network on its validation songs, by the vote that chooses."""
    validation = found.songs[Split.VALIDATION]
    tempered = temper(vote_on(validation, CHOOSING_VOTE), found.temperature)
    return fit_certainty(tempered, validation.labels, config)


def song_values(examples: Examples) -> SongValues:
    """Return the values of each song, as they are one example a song; nothing of spectrograms."""
    if examples.matrices.shape[2] != 1:
        return {}
    return dict(zip(examples.track_ids, examples.matrices[:, :, 0], strict=True))


def certainty_metrics(predictions: Sequence[Prediction], certainty: Certainty) -> dict[str, float]:
    """Measure the sets of the test songs, and the share of them that is unknown."""
    tested = [prediction for prediction in predictions if prediction.split == Split.TEST]
    name, sets = chosen(Split.TEST), [(p.genre, p.alternatives or ()) for p in tested]
    metrics = {
        f"{name}_set_coverage": float(np.mean([genre in held for genre, held in sets])),
        f"{name}_set_size": float(np.mean([len(held) for _, held in sets])),
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
    """Return what the predictions of a finished run say of themselves, by track."""
    from storage.tracking.models import load_certainty, load_temperature

    tracking, values = open_store(layout), song_values(examples)
    temperature = load_temperature(tracking, run.model_uri)
    certainty = load_certainty(tracking, run.model_uri)
    return {
        track_id: certainty.assess(temper(np.array(row), temperature), genres, values.get(track_id))
        for track_id, row in probabilities.items()
    }
