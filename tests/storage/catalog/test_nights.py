"""Nights in the catalog: begun, gone through, ended, left by a crash."""

from pathlib import Path

import pytest

from storage.catalog.connection import open_catalog
from storage.catalog.nightly import (
    NightOutcome,
    NightStep,
    close_abandoned_nights,
    end_night,
    read_last_start,
    read_nights,
    record_step,
    skip_night,
    start_night,
)
from storage.catalog.publish import publish, query_rows
from storage.home import DataLayout
from tests.catalogs import in_catalog


@pytest.fixture
def layout(tmp_path: Path) -> DataLayout:
    return DataLayout(tmp_path / "home")


def step(name: str, position: int) -> NightStep:
    return NightStep(
        night_id="first",
        position=position,
        step=name,
        outcome=NightOutcome.FINISHED,
        message=f"{name} went well.",
        seconds=1.5,
    )


def test_a_night_is_read_with_its_steps_in_order_and_what_is_known_of_it(
    layout: DataLayout,
) -> None:
    in_catalog(layout, start_night, "first", "run-1", "schedule")
    in_catalog(layout, record_step, step("extract", 1))
    in_catalog(layout, record_step, step("ingest", 0))

    in_catalog(
        layout,
        end_night,
        "first",
        NightOutcome.FINISHED,
        "All went well.",
        {"failed_trials": ["a"]},
    )

    (night,) = in_catalog(layout, read_nights)
    assert (night.night_id, night.flow_run_id, night.who) == ("first", "run-1", "schedule")
    assert (night.outcome, night.message) == ("finished", "All went well.")
    assert night.steps == (step("ingest", 0), step("extract", 1))
    assert night.facts == {"failed_trials": ["a"]}
    assert night.ended_at is not None
    assert night.started_at <= night.ended_at


def test_a_night_counts_the_tracks_that_came_since_it_began(layout: DataLayout) -> None:
    insert = """
        insert into tracks (track_id, location, genre, artist, album, title, licence, duration_s,
            sample_rate, channels, codec, suffix)
        values (?, '', '', '', '', '', '', 1, 1, 1, '', '')
    """
    with open_catalog(layout) as catalog:
        catalog.execute(insert, ["old"])
    in_catalog(layout, start_night, "first", "", "person")
    with open_catalog(layout) as catalog:
        catalog.executemany(insert, [["new"], ["newer"]])

    in_catalog(layout, end_night, "first", NightOutcome.FINISHED, "")

    assert in_catalog(layout, read_nights)[0].n_new_songs == 2


def test_a_night_left_running_is_closed_as_interrupted_once(layout: DataLayout) -> None:
    in_catalog(layout, start_night, "first", "", "schedule")
    in_catalog(layout, record_step, step("ingest", 0))

    n_closed = (
        in_catalog(layout, close_abandoned_nights),
        in_catalog(layout, close_abandoned_nights),
    )

    (night,) = in_catalog(layout, read_nights)
    assert n_closed == (1, 0)
    assert night.outcome == "interrupted"
    assert "resumes" in night.message
    assert [known.step for known in night.steps] == ["ingest"]


def test_only_a_finished_night_makes_up_for_earlier_ones(layout: DataLayout) -> None:
    in_catalog(layout, skip_night, "skipped", "", "schedule", "Another is at work.")
    in_catalog(layout, start_night, "failed", "", "schedule")
    in_catalog(layout, end_night, "failed", NightOutcome.FAILED, "The site is down.")
    before = in_catalog(layout, read_last_start)

    in_catalog(layout, start_night, "finished", "", "schedule")
    in_catalog(layout, end_night, "finished", NightOutcome.FINISHED, "")

    assert before is None
    assert in_catalog(layout, read_last_start) == in_catalog(layout, read_nights)[0].started_at


def test_people_find_nights_and_steps_in_the_published_store(layout: DataLayout) -> None:
    in_catalog(layout, start_night, "first", "run-1", "schedule")
    in_catalog(layout, record_step, step("ingest", 0))
    in_catalog(layout, skip_night, "second", "run-2", "schedule", "The first is at work.")

    publish(layout)

    nights = query_rows(layout, "select night_id, outcome, message from nights")
    assert [tuple(row.values()) for row in nights] == [
        ("first", "running", ""),
        ("second", "skipped", "The first is at work."),
    ]
    assert query_rows(layout, "select step, seconds from night_steps") == [
        {"step": "ingest", "seconds": 1.5}
    ]
