"""Flow tidy: the house is kept; a step of each night."""

from dataclasses import dataclass

from prefect import flow

from flows.line import LineConfig
from flows.settings import read_line_config
from storage.lock import hold_home
from storage.tidying import Needless
from tasks.publish import publish_store
from tasks.tidy import tidy_store


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
def tidy(config: LineConfig | None = None) -> TidyReport:
    """Remove what nothing needs, as the settings ``keep`` say; give what went."""
    config = config or read_line_config()
    with hold_home(config.layout):
        gone = tidy_store(config.layout, config.keep)
        publish_store(config.layout)
    return TidyReport(gone=tuple(gone))
