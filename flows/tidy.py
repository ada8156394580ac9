"""Flow tidy: the house is kept; a step that a night can call."""

from prefect import flow

from flows.line import LineConfig
from flows.settings import read_line_config
from storage.lock import hold_home
from storage.tidying import Needless
from tasks.publish import publish_store
from tasks.tidy import tidy_store


@flow
def tidy(config: LineConfig | None = None) -> list[Needless]:
    """Remove what nothing needs, as the settings ``keep`` say; give what went."""
    config = config or read_line_config()
    with hold_home(config.layout):
        gone = tidy_store(config.layout, config.keep)
        publish_store(config.layout)
    return gone
