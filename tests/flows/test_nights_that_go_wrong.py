"""Nights that fail, come twice, come late, or have nothing to do."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flows.settings import Settings
from genre_core.errors import UsageError
from genre_core.training.rules import NightConfig
from storage.catalog.nightly import (
    NightOutcome,
    NightStep,
    end_night,
    read_nights,
    read_published_nights,
    record_step,
    start_night,
)
from storage.catalog.query import query_rows
from storage.home import DataLayout
from storage.lock import hold_night
from tasks import nightly as runs
from tasks.nightly import SCHEDULE, StepSkipped, Trigger
from tests.catalogs import in_catalog
from tests.conftest import hum, write_song

if TYPE_CHECKING:
    from flows.nightly import NightlyReport

pytestmark = [pytest.mark.flow, pytest.mark.keras, pytest.mark.prefect]

Due = Callable[[datetime], None]


@pytest.fixture
def due(monkeypatch: pytest.MonkeyPatch) -> Due:
    """Have the schedule, instead of a person, ask for the nights of this test."""

    def ask(due_at: datetime) -> None:
        call = Trigger(triggered_by=SCHEDULE, flow_run_id="", due_at=due_at)
        monkeypatch.setattr(runs, "read_trigger", lambda: call)

    return ask


def steps_of_last_night(config: Settings) -> dict[str, tuple[str, str]]:
    steps = in_catalog(config.layout, read_nights)[0].steps
    return {step.step: (str(step.outcome), step.message) for step in steps}


def test_a_second_night_is_skipped_and_recorded(finished_copy: Settings) -> None:
    from flows.nightly import nightly

    with hold_night(finished_copy.layout):
        state = nightly(finished_copy, return_state=True)

    assert (state.type, state.name) == ("COMPLETED", "Skipped")
    assert "Another run of genreflow is at work" in str(state.message)
    last = in_catalog(finished_copy.layout, read_nights)[0]
    assert (last.outcome, last.message) == ("skipped", state.message)


def test_a_source_that_is_gone_fails_the_night_but_not_what_can_be_done_without(
    finished_copy: Settings, due: Due
) -> None:
    from flows.nightly import nightly

    due(datetime.now(UTC))
    config = replace(finished_copy, music="/nowhere/at/all", fragment_lengths_s=(1.0,))

    state = nightly(replace(config, networks=("dense",), seeds=(7,)), return_state=True)

    assert state.is_failed()
    assert "/nowhere/at/all" in str(state.message)
    (last, *_) = in_catalog(config.layout, read_nights)
    assert last.outcome == "failed"
    assert last.message.startswith("ingest failed: ")
    steps = steps_of_last_night(config)
    assert {name: outcome for name, (outcome, _) in steps.items()} == {
        "ingest": "failed",
        "extract": "finished",
        "train": "finished",
        "map": "finished",
        "tidy": "finished",
        "report": "finished",
    }
    assert "New: 1 training" in steps["train"][1]
    published = query_rows(config.layout, "select outcome from nights order by started_at")
    assert published[-1] == {"outcome": "failed"}


def test_a_tracking_server_that_is_down_fails_the_training_alone_and_loses_nothing(
    finished_copy: Settings, due: Due
) -> None:
    from flows.nightly import nightly

    due(datetime.now(UTC))
    finished_copy.layout.mlflow_db.unlink()
    runs = query_rows(finished_copy.layout, "select * from runs order by run_id")
    config = replace(finished_copy, tracking="http://127.0.0.1:9", seeds=(7,))  # nobody listens

    state = nightly(config, return_state=True)

    assert state.is_failed()
    steps = steps_of_last_night(config)
    assert {name for name, (outcome, _) in steps.items() if outcome != "finished"} == {"train"}
    assert steps["train"][1].startswith("The tracking server http://127.0.0.1:9 cannot be reached")
    assert query_rows(config.layout, "select * from runs order by run_id") == runs
    page = (config.layout.reports / "nights" / "latest.html").read_text("utf-8")
    assert "the champion stays, version 1" in page
    assert "Step train failed: The tracking server" in page


def test_a_person_who_names_no_such_music_is_told_at_once(finished_copy: Settings) -> None:
    from flows.nightly import nightly

    with pytest.raises(UsageError, match="/nowhere/at/all"):
        nightly(replace(finished_copy, music="/nowhere/at/all"))

    (last, *_) = in_catalog(finished_copy.layout, read_nights)
    assert (last.outcome, [step.step for step in last.steps]) == ("failed", ["ingest"])
    assert read_published_nights(finished_copy.layout, 1)[0].outcome == "failed"


def test_nights_that_a_machine_slept_through_are_made_up_for_by_one(
    finished_copy: Settings, due: Due
) -> None:
    from flows.nightly import nightly

    now = datetime.now(UTC)
    outcomes = []
    for days_late in (3, 2, 1):
        due(now - timedelta(days=days_late))
        outcomes.append(nightly(finished_copy, return_state=True).name)
    skipped = in_catalog(finished_copy.layout, read_nights)[0]
    due(now + timedelta(days=1))

    # the store has finished a night just now: only what is due after it is of use
    assert runs.start_run(finished_copy.layout).night_id != skipped.night_id
    assert outcomes == ["Skipped"] * 3
    assert "is not needed" in skipped.message


def test_a_training_that_failed_has_not_been_made_up_for_by_a_night_that_skipped_it(
    finished_copy: Settings,
) -> None:
    from flows.nightly import require_reason

    with pytest.raises(StepSkipped, match="0 new songs"):
        require_reason(finished_copy)
    for name, outcome in (("one", NightOutcome.FAILED), ("two", NightOutcome.SKIPPED)):
        in_catalog(finished_copy.layout, start_night, name, "", SCHEDULE)
        step = {"night_id": name, "position": 2, "step": "train", "message": "", "seconds": 1.0}
        in_catalog(finished_copy.layout, record_step, NightStep(outcome=outcome, **step))
        in_catalog(finished_copy.layout, end_night, name, NightOutcome.FAILED, "")

    require_reason(finished_copy)


def test_a_song_too_few_is_taken_in_and_waits_for_its_training(
    finished_copy: Settings, tmp_path: Path
) -> None:
    from flows.nightly import nightly, require_reason

    write_song(tmp_path / "music" / "hums" / "new.wav", hum, seed=77)
    write_song(tmp_path / "music" / "hiss" / "newer.wav", hum, seed=78)
    music = replace(finished_copy, music=str(tmp_path / "music"))

    first = nightly(replace(music, night=NightConfig(min_new_songs=20)))
    waiting = steps_of_last_night(music)["train"]
    require_reason(replace(music, night=NightConfig(min_new_songs=2)))
    with pytest.raises(StepSkipped, match="it begins at 3"):
        require_reason(replace(music, night=NightConfig(min_new_songs=3)))

    assert first.trained is None
    assert waiting == (
        "skipped",
        "2 new songs since the last training; it begins at 20.",
    )
    assert in_catalog(music.layout, read_nights)[0].n_new_songs == 2


def test_trainings_that_a_budget_leaves_are_missing_the_next_night(
    finished_copy: Settings, first_night: tuple[Settings, "NightlyReport"]
) -> None:
    from flows.nightly import train_if_due
    from flows.train import plan_trials, train
    from tasks.train import select_trials

    config = replace(finished_copy, networks=("dense",), seeds=(1, 2), fragment_lengths_s=(1.0,))

    short = replace(config, night=NightConfig(budget_min=1e-6))
    with pytest.raises(StepSkipped, match="time budget of 1e-06 min is spent"):
        train_if_due(short, runs.start_run(config.layout), first_night[1].extracted)
    begun = train(config, budget_s=0.0)
    trials = plan_trials(config, config.features, [begun.snapshot])

    assert (begun.n_trained, begun.n_left) == (1, 1)
    assert "left to the next night: 1" in begun.sentence
    assert [trial.seed for trial in select_trials(config.layout, trials)] == [2]


def test_a_flow_run_that_is_tried_again_is_another_night(
    layout: DataLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = Trigger(triggered_by="ann", flow_run_id="one flow run", due_at=None)
    monkeypatch.setattr(runs, "read_trigger", lambda: call)

    begun = [runs.start_run(layout).night_id for _ in range(2)]

    assert len(set(begun)) == 2
    assert [found.flow_run_id for found in in_catalog(layout, read_nights)] == ["one flow run"] * 2
