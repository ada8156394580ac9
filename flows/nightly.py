"""Flow nightly: the whole line, from songs to a champion."""

from dataclasses import dataclass

from prefect import flow
from prefect.client.schemas.objects import State

from flows.extract import ExtractReport, extract
from flows.ingest import IngestReport, ingest
from flows.line import LineConfig
from flows.night import Night, StepSkipped, begin_night, skipped_state
from flows.settings import read_line_config
from flows.tidy import tidy
from flows.train import TrainReport, plan_cells, train
from storage.catalog.newcomers import read_newest_snapshots
from storage.lock import NightSkipped, hold_night
from tasks.due import explain_no_training
from tasks.notify import notify_of_night, write_morning_page
from tasks.publish import publish_store
from tasks.spectrograms import key_features
from tasks.splits import usable_features


@dataclass(frozen=True, slots=True, kw_only=True)
class NightlyReport:
    """What each flow of the line reports; ``trained`` is missing where there was no reason to."""

    ingested: IngestReport | None
    extracted: ExtractReport | None
    trained: TrainReport | None


@flow
def nightly(config: LineConfig | None = None) -> NightlyReport | State[None]:
    """Ingest → extract → train → audit → promote → tidy → report.

    Without a ``config`` the settings are read where the flow runs.

    One night is under way in a home at a time: a second is skipped. A machine that was off for
    three nights makes up for one: a scheduled night whose time lies before the start of the last
    finished one is skipped, for that one has taken all that was new. A step that fails leaves
    the others to go on with what is there; the night then ends failed, and the next one takes up
    what is left. A skipped night ends Completed, under the name Skipped.
    """
    config = config or read_line_config()
    try:
        with hold_night(config.layout):
            night = begin_night(config.layout)
            ingested = night.step("ingest", lambda: ingest(config))
            extracted = night.step("extract", lambda: extract(config))
            trained = night.step("train", lambda: train_what_is_new(config, night, extracted))
            night.step("tidy", lambda: tidy(config))
            night.end()
            page = night.step("report", lambda: write_morning_page(config.layout, night.night_id))
            notify_of_night(config.notify, page)
            night.end()
            publish_store(config.layout)
            night.tell_failure()
    except NightSkipped as skipped:
        return skipped_state(config.layout, skipped)
    return NightlyReport(ingested=ingested, extracted=extracted, trained=trained)


def train_what_is_new(
    config: LineConfig, night: Night, extracted: ExtractReport | None
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


def require_reason(config: LineConfig) -> None:
    """Skip the training if too little has come, and all that the settings ask for is trained."""
    features = usable_features(config.layout, config.features, config.genres)
    snapshots = read_newest_snapshots(config.layout, list(key_features(features)))
    if len(snapshots) < len(features):
        return
    cell_ids = [cell.cell_id for cell in plan_cells(config, features, snapshots)]
    sentence = explain_no_training(config.layout, config.night, snapshots, config.genres, cell_ids)
    if sentence:
        raise StepSkipped(sentence)
