"""Evaluate: predictions and scores of a trained model on validation and test songs."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from prefect import task

from genre_core.evaluation.calibration import temper
from genre_core.evaluation.certainty import Certainty
from genre_core.evaluation.songs import CHOOSING_VOTE, FragmentedSongs, gather_songs, vote_on
from genre_core.records import Split
from storage.catalog.connection import open_catalog
from storage.catalog.runs import Prediction, Run, record_run, training_key
from storage.catalog.snapshots import read_groups
from storage.home import DataLayout
from tasks.keras_import import import_training
from tasks.scores import (
    RunScores,
    SongValues,
    aggregate,
    certainty_metrics,
    chosen,
    fit_on_validation,
    measure,
    run_documents,
    run_figures,
    run_metrics,
    song_values,
)
from tasks.splits import split_examples
from tasks.train import Trained, Trial

if TYPE_CHECKING:
    from storage.models.store import Tracking

EVALUATED = (Split.VALIDATION, Split.TEST)

Network = Any  # a keras.Model, named without importing Keras


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """A scored run with its predictions, and its scores by split as plain values."""

    run: Run
    predictions: tuple[Prediction, ...]
    scores: dict[str, dict[str, object]]


@task(task_run_name="evaluate {trained.trial.name}")
def evaluate_network(layout: DataLayout, trained: Trained) -> Evaluated:
    """Score a network on validation and test, by fragment and by song, and log it all."""
    from storage.models.logged import load_model
    from storage.models.runs import failing_run, finish_run, log_scores
    from storage.models.store import open_tracking

    import_training()
    tracking, snapshot = open_tracking(layout), trained.trial.snapshot
    with failing_run(tracking, trained.run_id):
        network = load_model(tracking, trained.model_uri)
        songs, values = _predict_splits(layout, trained, network)
        found = measure(songs, snapshot.genres, snapshot.library_id, trained.temperature)
        certainty = trained.certainty or fit_on_validation(found, trained.trial.prediction)
        predictions = tuple(_predict(trained, found, certainty, values))
        _log(tracking, trained, found, certainty)
        log_scores(tracking, trained.run_id, certainty_metrics(predictions, certainty))
        finish_run(tracking, trained.run_id)
    scores = {
        str(split): found.intervals[chosen(split)].as_document(snapshot.genres)
        for split in EVALUATED
    }
    return Evaluated(run=_run(trained, found), predictions=predictions, scores=scores)


@task
def record_evaluated(layout: DataLayout, evaluated: Evaluated) -> Run:
    """Record a finished run, its predictions and its scores in the catalog."""
    with open_catalog(layout) as catalog:
        record_run(catalog, evaluated.run, evaluated.predictions, evaluated.scores)
    return evaluated.run


def _predict_splits(
    layout: DataLayout, trained: Trained, network: Network
) -> tuple[dict[Split, FragmentedSongs], SongValues]:
    """Return the songs of each split with their predictions, and their embeddings."""
    snapshot, songs = trained.trial.snapshot, {}
    values: SongValues = {}
    with open_catalog(layout) as catalog:
        groups = read_groups(catalog, snapshot.snapshot_id)
    for split in EVALUATED:
        examples = split_examples(layout, snapshot, split)
        predicted = import_training().predict_genres(network, examples.matrices)
        songs[split] = gather_songs(predicted, examples.labels, examples.track_ids, groups)
        values |= song_values(examples)
    return songs, values


def _log(tracking: "Tracking", trained: Trained, found: RunScores, certainty: Certainty) -> None:
    """Log numbers, documents and figures, and temperature and certainty beside the network."""
    from storage.models.logged import log_fitted
    from storage.models.runs import log_figure, log_json, log_scores

    by_count = aggregate(found)
    log_scores(tracking, trained.run_id, run_metrics(found))
    log_fitted(tracking, trained.model_uri, found.temperature, certainty)
    for name, document in run_documents(found, by_count).items():
        log_json(tracking, trained.run_id, document, name)
    for name, figure in run_figures(found, by_count, trained.trial.name):
        log_figure(tracking, trained.run_id, figure, name)


def _predict(
    trained: Trained, found: RunScores, certainty: Certainty, values: SongValues
) -> Iterator[Prediction]:
    """Yield the prediction of each song."""
    genres = trained.trial.snapshot.genres
    for split, songs in found.songs.items():
        by_song = vote_on(songs, CHOOSING_VOTE)
        tempered = temper(by_song, found.temperature)
        for place, (track_id, label) in enumerate(zip(songs.track_ids, songs.labels, strict=True)):
            row = by_song[place]
            assessed = certainty.assess(tempered[place], genres, values.get(track_id))
            yield Prediction(
                run_id=trained.run_id,
                track_id=track_id,
                split=str(split),
                genre=genres[label],
                predicted=genres[int(row.argmax())],
                probability=float(row.max()),
                probabilities=tuple(row.tolist()),
                **asdict(assessed),
            )


def _run(trained: Trained, found: RunScores) -> Run:
    trial = trained.trial
    validation = found.scores[chosen(Split.VALIDATION)]
    intervals = found.intervals[chosen(Split.TEST)]
    return Run(
        run_id=trained.run_id,
        trial_id=trial.trial_id,
        comparison_id=trained.comparison_id,
        network=trial.network,
        representation=trial.features.representation,
        fragment_s=trial.features.fragment_s,
        seed=trial.seed,
        snapshot_id=trial.snapshot.snapshot_id,
        n_parameters=trained.n_parameters,
        epochs=trained.epochs,
        validation_accuracy=validation.accuracy,
        seconds=trained.seconds,
        model_uri=trained.model_uri,
        started_at=trained.started_at,
        training_key=_training_key(trial),
        **found.intervals[chosen(Split.VALIDATION)].macro_f1.as_columns("validation_macro_f1"),
        **intervals.macro_f1.as_columns("test_macro_f1"),
        **intervals.accuracy.as_columns("test_accuracy"),
    )


def _training_key(trial: Trial) -> str:
    settings = trial.settings if trial.features.embedding else asdict(trial.training)
    return training_key(settings)
