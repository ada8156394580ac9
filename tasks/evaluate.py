"""Evaluate: what a trained network says of the validation and test songs."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from prefect import task

from genre_core.examples import Examples, Float32Array
from genre_core.figures.confusion import draw_confusion
from genre_core.metrics import Scores, score_predictions
from genre_core.records import Split
from genre_core.voting import VOTES, vote_songs
from storage.catalog.runs import Prediction, Run, record_run
from storage.layout import DataLayout
from tasks.keras_import import import_training
from tasks.splits import split_examples
from tasks.train import Trained

CHOOSING_VOTE = "mean"
JUDGED = (Split.VALIDATION, Split.TEST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """A scored run with what it says of every validation and test song."""

    run: Run
    predictions: tuple[Prediction, ...]


@task(task_run_name="evaluate {trained.cell.network} {trained.cell.features.fragment_s} s")
def evaluate_network(layout: DataLayout, trained: Trained) -> Evaluated:
    """Score a network on validation and test, by fragment and by song, and log it all."""
    from storage.tracking.models import load_network
    from storage.tracking.runs import failing_run, finish_run, log_figure, log_json, log_scores
    from storage.tracking.store import open_tracking

    training = import_training()
    tracking = open_tracking(layout)
    genres = trained.cell.snapshot.genres
    with failing_run(tracking, trained.run_id):
        model = load_network(tracking, trained.model_uri)
        judged = {}
        for split in JUDGED:
            examples = split_examples(layout, trained.cell.snapshot, split)
            judged[split] = (examples, training.predict_genres(model, examples.matrices))
        scores = {
            name: scored
            for split, (examples, probabilities) in judged.items()
            for name, scored in _score_split(split, examples, probabilities, genres)
        }
        log_scores(tracking, trained.run_id, _metrics(scores))
        for name in ("test_fragment", f"test_song_{CHOOSING_VOTE}"):
            title = f"{trained.cell.name}, {name.replace('_', ' ')}"
            figure = draw_confusion(scores[name].confusion, genres, title)
            log_figure(tracking, trained.run_id, figure, f"confusion_{name}")
        matrices = {name: scored.confusion.tolist() for name, scored in scores.items()}
        log_json(tracking, trained.run_id, {"genres": list(genres), **matrices}, "confusion")
        finish_run(tracking, trained.run_id)
    predictions = [
        prediction
        for split, (examples, probabilities) in judged.items()
        for prediction in _predictions(trained, split, examples, probabilities)
    ]
    return Evaluated(run=_run(trained, scores), predictions=tuple(predictions))


@task
def record_evaluated(layout: DataLayout, evaluated: Evaluated) -> Run:
    """Record a finished run and its predictions in the catalog."""
    record_run(layout, evaluated.run, evaluated.predictions)
    return evaluated.run


def _score_split(
    split: Split, examples: Examples, probabilities: Float32Array, genres: tuple[str, ...]
) -> Iterator[tuple[str, Scores]]:
    by_fragment = probabilities.argmax(axis=1)
    yield f"{split}_fragment", score_predictions(examples.labels, by_fragment, genres)
    labels = _song_labels(examples)
    for vote in VOTES:
        track_ids, by_song = vote_songs(probabilities, examples.track_ids, vote)
        songs = np.array([labels[track_id] for track_id in track_ids], np.int64)
        yield f"{split}_song_{vote}", score_predictions(songs, by_song.argmax(axis=1), genres)


def _song_labels(examples: Examples) -> dict[str, int]:
    return dict(zip(examples.track_ids.tolist(), examples.labels.tolist(), strict=True))


def _metrics(scores: dict[str, Scores]) -> dict[str, float]:
    return {
        metric: value
        for name, scored in scores.items()
        for metric, value in scored.as_metrics(name).items()
    }


def _predictions(
    trained: Trained, split: Split, examples: Examples, probabilities: Float32Array
) -> Iterator[Prediction]:
    genres, labels = trained.cell.snapshot.genres, _song_labels(examples)
    track_ids, by_song = vote_songs(probabilities, examples.track_ids, CHOOSING_VOTE)
    for track_id, row in zip(track_ids, by_song, strict=True):
        yield Prediction(
            run_id=trained.run_id,
            track_id=track_id,
            split=str(split),
            genre=genres[labels[track_id]],
            predicted=genres[int(row.argmax())],
            probability=float(row.max()),
        )


def _run(trained: Trained, scores: dict[str, Scores]) -> Run:
    cell = trained.cell
    validation, test = (scores[f"{split}_song_{CHOOSING_VOTE}"] for split in JUDGED)
    return Run(
        run_id=trained.run_id,
        cell_id=cell.cell_id,
        comparison_id=trained.comparison_id,
        network=cell.network,
        representation=cell.features.representation,
        fragment_s=cell.features.fragment_s,
        seed=cell.seed,
        snapshot_id=cell.snapshot.snapshot_id,
        n_parameters=trained.n_parameters,
        epochs=trained.epochs,
        validation_accuracy=validation.accuracy,
        validation_macro_f1=validation.macro_f1,
        test_macro_f1=test.macro_f1,
        test_accuracy=test.accuracy,
        seconds=trained.seconds,
        model_uri=trained.model_uri,
        started_at=trained.started_at,
    )
