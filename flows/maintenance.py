"""Flow retry: songs that were left out are tried again."""

from dataclasses import dataclass

from prefect import flow

from flows.extract import extract
from flows.ingest import ingest
from flows.settings import Settings, read_settings
from storage.catalog.connection import open_catalog
from storage.catalog.songs import count_outcomes
from storage.lock import hold_home
from storage.maintenance.retention import Needless
from tasks.maintenance import release_outcomes, tidy_store
from tasks.publish import publish_store


@dataclass(frozen=True, slots=True, kw_only=True)
class TidyReport:
    """What went."""

    gone: tuple[Needless, ...]

    @property
    def sentence(self) -> str:
        """What went, for people."""
        n_mib = sum(thing.n_bytes for thing in self.gone) / 2**20
        return f"{len(self.gone)} things that nothing needs went, {n_mib:.1f} MiB."


@flow
def tidy(config: Settings | None = None) -> TidyReport:
    """Remove what nothing needs, as the settings ``keep`` say; give what went."""
    config = config or read_settings()
    with hold_home(config.layout):
        gone = tidy_store(config.layout, config.keep)
        publish_store(config.layout)
    return TidyReport(gone=tuple(gone))


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryReport:
    """How many songs were tried again, and how all songs stand since."""

    n_released: int
    outcomes: dict[str, int]


@flow
def retry(config: Settings | None = None, reason: str = "", source: str = "") -> RetryReport:
    """Release → ingest → extract; if no song was left out so, nothing is done.

    Without a ``config`` the settings are read where the flow runs.
    """
    config = config or read_settings()
    config.require_music()
    with hold_home(config.layout):
        n_released = release_outcomes(config.layout, reason, source)
    if not n_released:
        with open_catalog(config.layout) as catalog:
            return RetryReport(n_released=0, outcomes=count_outcomes(catalog))
    ingest(config)
    return RetryReport(n_released=n_released, outcomes=extract(config).outcomes)
