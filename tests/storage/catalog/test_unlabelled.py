"""Which unlabelled songs a run has not predicted yet, and which predictions are outdated."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from storage.catalog.connection import fetch_rows, open_catalog
from storage.catalog.runs import (
    Prediction,
    forget_outdated,
    read_predicted_splits,
    read_unpredicted,
    record_predictions,
    record_run,
)
from storage.catalog.songs import record_songs
from tests.catalogs import in_catalog

if TYPE_CHECKING:
    from genre_core.records import Track
    from tests.storage.catalog.conftest import Store


def predict(run_id: str, track: Track, split: str = "unlabelled") -> Prediction:
    return Prediction(
        run_id=run_id,
        track_id=track.track_id,
        split=split,
        genre=track.genre,
        predicted="jazz",
        probability=0.75,
    )


def add_unlabelled(store: Store, *names: str) -> list[Track]:
    tracks = [store.track(name, genre="") for name in names]
    store.add_songs(*tracks)
    store.extract("key", *tracks)
    return tracks


def test_songs_with_a_label_without_examples_or_predicted_before_are_not_waiting(
    store: Store,
) -> None:
    labelled = store.three_songs()
    x, y = add_unlabelled(store, "x", "y")
    store.add_songs(store.track("not extracted", genre=""))
    in_catalog(
        store.layout,
        record_run,
        store.run("run", store.freeze("key", *labelled)),
        [predict("run", x)],
    )

    assert in_catalog(store.layout, read_unpredicted, "run") == [y.track_id]


def test_predictions_of_other_runs_and_of_songs_with_a_label_by_now_are_forgotten(
    store: Store,
) -> None:
    labelled = store.three_songs()
    x, y = add_unlabelled(store, "x", "y")
    run = store.run("run", store.freeze("key", *labelled))
    in_catalog(store.layout, record_run, run, [predict("run", labelled[1], "validation")])
    in_catalog(
        store.layout,
        record_predictions,
        [predict("run", x), predict("run", y), predict("before", y)],
    )
    in_catalog(store.layout, record_songs, [replace(x, genre="jazz")], [store.outcome(x)])

    in_catalog(store.layout, forget_outdated, "run")

    with open_catalog(store.layout) as catalog:
        rows = fetch_rows(catalog, "select run_id, track_id from predictions")
    assert {(row["run_id"], row["track_id"]) for row in rows} == {
        ("run", labelled[1].track_id),
        ("run", y.track_id),
    }


def test_scores_never_rest_on_predictions_without_a_label(store: Store) -> None:
    labelled = store.three_songs()
    run = store.run("run", store.freeze("key", *labelled))
    said = [predict("run", labelled[1], "validation"), predict("run", labelled[0])]
    in_catalog(store.layout, record_run, run, said)

    assert [
        judged.split for judged in in_catalog(store.layout, read_predicted_splits, ["run"])
    ] == ["validation"]
