"""Flow nightly: ingest, extract, train, audit, promote, map, tidy and report."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.extract import ExtractReport, extract
from flows.ingest import IngestReport, ingest
from flows.maintenance import tidy
from flows.settings import Settings, read_settings
from genre_core.errors import GenreflowError
from storage.home import DataLayout
from storage.lock import NightSkipped, hold_home, hold_night
from storage.telemetry import follow_job
from tasks.nightly import (
    NightlyRun,
    StepSkipped,
    explain_no_training,
    name_night,
    newest_snapshots,
    record_skipped,
    start_run,
)
from tasks.orchestrator import flow, get_run_logger
from tasks.publish import publish_end
from tasks.report.notify import notify_of_night, write_report
from tasks.song_map import MapReport, draw_map
from tasks.splits import usable_features

if TYPE_CHECKING:
    from flows.train import TrainReport


@dataclass(frozen=True, slots=True, kw_only=True)
class NightlyReport:
    """Reports of the flows; None for one that failed or was skipped."""

    ingested: IngestReport | None
    extracted: ExtractReport | None
    trained: "TrainReport | None"


@flow(flow_run_name=name_night)
def nightly(
    config: Settings | None = None, own: Settings | None = None
) -> NightlyReport | State[None]:
    """Ingest → extract → train → audit → promote → map → tidy → report.

    Without a ``config`` the settings are read where the flow runs; ``own`` are those of the home,
    where the ``config`` has others for once.

    A step that fails does not stop the others; the run then ends failed, and the next one resumes.
    A run ends Completed under the name Skipped if another is at work in the home, or if the
    schedule's run was due before the start of the last finished one (the machine was off).
    """
    config = config or read_settings()
    layout, choice = config.layout, config.snapshot_choice()
    try:
        with follow_job("nightly"), hold_night(layout):
            run = start_run(layout)
            ingested = run.step("ingest", lambda: ingest(config, own))
            extracted = run.step("extract", lambda: extract(config, own))
            trained = run.step("train", lambda: train_if_due(config, run, extracted))
            run.step("map", lambda: map_songs(config))
            run.step("tidy", lambda: tidy(config))
            run.end()
            excerpts = config.night.excerpts
            page = run.step("report", lambda: write_report(layout, run.night_id, choice, excerpts))
            notify_of_night(config.notify, page, run.failure_messages)
            run.end()
            publish_end(layout)
            leave_metrics(layout)
            run.raise_failure()
    except NightSkipped as skipped:
        record_skipped(layout, str(skipped))
        return Completed(name="Skipped", message=str(skipped))
    return NightlyReport(ingested=ingested, extracted=extracted, trained=trained)


def leave_metrics(layout: DataLayout) -> None:
    """Write the metrics of this run for Prometheus; a failure is logged, and fails nothing."""
    from flows.web.metrics import write_metrics  # with the templates of the page

    try:
        write_metrics(layout)
    except (OSError, GenreflowError) as error:
        get_run_logger().warning("The metrics cannot be written: %s", error)


def map_songs(config: Settings) -> MapReport:
    """Put the songs on the map that are new since the last training."""
    with hold_home(config.layout):
        return draw_map(config.layout, config.known_features)


def train_if_due(
    config: Settings, run: NightlyRun, extracted: ExtractReport | None
) -> "TrainReport":
    """Train, audit and promote, if there is a reason to and time left."""
    if extracted is None:
        raise StepSkipped("Extract failed, so nothing is trained; the champion stays.")
    require_reason(config)
    left_s = config.night.budget_s - run.seconds
    if left_s <= 0:
        raise StepSkipped(
            f"The time budget of {config.night.budget_min:g} min is spent; "
            "the next nightly run trains what is new."
        )
    from flows.train import train  # with audit and models, where there is a reason to train

    trained = train(config, left_s)
    run.facts |= {"failed_trials": list(trained.failed_trials)}
    return trained


def require_reason(config: Settings) -> None:
    """Skip the training if too little is new and all trials of the settings are trained."""
    layout, genres = config.layout, config.genres
    features = usable_features(layout, config.features, genres)
    snapshots = newest_snapshots(layout, features, genres)
    if len(snapshots) < len(features):
        return
    from flows.train import plan_trials

    trial_ids = [trial.trial_id for trial in plan_trials(config, features, snapshots)]
    if why := explain_no_training(layout, config.night, snapshots, genres, trial_ids):
        raise StepSkipped(why)
