"""Evaluate: what a trained network says of the validation and test songs."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from storage.tracking.store import Tracking

CHOOSING_VOTE = "mean"
JUDGED = (Split.VALIDATION, Split.TEST)

Judged = dict[Split, tuple[Examples, Float32Array]]
Network = Any  # a keras.Model; this room does not import Keras to name it


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """A scored run with what it says of every validation and test song."""

    run: Run
    predictions: tuple[Prediction, ...]


@task(task_run_name="evaluate {trained.cell.network} {trained.cell.features.fragment_s} s")
def evaluate_network(layout: DataLayout, trained: Trained) -> Evaluated:
    """Score a network on validation and test, by fragment and by song, and log it all."""
    from storage.tracking.models import load_network
    from storage.tracking.runs import failing_run, finish_run
    from storage.tracking.store import open_tracking

    import_training()
    tracking = open_tracking(layout)
    with failing_run(tracking, trained.run_id):
        judged = _judge(layout, trained, load_network(tracking, trained.model_uri))
        scores = dict(_score(judged, trained.cell.snapshot.genres))
        _log(tracking, trained, scores)
        finish_run(tracking, trained.run_id)
    return Evaluated(run=_run(trained, scores), predictions=tuple(_predict(trained, judged)))


@task
def record_evaluated(layout: DataLayout, evaluated: Evaluated) -> Run:
    """Record a finished run and its predictions in the catalog."""
    record_run(layout, evaluated.run, evaluated.predictions)
    return evaluated.run


def _judge(layout: DataLayout, trained: Trained, network: Network) -> Judged:
    """Give the examples of each split with what the network says of them."""
    judged = {}
    for split in JUDGED:
        examples = split_examples(layout, trained.cell.snapshot, split)
        judged[split] = examples, import_training().predict_genres(network, examples.matrices)
    return judged


def _score(judged: Judged, genres: tuple[str, ...]) -> Iterator[tuple[str, Scores]]:
    """Score every split by fragment, and by song with each vote."""
    for split, (examples, probabilities) in judged.items():
        by_fragment = probabilities.argmax(axis=1)
        yield f"{split}_fragment", score_predictions(examples.labels, by_fragment, genres)
        labels = _song_labels(examples)
        for vote in VOTES:
            track_ids, by_song = vote_songs(probabilities, examples.track_ids, vote)
            songs = np.array([labels[track_id] for track_id in track_ids], np.int64)
            scores = score_predictions(songs, by_song.argmax(axis=1), genres)
            yield f"{split}_song_{vote}", scores


def _log(tracking: "Tracking", trained: Trained, scores: dict[str, Scores]) -> None:
    """Log scores, whole confusion matrices, and those of the test split as figures."""
    from storage.tracking.runs import log_figure, log_json, log_scores

    run_id, genres = trained.run_id, list(trained.cell.snapshot.genres)
    log_scores(tracking, run_id, _metrics(scores))
    matrices = {name: scored.confusion.tolist() for name, scored in scores.items()}
    log_json(tracking, run_id, {"genres": genres, **matrices}, "confusion")
    for name in ("test_fragment", f"test_song_{CHOOSING_VOTE}"):
        title = f"{trained.cell.name}, {name.replace('_', ' ')}"
        figure = draw_confusion(scores[name].confusion, genres, title)
        log_figure(tracking, run_id, figure, f"confusion_{name}")


def _song_labels(examples: Examples) -> dict[str, int]:
    return dict(zip(examples.track_ids.tolist(), examples.labels.tolist(), strict=True))


def _metrics(scores: dict[str, Scores]) -> dict[str, float]:
    return {
        metric: value
        for name, scored in scores.items()
        for metric, value in scored.as_metrics(name).items()
    }


def _predict(trained: Trained, judged: Judged) -> Iterator[Prediction]:
    """Say what the network takes each song for, by the vote that chooses."""
    genres = trained.cell.snapshot.genres
    for split, (examples, probabilities) in judged.items():
        labels = _song_labels(examples)
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
