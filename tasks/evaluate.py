"""Evaluate: predictions and scores of a trained model on validation and test songs."""

from genre_core.records import Split
from storage.catalog.connection import open_catalog
from storage.catalog.runs import Run, record_run, training_key
from storage.catalog.snapshots import Snapshot, read_groups
from storage.examples import StoredExamples
from storage.home import DataLayout
from tasks.fitting import predict_stored
from tasks.orchestrator import task
from tasks.scores import (
    RunScores,
    assess_predictions,
    certainty_metrics,
    chosen,
    describe_scores,
    fit_on_validation,
    measure,
    run_metrics,
)
from tasks.splits import find_examples
from tasks.surest_errors import log_surest_errors
from tasks.train import Trained
from tasks.workers import in_worker

EVALUATED = (Split.VALIDATION, Split.TEST)


@task(task_run_name="evaluate {trained.trial.name}")
def evaluate_network(layout: DataLayout, trained: Trained) -> Run:
    """Score a model on validation and test, by fragment and by song; log and record it all."""
    from storage.models.logged import log_fitted, open_network
    from storage.models.runs import failing_run, finish_run, log_figure, log_json, log_scores
    from storage.models.store import open_tracking

    tracking, snapshot = open_tracking(layout), trained.trial.snapshot
    with failing_run(tracking, trained.run_id):
        stored, groups = _find_splits(layout, snapshot)
        with open_network(tracking, trained.model_uri) as file:
            songs, values = in_worker(predict_stored, file, stored, groups)
        found = measure(songs, snapshot.genres, snapshot.library_id, trained.temperature)
        certainty = trained.certainty or fit_on_validation(found, trained.trial.prediction)
        predictions = [
            prediction
            for split, of_split in songs.items()
            for prediction in assess_predictions(
                trained.run_id,
                snapshot.genres,
                [
                    (track_id, str(split), snapshot.genres[label])
                    for track_id, label in zip(of_split.track_ids, of_split.labels, strict=True)
                ],
                found.probabilities[split],
                found.temperature,
                certainty,
                values,
            )
        ]
        log_scores(tracking, trained.run_id, run_metrics(found))
        log_fitted(tracking, trained.model_uri, found.temperature, certainty)
        documents, figures = describe_scores(found, trained.trial.name)
        for name, document in documents.items():
            log_json(tracking, trained.run_id, document, name)
        for name, figure in figures.items():
            log_figure(tracking, trained.run_id, figure, name)
        log_scores(tracking, trained.run_id, certainty_metrics(predictions, certainty))
        log_surest_errors(layout, tracking, trained.run_id, predictions)
        finish_run(tracking, trained.run_id)
    scores = {
        str(split): found.intervals[chosen(split)].as_document(snapshot.genres)
        for split in EVALUATED
    }
    run = _run(trained, found)
    with open_catalog(layout) as catalog:
        record_run(catalog, run, predictions, scores)
    return run


def _find_splits(
    layout: DataLayout, snapshot: Snapshot
) -> tuple[dict[Split, StoredExamples], dict[str, str]]:
    """Find the examples of each split, and the groups of their songs."""
    with open_catalog(layout) as catalog:
        groups = read_groups(catalog, snapshot.snapshot_id)
    stored = {split: find_examples(layout, snapshot, split, snapshot.genres) for split in EVALUATED}
    return stored, groups


def _run(trained: Trained, found: RunScores) -> Run:
    trial = trained.trial
    validation = found.intervals[chosen(Split.VALIDATION)]
    test = found.intervals[chosen(Split.TEST)]
    settings = trial.settings
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
        validation_accuracy=found.scores[chosen(Split.VALIDATION)].accuracy,
        seconds=trained.seconds,
        model_uri=trained.model_uri,
        started_at=trained.started_at,
        training_key=training_key(settings),
        **validation.macro_f1.as_columns("validation_macro_f1"),
        **test.macro_f1.as_columns("test_macro_f1"),
        **test.accuracy.as_columns("test_accuracy"),
    )
