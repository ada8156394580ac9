"""Flow nightly: ingest, extract, train, audit, promote, tidy and report."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from uuid import uuid4

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.states import Completed

from flows.extract import ExtractReport, extract
from flows.ingest import IngestReport, ingest
from flows.maintenance import tidy
from flows.settings import Settings, read_settings
from flows.who import SCHEDULE, login
from genre_core.errors import GenreflowError, TransientError, UsageError
from storage.catalog.connection import open_catalog
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
from tasks.report.notify import notify_of_night, write_report
from tasks.spectrograms import key_features
from tasks.splits import usable_features

if TYPE_CHECKING:
    from flows.train import TrainReport


class StepSkipped(GenreflowError):
    """A step has nothing to do, or nothing to do it with; the message says why."""


class StepReport(Protocol):
    """What a step returns."""

    @property
    def sentence(self) -> str:
        """What was done, for people."""


Report = TypeVar("Report", bound=StepReport)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """Who or what started the run, its Prefect run, and the time it was due."""

    triggered_by: str
    flow_run_id: str
    due_at: datetime | None


def read_trigger() -> Trigger:
    """Return the trigger of the current flow run, as Prefect knows it."""
    context = FlowRunContext.get()
    run = context.flow_run if context else None
    if run is None:
        return Trigger(triggered_by=login(), flow_run_id="", due_at=None)
    return Trigger(
        triggered_by=SCHEDULE if run.auto_scheduled else login(),
        flow_run_id=str(run.id),
        due_at=run.expected_start_time,
    )


class Night:
    """One nightly run: its steps, its failures, and facts for later runs."""

    def __init__(self, layout: DataLayout, trigger: Trigger) -> None:
        self.layout, self.trigger = layout, trigger
        self.night_id = uuid4().hex  # not the flow run's: a retry of it is another nightly run
        self.started_s = time.monotonic()
        self.n_steps = 0
        self.failures: dict[str, Exception] = {}
        self.facts: dict[str, Any] = {}

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started_s

    def step(self, name: str, work: Callable[[], Report]) -> Report | None:
        """Run a step and record its end; return its report, None if it failed or was skipped.

        Raises
        ------
        UsageError
            If a person started the run: they can correct it. Other failures let the run continue.
        """
        start_s = time.monotonic()
        try:
            report = work()
        except StepSkipped as skipped:
            self._record(name, NightOutcome.SKIPPED, str(skipped), start_s)
            return None
        except Exception as error:
            get_run_logger().exception("%s failed", name)
            self.failures[name] = error
            self._record(name, NightOutcome.FAILED, describe_error(error), start_s)
            if isinstance(error, UsageError) and self.trigger.triggered_by != SCHEDULE:
                self.end()
                raise
            return None
        self._record(name, NightOutcome.FINISHED, report.sentence, start_s)
        return report

    def end(self) -> None:
        """Record the end of the run, and what failed in it."""
        outcome = NightOutcome.FAILED if self.failures else NightOutcome.FINISHED
        failed = [f"{name} failed: {describe_error(e)}" for name, e in self.failures.items()]
        with open_catalog(self.layout) as catalog:
            end_night(catalog, self.night_id, outcome, " ".join(failed), self.facts)

    def raise_failure(self) -> None:
        """Raise the error of the first step that failed: the flow run then ends failed, too."""
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
        with open_catalog(self.layout) as catalog:
            record_step(catalog, step)
        self.n_steps += 1


def start_run(layout: DataLayout) -> Night:
    """Record the start of a nightly run, and the end of those that crashed.

    Raises
    ------
    NightSkipped
        If the run was due before the start of the last finished one.
    """
    with open_catalog(layout) as catalog:
        close_abandoned_nights(catalog)
        last = read_last_start(catalog)
    trigger = read_trigger()
    if trigger.triggered_by == SCHEDULE and trigger.due_at and last and trigger.due_at < last:
        raise NightSkipped(
            f"The run due at {trigger.due_at:%Y-%m-%d %H:%M} UTC is not needed: one that started "
            f"at {last.astimezone(trigger.due_at.tzinfo):%Y-%m-%d %H:%M} has processed all that "
            "was new."
        )
    night = Night(layout, trigger)
    with open_catalog(layout) as catalog:
        start_night(catalog, night.night_id, trigger.flow_run_id, trigger.triggered_by)
    return night


def skipped_state(layout: DataLayout, skipped: NightSkipped) -> State[None]:
    """Record a nightly run that did not start; return the state Completed, named Skipped."""
    trigger, message = read_trigger(), str(skipped)
    try:
        with open_catalog(layout) as catalog:
            skip_night(catalog, uuid4().hex, trigger.flow_run_id, trigger.triggered_by, message)
    except TransientError as error:
        get_run_logger().warning("The skipped run could not be recorded: %s", error)
    return Completed(name="Skipped", message=message)


def describe_error(error: Exception) -> str:
    """Return the message of a foreseen error; other errors with their class."""
    return str(error) if isinstance(error, GenreflowError) else f"{type(error).__name__}: {error}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NightlyReport:
    """Reports of the flows; None for one that failed or was skipped."""

    ingested: IngestReport | None
    extracted: ExtractReport | None
    trained: "TrainReport | None"


@flow
def nightly(config: Settings | None = None) -> NightlyReport | State[None]:
    """Ingest → extract → train → audit → promote → tidy → report.

    Without a ``config`` the settings are read where the flow runs.

    One run at a time per home: a second is skipped. Of several runs that were due while the machine
    was off, only one is needed: a scheduled run that was due before the start of the last finished
    one is skipped. A step that fails does not stop the others; the run then ends failed, and the
    next one resumes. A skipped run ends Completed, under the name Skipped.
    """
    config = config or read_settings()
    try:
        with hold_night(config.layout):
            night = start_run(config.layout)
            ingested = night.step("ingest", lambda: ingest(config))
            extracted = night.step("extract", lambda: extract(config))
            trained = night.step("train", lambda: train_if_due(config, night, extracted))
            night.step("tidy", lambda: tidy(config))
            night.end()
            page = night.step(
                "report",
                lambda: write_report(config.layout, night.night_id, config.snapshot_choice()),
            )
            notify_of_night(config.notify, page)
            night.end()
            publish_store(config.layout)
            night.raise_failure()
    except NightSkipped as skipped:
        return skipped_state(config.layout, skipped)
    return NightlyReport(ingested=ingested, extracted=extracted, trained=trained)


def train_if_due(config: Settings, night: Night, extracted: ExtractReport | None) -> "TrainReport":
    """Train, audit and promote, if there is a reason to and time left."""
    if extracted is None:
        raise StepSkipped("Extract failed, so nothing is trained; the champion stays.")
    require_reason(config)
    left_s = config.night.budget_s - night.seconds
    if left_s <= 0:
        raise StepSkipped(
            f"The time budget of {config.night.budget_min:g} min is spent; "
            "the next nightly run trains what is new."
        )
    from flows.train import train  # with audit and models, where there is a reason to train

    trained = train(config, left_s)
    night.facts |= {"failed_trials": list(trained.failed_trials), "n_left_trials": trained.n_left}
    return trained


def require_reason(config: Settings) -> None:
    """Skip the training if too little is new and all trials of the settings are trained."""
    features = usable_features(config.layout, config.features, config.genres)
    with open_catalog(config.layout) as catalog:
        snapshots = read_newest_snapshots(catalog, list(key_features(features)), config.genres)
    if len(snapshots) < len(features):
        return
    from flows.train import plan_trials

    trial_ids = [trial.trial_id for trial in plan_trials(config, features, snapshots)]
    sentence = explain_no_training(config.layout, config.night, snapshots, config.genres, trial_ids)
    if sentence:
        raise StepSkipped(sentence)
