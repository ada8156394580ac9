"""Flow audit: whether the scores of a library can be trusted."""

from flows.settings import Settings, read_settings
from storage.catalog.audits import Audit
from storage.catalog.snapshots import resolve_snapshot
from storage.lock import hold_home
from storage.telemetry import follow_job
from tasks.audit import audit_snapshot
from tasks.orchestrator import flow
from tasks.publish import publish_store


@flow
def audit(config: Settings | None = None, snapshot_id: str = "") -> Audit:
    """Run and record all checks of a snapshot.

    Without a ``config`` the settings are read where the flow runs; without a ``snapshot_id``, the
    newest snapshot of the configured library is audited.
    """
    config = config or read_settings()
    with follow_job("audit"), hold_home(config.layout):
        snapshot = resolve_snapshot(config.layout, config.snapshot_choice(snapshot_id))
        audited = audit_snapshot(config.layout, snapshot, config.audit, config.tag_prior)
        publish_store(config.layout)
    return audited
