"""Killed at a named point, then run again: the store is that of a run that nothing disturbed."""

import importlib
import shutil
from pathlib import Path

import pytest

from storage.catalog.nightly import read_nights
from storage.home import DataLayout
from tests.catalogs import in_catalog
from tests.crash.comparison import describe, differences, orphans
from tests.crash.nursery import KILLED, Nursery
from tests.crash.points import EXTRACT, INGEST, LONG_EXTRACT, LONG_INGEST, LONG_TRAIN, TRAIN

pytestmark = [pytest.mark.flow, pytest.mark.both]


def test_every_point_names_a_function_that_is_there() -> None:
    points = (*INGEST, *LONG_INGEST, *EXTRACT, *LONG_EXTRACT, *TRAIN, *LONG_TRAIN)
    places = {tuple(point.split(":")[:2]) for point in points}

    missing = [
        place for place in places if not hasattr(importlib.import_module(place[0]), place[1])
    ]

    assert missing == []


def test_songs_killed_at_every_point_in_turn_become_the_store_of_an_undisturbed_run(
    nursery: Nursery, extracted_home: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"

    ingested = {point: nursery.run(home, "ingest", point=point) for point in INGEST}
    extracted = {point: nursery.run(home, "extract", point=point) for point in EXTRACT}
    ended = nursery.run(home, "ingest", "extract")

    assert ingested == dict.fromkeys(INGEST, KILLED)
    assert extracted == dict.fromkeys(EXTRACT, KILLED)
    assert ended == 0
    assert orphans(DataLayout(home)) == set()
    undisturbed = describe(DataLayout(extracted_home))
    assert differences(undisturbed, describe(DataLayout(home))) == []


@pytest.mark.long
@pytest.mark.keras
def test_a_training_killed_at_every_point_in_turn_ends_like_an_undisturbed_one(
    line_nursery: Nursery, extracted_home: Path, tmp_path: Path
) -> None:
    undisturbed, home = tmp_path / "undisturbed", tmp_path / "home"
    shutil.copytree(extracted_home, undisturbed)
    shutil.copytree(extracted_home, home)
    assert line_nursery.run(undisturbed, "train") == 0

    killed = {point: line_nursery.run(home, "train", point=point) for point in TRAIN}
    ended = line_nursery.run(home, "train")

    assert killed == dict.fromkeys(TRAIN, KILLED)
    assert ended == 0
    expected = describe(DataLayout(undisturbed))
    assert differences(expected, describe(DataLayout(home))) == []
    assert expected.tracking == {
        "running": 0,
        "finished": 1,
        "champions": [("champion", 1)],
        "versions": [(1,)],
    }


@pytest.mark.long
@pytest.mark.keras
def test_a_night_killed_between_two_steps_is_closed_by_the_next_which_goes_on_from_there(
    line_nursery: Nursery, extracted_home: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    shutil.copytree(extracted_home, home)

    killed = line_nursery.run(home, "nightly", point="flows.nightly:train_if_due:before:1")
    ended = line_nursery.run(home, "nightly")

    assert (killed, ended) == (KILLED, 0)
    last, first = in_catalog(DataLayout(home), read_nights)
    assert (first.outcome, [step.step for step in first.steps]) == (
        "interrupted",
        ["ingest", "extract"],
    )
    assert last.outcome == "finished"
    assert {step.step: str(step.outcome) for step in last.steps} == {
        "ingest": "finished",
        "extract": "finished",
        "train": "finished",
        "map": "finished",
        "tidy": "finished",
        "report": "finished",
    }
