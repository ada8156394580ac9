"""Flow promote: the best run challenges the champion, or a person chooses a version."""

from flows.settings import Settings, read_settings
from storage.catalog.promotions import Promotion
from storage.catalog.snapshots import resolve_snapshot
from storage.lock import hold_home
from storage.telemetry import follow_job
from tasks.nightly import read_trigger
from tasks.orchestrator import flow
from tasks.predict_unlabelled import predict_unlabelled
from tasks.promote import export_champion, promote_best, promote_version, roll_back
from tasks.publish import publish_store


@flow
def promote(
    config: Settings | None = None,
    despite_audit: bool = False,
    rollback: bool = False,
    version: int | None = None,
    snapshot_id: str = "",
) -> Promotion | None:
    """Promote the best run on a library; None if the champion stays.

    ``rollback`` brings the previous champion back, ``version`` promotes that version, and
    ``despite_audit`` overrules an audit that failed or was never made. Without a ``config`` the
    settings are read where the flow runs; without a ``snapshot_id``, the library is that of the
    newest snapshot of the configured library.
    """
    config = config or read_settings()
    layout, who = config.layout, read_trigger().triggered_by
    with follow_job("promote"), hold_home(layout):
        promotion: Promotion | None
        if rollback:
            promotion = roll_back(layout, who)
        elif version is not None:
            promotion = promote_version(layout, version, who, despite_audit=despite_audit)
        else:
            snapshot = resolve_snapshot(layout, config.snapshot_choice(snapshot_id))
            promotion = promote_best(
                layout, snapshot, config.promotion, who, despite_audit=despite_audit
            )
        export_champion(layout)
        predict_unlabelled(layout)
        publish_store(layout)
    return promotion
