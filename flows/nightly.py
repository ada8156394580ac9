"""Flow nightly: the whole line, from songs to a champion."""

from dataclasses import dataclass
from datetime import UTC, datetime

from prefect import flow

from flows.extract import ExtractReport, extract
from flows.ingest import IngestReport, ingest
from flows.line import LineConfig
from flows.settings import read_line_config
from flows.train import TrainReport, train
from storage.lock import hold_night
from tasks.notify import notify_of_night, write_morning_page
from tasks.report import report_night


@dataclass(frozen=True, slots=True, kw_only=True)
class NightlyReport:
    """What each flow of the line reports."""

    ingested: IngestReport
    extracted: ExtractReport
    trained: TrainReport


@flow
def nightly(config: LineConfig | None = None) -> NightlyReport:
    """Ingest → extract → train → audit → promote → report.

    Without a ``config`` the settings are read where the flow runs.
    """
    config = config or read_line_config()
    started_at = datetime.now(UTC)
    with hold_night(config.layout):
        ingested = ingest(config)
        extracted = extract(config)
        trained = train(config)
    report_night(
        extracted.outcomes,
        extracted.n_examples,
        trained.runs,
        trained.promotion,
        trained.audit,
    )
    page = write_morning_page(config.layout, "", started_at)
    notify_of_night(config.notify, page)
    return NightlyReport(ingested=ingested, extracted=extracted, trained=trained)
