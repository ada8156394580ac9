"""Evaluate: predictions and scores of a trained model on validation and test songs."""

from dataclasses import asdict

from genre_core.evaluation.songs import FragmentedSongs, gather_songs
from genre_core.records import Split
from storage.catalog.connection import open_catalog
from storage.catalog.runs import Run, record_run, training_key
from storage.catalog.snapshots import read_groups
from storage.home import DataLayout
from tasks.keras_import import import_training
from tasks.orchestrator import task
from tasks.scores import (
    RunScores,
    SongValues,
    assess_predictions,
    certainty_metrics,
    chosen,
    describe_scores,
    fit_on_validation,
    measure,
    run_metrics,
    song_values,
)
from tasks.splits import split_examples
from tasks.train import Trained

EVALUATED = (Split.VALIDATION, Split.TEST)


@task(task_run_name="evaluate {trained.trial.name}")
def evaluate_network(layout: DataLayout, trained: Trained) -> Run:
    """Score a model on validation and test, by fragment and by song; log and record it all."""
    from storage.models.logged import load_model, log_fitted
    from storage.models.runs import failing_run, finish_run, log_figure, log_json, log_scores
    from storage.models.store import open_tracking

    import_training()
    tracking, snapshot = open_tracking(layout), trained.trial.snapshot
    with failing_run(tracking, trained.run_id):
        songs, values = _predict_splits(layout, trained, load_model(tracking, trained.model_uri))
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
        finish_run(tracking, trained.run_id)
    scores = {
        str(split): found.intervals[chosen(split)].as_document(snapshot.genres)
        for split in EVALUATED
    }
    run = _run(trained, found)
    with open_catalog(layout) as catalog:
        record_run(catalog, run, predictions, scores)
    return run


def _predict_splits(
    layout: DataLayout, trained: Trained, model: object
) -> tuple[dict[Split, FragmentedSongs], SongValues]:
    """Return the songs of each split with their predictions, and their embeddings."""
    snapshot, songs = trained.trial.snapshot, {}
    values: SongValues = {}
    with open_catalog(layout) as catalog:
        groups = read_groups(catalog, snapshot.snapshot_id)
    for split in EVALUATED:
        examples = split_examples(layout, snapshot, split)
        predicted = import_training().predict_genres(model, examples.matrices)
        songs[split] = gather_songs(predicted, examples.labels, examples.track_ids, groups)
        values |= song_values(examples)
    return songs, values


def _run(trained: Trained, found: RunScores) -> Run:
    trial = trained.trial
    validation = found.intervals[chosen(Split.VALIDATION)]
    test = found.intervals[chosen(Split.TEST)]
    settings = trial.settings if trial.features.embedding else asdict(trial.training)
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
