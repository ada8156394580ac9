"""Flow nightly: the whole line, from songs to a champion."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar
from uuid import uuid4

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.states import Completed

from flows.extract import ExtractReport, extract
from flows.ingest import IngestReport, ingest
from flows.maintenance import tidy
from flows.settings import Settings, read_settings
from flows.train import TrainReport, plan_cells, train
from flows.who import SCHEDULE, login
from genre_core.errors import GenreflowError, TransientError, UsageError
from storage.catalog.nightly import (
    NightOutcome,
    NightStep,
    close_abandoned_nights,
    end_night,
    read_last_start,
    read_newest_snapshots,
    record_step,
    skip_night,
    start_night,
)
from storage.home import DataLayout
from storage.lock import NightSkipped, hold_night
from tasks.due import explain_no_training
from tasks.publish import publish_store
from tasks.report.notify import notify_of_night, write_morning_page
from tasks.spectrograms import key_features
from tasks.splits import usable_features


class StepSkipped(GenreflowError):
    """A step has nothing to do, or nothing to do it with; its message says why."""


class Told(Protocol):
    """What a step gives: a record that says in a sentence what was done."""

    @property
    def sentence(self) -> str:
        """What was done, for people."""


Report = TypeVar("Report", bound=Told)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Who asked for the night, in which run of Prefect, and for when."""

    who: str
    flow_run_id: str
    due_at: datetime | None


def read_call() -> Call:
    """Ask Prefect about the run that this is."""
    context = FlowRunContext.get()
    run = context.flow_run if context else None
    if run is None:
        return Call(who=login(), flow_run_id="", due_at=None)
    return Call(
        who=SCHEDULE if run.auto_scheduled else login(),
        flow_run_id=str(run.id),
        due_at=run.expected_start_time,
    )


class Night:
    """One night: its steps, what failed, and what it found out."""

    def __init__(self, layout: DataLayout, call: Call) -> None:
        self.layout, self.call = layout, call
        self.night_id = uuid4().hex  # a retry of a flow run is another night
        self.begun_s = time.monotonic()
        self.n_steps = 0
        self.failures: dict[str, Exception] = {}
        self.facts: dict[str, Any] = {}

    @property
    def seconds(self) -> float:
        """How long the night has lasted."""
        return time.monotonic() - self.begun_s

    def step(self, name: str, work: Callable[[], Report]) -> Report | None:
        """Do a step and record how it ended; give none if it failed or was skipped.

        Raises
        ------
        UsageError
            If a person asked for what makes no sense: they are there to correct it. Otherwise a
            step that fails leaves the night to go on with what is there.
        """
        start = time.monotonic()
        try:
            report = work()
        except StepSkipped as skipped:
            self._record(name, NightOutcome.SKIPPED, str(skipped), start)
            return None
        except Exception as error:
            get_run_logger().exception("%s failed", name)
            self.failures[name] = error
            self._record(name, NightOutcome.FAILED, shown(error), start)
            if isinstance(error, UsageError) and self.call.who != SCHEDULE:
                self.end()
                raise
            return None
        self._record(name, NightOutcome.FINISHED, report.sentence, start)
        return report

    def end(self) -> None:
        """Record how the night ended, and what failed in it."""
        outcome = NightOutcome.FAILED if self.failures else NightOutcome.FINISHED
        failed = [f"{name} failed: {shown(error)}" for name, error in self.failures.items()]
        end_night(self.layout, self.night_id, outcome, " ".join(failed), self.facts)

    def tell_failure(self) -> None:
        """Raise what the first step that failed has raised, if one has.

        Raises
        ------
        Exception
            Its flow run, and the command line, then end failed.
        """
        if self.failures:
            raise next(iter(self.failures.values()))

    def _record(self, name: str, outcome: NightOutcome, message: str, start_s: float) -> None:
        step = NightStep(
            night_id=self.night_id,
            position=self.n_steps,
            step=name,
            outcome=outcome,
            message=message,
            seconds=time.monotonic() - start_s,
        )
        record_step(self.layout, step)
        self.n_steps += 1


