"""Flow promote: the best finished run becomes the champion."""

from prefect import flow

from flows.line import LineConfig
from storage.catalog.runs import Promotion
from tasks.publish import publish_store
from tasks.select import promote_best


@flow
def promote(config: LineConfig) -> Promotion | None:
    """Promote the best run on the newest library; give none if the champion stays."""
    promotion = promote_best(config.layout)
    publish_store(config.layout)
    return promotion
