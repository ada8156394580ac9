"""Flow promote: the best finished run becomes the champion."""

from prefect import flow

from flows.line import LineConfig
from flows.settings import read_line_config
from storage.catalog.runs import Promotion
from storage.lock import hold_home
from tasks.export import export_champion
from tasks.publish import publish_store
from tasks.select import promote_best, promote_despite_audit


@flow
def promote(config: LineConfig | None = None, despite_audit: bool = False) -> Promotion | None:
    """Promote the best run on the newest library; give none if the champion stays.

    ``despite_audit`` overrules an audit that failed.

    Without a ``config`` the settings are read where the flow runs.
    """
    config = config or read_line_config()
    with hold_home(config.layout):
        step = promote_despite_audit if despite_audit else promote_best
        promotion = step(config.layout)
        export_champion(config.layout)
        publish_store(config.layout)
    return promotion
