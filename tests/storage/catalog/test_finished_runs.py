"""Finished trainings, their predictions, and promotions."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from storage.catalog.connection import fetch_rows, open_catalog
from storage.catalog.promotions import Promotion, read_last_promotion, record_promotion
from storage.catalog.publish import publish, query_rows
from storage.catalog.runs import (
    PredictedSplit,
    Prediction,
    read_library_runs,
    read_predicted_splits,
    read_published_predictions,
    read_run,
    read_runs,
    record_run,
    trial_id,
)
from tests.catalogs import in_catalog

if TYPE_CHECKING:
    from storage.home import DataLayout
    from tests.storage.catalog.conftest import Store

EARLY, LATE = datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 1, 2, tzinfo=UTC)
TRIAL = ("snapshot", "cnn", 0, {"batch_size": 32, "max_epochs": 200})


def promotion(version: int, **changes: object) -> Promotion:
    first: dict[str, object] = {
        "previous_version": None,
        "previous_run_id": None,
        "previous_validation_macro_f1": None,
        "reason": "there was no champion",
    }
    return Promotion(
        version=version,
        run_id=f"run {version}",
        snapshot_id="snapshot",
        validation_macro_f1=0.7,
        **{**first, **changes},
    )


def test_a_run_comes_back_as_it_was(store: Store) -> None:
    snapshot = store.freeze("key", *store.three_songs())
    run = store.run("run", snapshot, test_macro_f1_low=0.4, training_key="key")

    in_catalog(store.layout, record_run, run, [])

    assert in_catalog(store.layout, read_run, "run") == run
    assert in_catalog(store.layout, read_run, "another") is None


def test_what_a_run_says_of_songs_comes_back_with_their_groups_in_the_order_of_their_ids(
    store: Store,
) -> None:
    tracks = store.three_songs()
    snapshot = store.freeze("key", *tracks)
    said = [
        Prediction(
            run_id="run",
            track_id=track.track_id,
            split="test",
            genre="jazz",
            predicted=predicted,
            probability=0.75,
            probabilities=(0.75, 0.25),
        )
        for track, predicted in zip(tracks, ("jazz", "rock", "jazz"), strict=True)
    ]
    in_catalog(store.layout, record_run, store.run("run", snapshot), said)
    publish(store.layout)

    judged = in_catalog(store.layout, read_predicted_splits, ["run", "of nobody"])

    in_order = sorted(said, key=lambda prediction: prediction.track_id)
    assert judged == [
        PredictedSplit(
            run_id="run",
            library_id=snapshot.library_id,
            split="test",
            genres=("jazz",),
            track_ids=tuple(p.track_id for p in in_order),
            group_ids=tuple(f"track:{p.track_id[:12]}" for p in in_order),
            labels=("jazz",) * 3,
            predicted=tuple(p.predicted for p in in_order),
        )
    ]
    assert read_published_predictions(store.layout, ["run", "of nobody"]) == judged


def test_probabilities_of_all_genres_are_kept(store: Store) -> None:
    run = store.run("run", store.freeze("key", *store.three_songs()))
    prediction = Prediction(
        run_id="run",
        track_id="a",
        split="test",
        genre="jazz",
        predicted="jazz",
        probability=0.75,
        probabilities=(0.75, 0.25),
    )

    in_catalog(store.layout, record_run, run, [prediction])

    with open_catalog(store.layout) as catalog:
        rows = fetch_rows(catalog, "select probabilities from predictions")
    assert rows == [{"probabilities": [0.75, 0.25]}]


def test_what_predictions_say_of_themselves_is_kept_and_published_where_it_is_known(
    store: Store,
) -> None:
    run = store.run("run", store.freeze("key", *store.three_songs()))
    plain = Prediction(
        run_id="run", track_id="a", split="test", genre="jazz", predicted="jazz", probability=0.5
    )
    certain = {"confidence": 0.625, "unknown": False, "alternatives": ("jazz", "rock")}

    in_catalog(store.layout, record_run, run, [plain, replace(plain, track_id="b", **certain)])
    publish(store.layout)

    rows = query_rows(store.layout, "select confidence, unknown, alternatives from predictions")
    assert [tuple(row.values()) for row in rows] == [
        (None, None, None),
        (0.625, False, ["jazz", "rock"]),
    ]


def test_a_run_that_is_recorded_twice_is_one_run(store: Store) -> None:
    run = store.run("run", store.freeze("key", *store.three_songs()))
    prediction = Prediction(
        run_id="run", track_id="a", split="test", genre="jazz", predicted="rock", probability=0.5
    )

    in_catalog(store.layout, record_run, run, [prediction])
    in_catalog(store.layout, record_run, run, [prediction])

    with open_catalog(store.layout) as catalog:
        assert len(fetch_rows(catalog, "select * from runs")) == 1
        assert len(fetch_rows(catalog, "select * from predictions")) == 1


def test_only_the_runs_of_the_trials_that_are_asked_for_are_given(store: Store) -> None:
    snapshot = store.freeze("key", *store.three_songs())
    for name in ("one", "two"):
        in_catalog(store.layout, record_run, store.run(name, snapshot), [])

    runs = in_catalog(store.layout, read_runs, ["trial of two", "trial of nobody"])

    assert [run.run_id for run in runs] == ["two"]


def test_of_several_runs_of_a_trial_the_earliest_counts(store: Store) -> None:
    snapshot = store.freeze("key", *store.three_songs())
    for name, started_at in (("late", LATE), ("early", EARLY)):
        run = store.run(name, snapshot, trial_id="trial", started_at=started_at)
        in_catalog(store.layout, record_run, run, [])

    assert [run.run_id for run in in_catalog(store.layout, read_runs, ["trial"])] == ["early"]


def test_runs_of_a_library_are_those_on_its_songs_whatever_their_features(store: Store) -> None:
    a, b, c = store.three_songs()
    store.extract("key 2", a, b, c)
    old, new, longer = (
        store.freeze("key", a, b),
        store.freeze("key", a, b, c),
        store.freeze("key 2", a, b, c),
    )
    in_catalog(store.layout, record_run, store.run("on the old", old, started_at=EARLY), [])
    in_catalog(store.layout, record_run, store.run("on the new", new, started_at=EARLY), [])
    in_catalog(store.layout, record_run, store.run("longer", longer, started_at=LATE), [])

    runs = in_catalog(store.layout, read_library_runs, new.library_id)

    assert [run.run_id for run in runs] == ["on the new", "longer"]


def test_the_same_training_is_the_same_trial() -> None:
    snapshot, network, seed, training = TRIAL
    turned = dict(reversed(training.items()))

    assert trial_id(snapshot, network, seed, turned) == trial_id(*TRIAL)


@pytest.mark.parametrize(
    "changed",
    [
        ("other", *TRIAL[1:]),
        ("snapshot", "rnn", *TRIAL[2:]),
        ("snapshot", "cnn", 1, TRIAL[3]),
        (*TRIAL[:3], {**TRIAL[3], "batch_size": 64}),
    ],
)
def test_whatever_a_training_is_made_from_changes_its_trial(
    changed: tuple[str, str, int, dict[str, int]],
) -> None:
    assert trial_id(*changed) != trial_id(*TRIAL)


def test_promotions_are_only_ever_added(layout: DataLayout) -> None:
    in_catalog(layout, record_promotion, promotion(1))
    in_catalog(
        layout, record_promotion, promotion(2, previous_version=1, previous_validation_macro_f1=0.7)
    )
    in_catalog(layout, record_promotion, promotion(1, reason="rolled back"))

    with open_catalog(layout) as catalog:
        rows = fetch_rows(
            catalog,
            "select version, previous_version, reason from promotions order by promotion_id",
        )
    assert [tuple(row.values()) for row in rows] == [
        (1, None, "there was no champion"),
        (2, 1, "there was no champion"),
        (1, None, "rolled back"),
    ]
    assert in_catalog(layout, read_last_promotion) == promotion(1, reason="rolled back")


def test_before_the_first_promotion_there_is_none(layout: DataLayout) -> None:
    assert in_catalog(layout, read_last_promotion) is None


def test_scores_of_evaluation_come_back_with_their_intervals(store: Store) -> None:
    tracks = store.three_songs()
    run = store.run("run", store.freeze("key", *tracks))
    said = [
        Prediction(
            run_id="run",
            track_id=t.track_id,
            split="test",
            genre="jazz",
            predicted="jazz",
            probability=0.5,
        )
        for t in tracks
    ]
    scores = {
        "test": {
            "accuracy": [0.7, 0.5, 0.9],
            "macro_f1": [0.6, 0.4, 0.8],
            "recall": {"jazz": [0.5, 0.1, 0.9]},
        }
    }

    in_catalog(store.layout, record_run, run, said, scores)
    publish(store.layout)

    (found,) = in_catalog(store.layout, read_predicted_splits, ["run"])
    assert found.scores is not None
    assert found.scores.as_document(found.genres) == scores["test"]
    assert read_published_predictions(store.layout, ["run"]) == [found]
