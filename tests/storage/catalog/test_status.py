"""The status of a home, from the published store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.catalog.promotions import Promotion, record_promotion
from storage.catalog.publish import publish
from storage.catalog.runs import Run, record_run
from storage.catalog.status import compared_rows, read_status

if TYPE_CHECKING:
    from storage.home import DataLayout
    from tests.storage.catalog.conftest import Store


def promotion(run: Run, version: int) -> Promotion:
    return Promotion(
        version=version,
        run_id=run.run_id,
        previous_version=version - 1 or None,
        previous_run_id=None,
        snapshot_id=run.snapshot_id,
        validation_macro_f1=run.validation_macro_f1,
        previous_validation_macro_f1=None,
        reason="better",
    )


def test_an_empty_store_has_nothing(layout: DataLayout) -> None:
    publish(layout)

    assert read_status(layout) == {
        "tracks": 0,
        "unlabelled": 0,
        "outcomes": {"ok": 0, "duplicate": 0, "quarantined": 0, "retryable": 0},
        "reasons": {},
        "warnings": {},
        "examples": 0,
        "snapshot_id": None,
        "champion": None,
        "home": str(layout.home),
    }
    assert compared_rows(layout, "none") == []


def test_the_status_counts_songs_outcomes_reasons_and_examples(store: Store) -> None:
    tracks = store.three_songs()
    short, unlabelled = store.track("short"), store.track("unlabelled", genre="")
    store.add_songs(short, unlabelled)
    store.reject(short, "key")
    store.extract("key", unlabelled)
    snapshot = store.freeze("key", *tracks)
    publish(store.layout)

    status = read_status(store.layout)

    assert (status["tracks"], status["unlabelled"], status["examples"]) == (5, 1, 8)
    assert status["outcomes"] == {"ok": 4, "duplicate": 0, "quarantined": 1, "retryable": 0}
    assert (status["reasons"], status["warnings"]) == ({"too_short": 1}, {})
    assert status["snapshot_id"] == snapshot.snapshot_id


def test_runs_of_a_library_are_compared_the_best_first_and_the_last_promoted_is_champion(
    store: Store,
) -> None:
    a, b, c = store.three_songs()
    snapshot, other = store.freeze("key", a, b, c), store.freeze("key", a, b)
    scores = {"low": 0.3, "high": 0.9, "middle": 0.5}
    runs = [store.run(name, snapshot, validation_macro_f1=f1) for name, f1 in scores.items()]
    for run in (*runs, store.run("on other songs", other)):
        store.call(record_run, run, [])
    publish(store.layout)
    unpromoted = compared_rows(store.layout, snapshot.library_id)
    for version, run in ((1, runs[0]), (2, runs[1])):
        store.call(record_promotion, promotion(run, version))

    publish(store.layout)

    rows = compared_rows(store.layout, snapshot.library_id)
    assert [row["champion"] for row in unpromoted] == [False, False, False]
    assert [(row["run_id"], row["champion"]) for row in rows] == [
        ("high", True),
        ("middle", False),
        ("low", False),
    ]
    champion = read_status(store.layout)["champion"]
    assert (champion["run_id"], champion["version"]) == ("high", 2)
    assert champion["genres"] == ["jazz"]
