"""Nightly runs: what started one, how its steps ended, whether it has a reason to train."""

import getpass
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar

from genre_core.errors import GenreflowError, TransientError, UsageError
from genre_core.locations import show_addresses
from genre_core.representations.features import FeatureConfig
from genre_core.training.rules import NightConfig, explain_rest, is_enough
from storage.catalog.connection import open_catalog
from storage.catalog.nightly import (
    NightOutcome,
    NightRecord,
    NightStep,
    close_abandoned_nights,
    count_new_tracks,
    end_night,
    find_free_name,
    read_last_start,
    read_nights,
    record_step,
    skip_night,
    start_night,
)
from storage.catalog.runs import read_runs
from storage.catalog.snapshots import Snapshot, read_newest_snapshots
from storage.home import DataLayout
from storage.lock import NightSkipped
from storage.schedule.plan import is_scheduled
from storage.telemetry import follow_job
from tasks.orchestrator import flow_run, get_run_logger, task
from tasks.publish import publish_end
from tasks.spectrograms import key_features

SCHEDULE = "schedule"
MAX_NIGHTS = 100


def login() -> str:
    """Return the login name of the person."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "unknown"


def name_night() -> str:
    """Return the name of a run that starts now: its day and minute in local time.

    Prefect's worker starts a run some seconds before it is due: its name is when it is due.
    """
    starts_at = datetime.now().astimezone()
    due_at = flow_run.scheduled_start_time or starts_at
    return f"{max(starts_at, due_at).astimezone():%Y-%m-%d-%H%M}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """The schedule or the person that started the outermost flow, its run, and when it was due."""

    triggered_by: str
    flow_run_id: str = ""
    due_at: datetime | None = None


def read_trigger() -> Trigger:
    """Return what started the outermost flow, as Prefect knows it."""
    if not (root_id := flow_run.root_flow_run_id):
        return Trigger(triggered_by=login())
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        run = client.read_flow_run(root_id)
    return Trigger(
        triggered_by=SCHEDULE if run.auto_scheduled or is_scheduled() else login(),
        flow_run_id=str(run.id),
        due_at=run.expected_start_time,
    )


class StepSkipped(GenreflowError):
    """A step has nothing to do, or nothing to do it with; the message is the reason."""

    code = "step-skipped"


class StepReport(Protocol):
    """What a step returns."""

    @property
    def sentence(self) -> str:
        """What was done, for people."""


Report = TypeVar("Report", bound=StepReport)


class NightlyRun:
    """One nightly run: its steps, its failures, and facts for later runs."""

    def __init__(self, layout: DataLayout, trigger: Trigger, night_id: str) -> None:
        self.layout, self.trigger, self.night_id = layout, trigger, night_id
        self.started_s = time.monotonic()
        self.n_steps = 0
        self.failures: dict[str, Exception] = {}
        self.facts: dict[str, Any] = {}

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started_s

    @property
    def failure_messages(self) -> list[str]:
        """Return a sentence for each step that failed."""
        return [f"{name} failed: {_describe(error)}" for name, error in self.failures.items()]

    def step(self, name: str, work: Callable[[], Report]) -> Report | None:
        """Run a step and record its end; return its report, None if it failed or was skipped.

        Raises UsageError if a person started the run: they can correct it. Other failures let the
        run continue.
        """
        start_s = time.monotonic()
        try:
            with follow_job(name):
                report = work()
        except StepSkipped as skipped:
            self._record_step(name, NightOutcome.SKIPPED, str(skipped), start_s)
            return None
        except Exception as error:
            get_run_logger().exception("%s failed", name)
            self.failures[name] = error
            self._record_step(name, NightOutcome.FAILED, _describe(error), start_s)
            if isinstance(error, UsageError) and self.trigger.triggered_by != SCHEDULE:
                self.end()
                publish_end(self.layout)
                raise
            return None
        self._record_step(name, NightOutcome.FINISHED, report.sentence, start_s)
        return report

    def end(self) -> None:
        """Record the end of the run, and what failed in it."""
        outcome = NightOutcome.FAILED if self.failures else NightOutcome.FINISHED
        failed = " ".join(self.failure_messages)
        _record(self.layout, end_night, self.night_id, outcome, failed, self.facts)

    def raise_failure(self) -> None:
        """Raise the error of the first step that failed: the flow run then ends failed, too."""
        if self.failures:
            raise next(iter(self.failures.values()))

    def _record_step(self, name: str, outcome: NightOutcome, message: str, start_s: float) -> None:
        step = NightStep(
            night_id=self.night_id,
            position=self.n_steps,
            step=name,
            outcome=outcome,
            message=message,
            seconds=time.monotonic() - start_s,
        )
        _record(self.layout, record_step, step)
        self.n_steps += 1


def start_run(layout: DataLayout) -> NightlyRun:
    """Record the start of a nightly run, and the end of those that crashed.

    Raises NightSkipped if the run was due before the start of the last finished one.
    """
    trigger = read_trigger()
    with open_catalog(layout) as catalog:
        run = NightlyRun(layout, trigger, find_free_name(catalog, flow_run.name or name_night()))
        close_abandoned_nights(catalog)
        last, due_at = read_last_start(catalog), trigger.due_at
        is_late = trigger.triggered_by == SCHEDULE and due_at and last and due_at < last
        if not is_late:
            start_night(catalog, run.night_id, trigger.flow_run_id, trigger.triggered_by)
    if is_late and due_at and last:
        raise NightSkipped(
            f"The run due at {due_at:%Y-%m-%d %H:%M} UTC is not needed: one that started at "
            f"{last.astimezone(due_at.tzinfo):%Y-%m-%d %H:%M} has processed all that was new."
        )
    return run


def record_skipped(layout: DataLayout, message: str) -> None:
    """Record a nightly run that did not start, and why."""
    trigger = read_trigger()
    row = (flow_run.name or name_night(), trigger.flow_run_id, trigger.triggered_by, message)
    try:
        _record(layout, skip_night, *row)
    except TransientError as error:
        get_run_logger().warning("The skipped run could not be recorded: %s", error)


def _record(layout: DataLayout, write: Callable[..., None], *values: object) -> None:
    with open_catalog(layout) as catalog:
        write(catalog, *values)


def _describe(error: Exception) -> str:
    """Return the message of a foreseen error; other errors with their class."""
    is_foreseen = isinstance(error, GenreflowError)
    return str(error) if is_foreseen else show_addresses(f"{type(error).__name__}: {error}")


@task
def newest_snapshots(
    layout: DataLayout, features: Sequence[FeatureConfig], genres: Sequence[str]
) -> list[Snapshot]:
    """Return the newest snapshot of these genres for each feature setting that has one."""
    with open_catalog(layout) as catalog:
        return read_newest_snapshots(catalog, list(key_features(features)), genres)


@task
def explain_no_training(
    layout: DataLayout,
    config: NightConfig,
    snapshots: Sequence[Snapshot],
    genres: Sequence[str],
    trial_ids: Sequence[str],
) -> str:
    """Return why there is nothing to train; empty if there is.

    ``snapshots`` are the newest, one per feature setting; ``trial_ids`` those that the settings ask
    for. Trials that failed on a snapshot are not repeated on it. After a nightly run whose training
    did not finish, the next one trains in any case.
    """
    keys = [snapshot.feature_key for snapshot in snapshots]
    with open_catalog(layout) as catalog:
        done = {run.trial_id for run in read_runs(catalog, trial_ids)}
        nights = read_nights(catalog, MAX_NIGHTS)
        tracks = count_new_tracks(catalog, snapshots[0], keys, genres)
    if not _has_trained(nights):
        return ""
    failed = {trial_id for night in nights for trial_id in night.facts.get("failed_trials", ())}
    n_changed = tracks.n_new + tracks.n_gone
    if set(trial_ids) - done - failed or is_enough(config, n_changed, tracks.n_known):
        return ""
    return explain_rest(config, tracks.n_new, tracks.n_gone)


def _has_trained(nights: Sequence[NightRecord]) -> bool:
    """Whether the last run that reached its training finished it.

    A run that skipped it is passed over; a killed one counts as not finished.
    """
    for night in nights:
        if night.outcome in (NightOutcome.SKIPPED, NightOutcome.RUNNING):
            continue
        outcome = next((step.outcome for step in night.steps if step.step == "train"), None)
        if outcome != NightOutcome.SKIPPED:
            return outcome == NightOutcome.FINISHED
    return False
