"""How things stand, from the published store."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from storage.catalog.promotions import Promotion, record_promotion
from storage.catalog.publish import publish
from storage.catalog.runs import Run, record_run
from storage.catalog.status import compared_rows, read_status
from tests.catalogs import in_catalog

if TYPE_CHECKING:
    from storage.home import DataLayout
    from tests.storage.catalog.conftest import Store

EARLY, LATE = datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 1, 2, tzinfo=UTC)


def promote(layout: DataLayout, run: Run, version: int) -> None:
    in_catalog(
        layout,
        record_promotion,
        Promotion(
            version=version,
            run_id=run.run_id,
            previous_version=version - 1 or None,
            previous_run_id=None,
            snapshot_id=run.snapshot_id,
            validation_macro_f1=run.validation_macro_f1,
            previous_validation_macro_f1=None,
            reason="better",
        ),
    )


def test_an_empty_store_has_nothing_and_says_so(layout: DataLayout) -> None:
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
    short = store.track("short")
    store.add_songs(short)
    store.reject(short, "key")
    snapshot = store.freeze("key", *tracks)
    publish(store.layout)

    status = read_status(store.layout)

    assert status["tracks"] == 4
    assert status["outcomes"] == {"ok": 3, "duplicate": 0, "quarantined": 1, "retryable": 0}
    assert status["reasons"] == {"too_short": 1}
    assert status["examples"] == 6
    assert status["snapshot_id"] == snapshot.snapshot_id


def test_the_champion_is_the_run_promoted_last(store: Store) -> None:
    snapshot = store.freeze("key", *store.three_songs())
    for version, name in ((1, "first"), (2, "second")):
        run = store.run(name, snapshot, validation_macro_f1=0.1 * version)
        in_catalog(store.layout, record_run, run, [])
        promote(store.layout, run, version)
    publish(store.layout)

    champion = read_status(store.layout)["champion"]

    assert (champion["run_id"], champion["version"]) == ("second", 2)
    assert champion["genres"] == ["jazz"]


def test_runs_are_compared_the_best_on_validation_first(store: Store) -> None:
    snapshot = store.freeze("key", *store.three_songs())
    for name, macro_f1 in (("low", 0.3), ("high", 0.9), ("middle", 0.5)):
        run = store.run(name, snapshot, validation_macro_f1=macro_f1)
        in_catalog(store.layout, record_run, run, [])
    publish(store.layout)

    assert [row["run_id"] for row in compared_rows(store.layout, snapshot.library_id)] == [
        "high",
        "middle",
        "low",
    ]


def test_the_champion_stands_out_among_the_compared(store: Store) -> None:
    snapshot = store.freeze("key", *store.three_songs())
    runs = [store.run(name, snapshot) for name in ("champion", "challenger")]
    for run in runs:
        in_catalog(store.layout, record_run, run, [])
    promote(store.layout, runs[0], 1)
    publish(store.layout)

    champions = {
        row["run_id"]: row["champion"] for row in compared_rows(store.layout, snapshot.library_id)
    }

    assert champions == {"champion": True, "challenger": False}


def test_without_a_promotion_nobody_is_champion(store: Store) -> None:
    snapshot = store.freeze("key", *store.three_songs())
    in_catalog(store.layout, record_run, store.run("run", snapshot), [])
    publish(store.layout)

    assert [row["champion"] for row in compared_rows(store.layout, snapshot.library_id)] == [False]


def test_only_runs_on_one_library_are_compared(store: Store) -> None:
    a, b, c = store.three_songs()
    old, new = store.freeze("key", a, b), store.freeze("key", a, b, c)
    in_catalog(store.layout, record_run, store.run("on the old", old, started_at=EARLY), [])
    in_catalog(store.layout, record_run, store.run("on the new", new, started_at=LATE), [])
    publish(store.layout)

    rows = compared_rows(store.layout, new.library_id)
    assert [row["run_id"] for row in rows] == ["on the new"]
