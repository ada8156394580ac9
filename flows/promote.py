"""Flow promote: the best finished run challenges the champion, or the one before comes back."""

from prefect import flow

from flows.settings import Settings, read_settings
from flows.who import who_asks
from storage.catalog.runs import Promotion
from storage.lock import hold_home
from tasks.predict_unlabelled import predict_unlabelled
from tasks.promote import export_champion, promote_best, promote_despite_audit, roll_back
from tasks.publish import publish_store


@flow
def promote(
    config: Settings | None = None, despite_audit: bool = False, rollback: bool = False
) -> Promotion | None:
    """Promote the best run on the newest library; give none if the champion stays.

    ``despite_audit`` overrules an audit that failed or was never made; ``rollback`` puts the
    champion before back.

    Without a ``config`` the settings are read where the flow runs.
    """
    config = config or read_settings()
    with hold_home(config.layout):
        promotion: Promotion | None
        if rollback:
            promotion = roll_back(config.layout, who_asks())
        else:
            step = promote_despite_audit if despite_audit else promote_best
            promotion = step(config.layout, config.promotion, who_asks())
        export_champion(config.layout)
        predict_unlabelled(config.layout)
        publish_store(config.layout)
    return promotion
