"""Finished runs, their predictions and scores, and promotions."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from storage.catalog.promotions import Promotion, read_last_promotion, record_promotion
from storage.catalog.publish import publish
from storage.catalog.query import query
from storage.catalog.runs import (
    PredictedSplit,
    Prediction,
    forget_outdated,
    read_library_runs,
    read_predicted_splits,
    read_published_predictions,
    read_run,
    read_runs,
    read_unpredicted,
    record_predictions,
    record_run,
    trial_id,
)
from storage.catalog.songs import record_songs

if TYPE_CHECKING:
    from genre_core.records import Track
    from storage.catalog.runs import Run
    from tests.storage.catalog.conftest import Store

EARLY, LATE = datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 1, 2, tzinfo=UTC)
TRIAL = ("snapshot", "cnn", 0, {"batch_size": 32, "max_epochs": 200})


def promotion(version: int, reason: str, previous: int | None = None) -> Promotion:
    return Promotion(
        version=version,
        run_id=f"run {version}",
        snapshot_id="snapshot",
        validation_macro_f1=0.7,
        previous_version=previous,
        previous_run_id=None,
        previous_validation_macro_f1=None,
        reason=reason,
    )


def predict(
    track: Track, predicted: str = "jazz", split: str = "test", run_id: str = "run"
) -> Prediction:
    return Prediction(
        run_id=run_id,
        track_id=track.track_id,
        split=split,
        genre=track.genre,
        predicted=predicted,
        probability=0.75,
        probabilities=(0.75, 0.25),
    )


def recorded(store: Store, *predictions: Prediction) -> Run:
    run = store.run("run", store.freeze("key", *store.three_songs()), training_key="key")
    store.call(record_run, run, predictions)
    return run


def test_a_run_that_is_recorded_twice_comes_back_once_as_it_was(store: Store) -> None:
    run = recorded(store, predict(store.track("a")))

    store.call(record_run, run, [predict(store.track("a"))])

    assert store.call(read_run, "run") == run
    assert store.call(read_run, "another") is None
    assert store.rows("select count(*) from runs join predictions using (run_id)") == [(1,)]


def test_predictions_and_scores_come_back_from_catalog_and_published_store(store: Store) -> None:
    tracks = store.three_songs()
    snapshot = store.freeze("key", *tracks)
    predictions = [
        predict(track, predicted)
        for track, predicted in zip(tracks, ("jazz", "rock", "jazz"), strict=True)
    ]
    scores = {
        "test": {
            "accuracy": [0.7, 0.5, 0.9],
            "macro_f1": [0.6, 0.4, 0.8],
            "recall": {"jazz": [0.5, 0.1, 0.9]},
        }
    }
    store.call(record_run, store.run("run", snapshot), predictions, scores)
    publish(store.layout)

    (found,) = store.call(read_predicted_splits, ["run", "unknown"])

    ordered = sorted(predictions, key=lambda prediction: prediction.track_id)
    assert replace(found, scores=None) == PredictedSplit(
        run_id="run",
        library_id=snapshot.library_id,
        split="test",
        genres=("jazz",),
        track_ids=tuple(p.track_id for p in ordered),
        group_ids=tuple(f"track:{p.track_id[:12]}" for p in ordered),
        labels=("jazz",) * 3,
        predicted=tuple(p.predicted for p in ordered),
    )
    assert found.scores is not None
    assert found.scores.as_document(found.genres) == scores["test"]
    assert read_published_predictions(store.layout, ["run", "unknown"]) == [found]


def test_certainty_of_predictions_is_published_where_it_is_known(store: Store) -> None:
    plain, certain = predict(store.track("a")), predict(store.track("b"))
    known = {"confidence": 0.625, "unknown": False, "alternatives": ("jazz", "rock")}
    recorded(store, plain, replace(certain, **known))

    publish(store.layout)

    columns = "probabilities, confidence, unknown, alternatives"
    _, rows = query(store.layout, f"select {columns} from predictions order by confidence")
    assert rows == [
        ([0.75, 0.25], 0.625, False, ["jazz", "rock"]),
        ([0.75, 0.25], None, None, None),
    ]


def test_runs_are_read_by_trial_the_earliest_of_each(store: Store) -> None:
    snapshot = store.freeze("key", *store.three_songs())
    for name, trial, started_at in (("late", "b", LATE), ("early", "b", EARLY), ("a", "a", EARLY)):
        run = store.run(name, snapshot, trial_id=trial, started_at=started_at)
        store.call(record_run, run, [])

    runs = store.call(read_runs, ["b", "unknown"])

    assert [run.run_id for run in runs] == ["early"]


def test_runs_of_a_library_are_those_on_its_songs_whatever_their_features(store: Store) -> None:
    a, b, c = store.three_songs()
    store.extract("key 2", a, b, c)
    old = store.freeze("key", a, b)
    new, longer = (store.freeze(key, a, b, c) for key in ("key", "key 2"))
    for name, snapshot, started_at in (
        ("on the old", old, EARLY),
        ("on the new", new, EARLY),
        ("longer", longer, LATE),
    ):
        store.call(record_run, store.run(name, snapshot, started_at=started_at), [])

    runs = store.call(read_library_runs, new.library_id)

    assert [run.run_id for run in runs] == ["on the new", "longer"]


def test_all_that_a_training_is_made_from_changes_its_trial() -> None:
    snapshot, network, seed, training = TRIAL
    trials = [
        TRIAL,
        (snapshot, network, seed, dict(reversed(training.items()))),
        ("other", network, seed, training),
        (snapshot, "rnn", seed, training),
        (snapshot, network, 1, training),
        (snapshot, network, seed, {**training, "batch_size": 64}),
    ]

    ids = [trial_id(*trial) for trial in trials]

    assert ids[0] == ids[1]
    assert len(set(ids)) == 5


def test_promotions_are_only_ever_added(store: Store) -> None:
    before_the_first = store.call(read_last_promotion)
    changes = [promotion(1, "first"), promotion(2, "better", 1), promotion(1, "rolled back")]

    for change in changes:
        store.call(record_promotion, change)

    statement = "select version, previous_version, reason from promotions order by promotion_id"
    assert store.rows(statement) == [(1, None, "first"), (2, 1, "better"), (1, None, "rolled back")]
    assert (before_the_first, store.call(read_last_promotion)) == (None, changes[-1])


@pytest.fixture
def unlabelled(store: Store) -> list[Track]:
    """Two unlabelled songs with examples, and one without."""
    tracks = [store.track(name, genre="") for name in ("x", "y", "not extracted")]
    store.three_songs()
    store.add_songs(*tracks)
    store.extract("key", *tracks[:2])
    return tracks[:2]


def test_unlabelled_songs_with_examples_and_without_a_prediction_are_to_be_predicted(
    store: Store, unlabelled: list[Track]
) -> None:
    x, y = unlabelled
    run = store.run("run", store.freeze("key", *(store.track(name) for name in "abc")))
    store.call(record_run, run, [predict(x, split="unlabelled")])

    assert store.call(read_unpredicted, "run") == [y.track_id]


def test_predictions_of_other_runs_and_of_songs_labelled_since_are_outdated(
    store: Store, unlabelled: list[Track]
) -> None:
    (x, y), a = unlabelled, store.track("a")
    run = store.run("run", store.freeze("key", *(store.track(name) for name in "abc")))
    store.call(record_run, run, [predict(a, split="validation")])
    waiting = [predict(x, split="unlabelled"), predict(y, split="unlabelled")]
    store.call(record_predictions, [*waiting, replace(waiting[1], run_id="before")])
    store.call(record_songs, [replace(x, genre="jazz")], [store.outcome(x)])

    store.call(forget_outdated, "run")

    rows = store.rows("select run_id, track_id from predictions")
    assert set(rows) == {("run", a.track_id), ("run", y.track_id)}
    splits = [found.split for found in store.call(read_predicted_splits, ["run"])]
    assert splits == ["validation"]  # scores never rest on predictions without a label
