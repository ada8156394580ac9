"""Flow retry: songs that were left out are tried again."""

from dataclasses import dataclass

from prefect import flow

from flows.extract import extract
from flows.ingest import ingest
from flows.line import LineConfig
from flows.settings import read_line_config
from storage.catalog.songs import count_outcomes
from storage.lock import hold_home
from tasks.retry import release_outcomes


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryReport:
    """How many songs were tried again, and how all songs stand since."""

    n_released: int
    outcomes: dict[str, int]


@flow
def retry(config: LineConfig | None = None, reason: str = "", source: str = "") -> RetryReport:
    """Release → ingest → extract; if no song was left out so, nothing is done.

    Without a ``config`` the settings are read where the flow runs.
    """
    config = config or read_line_config()
    config.require_music()
    with hold_home(config.layout):
        n_released = release_outcomes(config.layout, reason, source)
    if not n_released:
        return RetryReport(n_released=0, outcomes=count_outcomes(config.layout))
    ingest(config)
    return RetryReport(n_released=n_released, outcomes=extract(config).outcomes)