def begin_night(layout: DataLayout) -> Night:
    """Begin a night, once what a crash has left open is closed.

    Raises
    ------
    NightSkipped
        If the schedule asks for a night that a later one has made up for.
    """
    close_abandoned_nights(layout)
    call, last = read_call(), read_last_start(layout)
    if call.who == SCHEDULE and call.due_at and last and call.due_at < last:
        raise NightSkipped(
            f"The night of {call.due_at:%Y-%m-%d %H:%M} UTC is made up for: one that began at "
            f"{last.astimezone(call.due_at.tzinfo):%Y-%m-%d %H:%M} took all that was new."
        )
    night = Night(layout, call)
    start_night(layout, night.night_id, call.flow_run_id, call.who)
    return night


def skipped_state(layout: DataLayout, skipped: NightSkipped) -> State[None]:
    """Record a night that did not begin, if the catalog can be had; give how its run ends.

    It is completed, under the name Skipped: nothing went wrong, and nobody is to be woken.
    """
    call, message = read_call(), str(skipped)
    try:
        skip_night(layout, uuid4().hex, call.flow_run_id, call.who, message)
    except TransientError as error:
        get_run_logger().warning("The skipped night could not be recorded: %s", error)
    return Completed(name="Skipped", message=message)


def shown(error: Exception) -> str:
    """Say an error as a sentence: foreseen ones are sentences, others have a name."""
    return str(error) if isinstance(error, GenreflowError) else f"{type(error).__name__}: {error}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NightlyReport:
    """What each flow of the line reports; ``trained`` is missing where there was no reason to."""

    ingested: IngestReport | None
    extracted: ExtractReport | None
    trained: TrainReport | None


@flow
def nightly(config: Settings | None = None) -> NightlyReport | State[None]:
    """Ingest → extract → train → audit → promote → tidy → report.

    Without a ``config`` the settings are read where the flow runs.

    One night is under way in a home at a time: a second is skipped. A machine that was off for
    three nights makes up for one: a scheduled night whose time lies before the start of the last
    finished one is skipped, for that one has taken all that was new. A step that fails leaves
    the others to go on with what is there; the night then ends failed, and the next one takes up
    what is left. A skipped night ends Completed, under the name Skipped.
    """
    config = config or read_settings()
    try:
        with hold_night(config.layout):
            night = begin_night(config.layout)
            ingested = night.step("ingest", lambda: ingest(config))
            extracted = night.step("extract", lambda: extract(config))
            trained = night.step("train", lambda: train_what_is_new(config, night, extracted))
            night.step("tidy", lambda: tidy(config))
            night.end()
            page = night.step(
                "report",
                lambda: write_morning_page(config.layout, night.night_id, config.snapshot_choice()),
            )
            notify_of_night(config.notify, page)
            night.end()
            publish_store(config.layout)
            night.tell_failure()
    except NightSkipped as skipped:
        return skipped_state(config.layout, skipped)
    return NightlyReport(ingested=ingested, extracted=extracted, trained=trained)


def train_what_is_new(
    config: Settings, night: Night, extracted: ExtractReport | None
) -> TrainReport:
    """Train, audit and promote, if there is a reason to, something to train on, and time."""
    if extracted is None:
        raise StepSkipped("Extract failed, so nothing is trained; the champion stays.")
    require_reason(config)
    left_s = config.night.budget_s - night.seconds
    if left_s <= 0:
        raise StepSkipped(
            f"The time budget of {config.night.budget_min:g} min is spent; "
            "what is new is trained the next night."
        )
    trained = train(config, left_s)
    night.facts |= {"failed_cells": list(trained.failed_cells), "n_left_cells": trained.n_left}
    return trained


def require_reason(config: Settings) -> None:
    """Skip the training if too little has come, and all that the settings ask for is trained."""
    features = usable_features(config.layout, config.features, config.genres)
    snapshots = read_newest_snapshots(config.layout, list(key_features(features)), config.genres)
    if len(snapshots) < len(features):
        return
    cell_ids = [cell.cell_id for cell in plan_cells(config, features, snapshots)]
    sentence = explain_no_training(config.layout, config.night, snapshots, config.genres, cell_ids)
    if sentence:
        raise StepSkipped(sentence)
