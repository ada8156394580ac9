"""Flows tidy (remove what is unused) and retry (re-queue songs that were left out)."""

from dataclasses import dataclass

from flows.extract import extract
from flows.ingest import ingest
from flows.settings import Settings, read_settings
from genre_core.records import counted
from storage.lock import hold_home
from storage.maintenance.retention import Unused
from storage.telemetry import follow_job
from tasks.maintenance import release_outcomes, tidy_store
from tasks.orchestrator import flow
from tasks.publish import publish_store


@dataclass(frozen=True, slots=True, kw_only=True)
class TidyReport:
    """What was removed."""

    removed: tuple[Unused, ...]

    @property
    def sentence(self) -> str:
        """What was removed, for people."""
        n_mib = sum(unused.n_bytes for unused in self.removed) / 2**20
        return f"Removed {counted(len(self.removed), 'unused file')}, {n_mib:.1f} MiB."


@flow
def tidy(config: Settings | None = None) -> TidyReport:
    """Remove what is unused, by the settings ``keep``; the default are those on file."""
    config = config or read_settings()
    with follow_job("tidy"), hold_home(config.layout):
        removed = tidy_store(config.layout, config.keep, config.snapshot_choice())
        publish_store(config.layout)
    return TidyReport(removed=tuple(removed))


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryReport:
    """How many songs were tried again, and all songs by outcome afterwards."""

    n_released: int
    outcomes: dict[str, int]


@flow
def retry(config: Settings | None = None, reason: str = "", source: str = "") -> RetryReport:
    """Release → ingest → extract; does nothing if no song was left out for the reason."""
    config = config or read_settings()
    config.libraries()  # refuses a home that knows no music, before songs are released
    with hold_home(config.layout):
        n_released, outcomes = release_outcomes(config.layout, reason, source)
    if n_released:
        ingest(config)
        outcomes = extract(config).outcomes
    return RetryReport(n_released=n_released, outcomes=outcomes)
