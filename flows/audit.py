"""Flow audit: whether the scores of a library can be trusted."""

import time

from prefect import flow

from flows.settings import Settings, read_settings
from genre_core.audit.rules import AuditConfig
from genre_core.training.tag_prior import TagTable
from storage.catalog.audits import Audit
from storage.catalog.snapshots import Snapshot
from storage.home import DataLayout
from storage.lock import hold_home
from tasks.audit import (
    audit_by_fragment,
    audit_by_song,
    audit_leave_one_source_out,
    audit_metadata,
    audit_overlap,
    audit_pretraining,
    audit_shortcuts,
    conclude_audit,
    find_audit,
    measure_sounds,
    plan_audit,
)
from tasks.publish import publish_store
from tasks.splits import resolve_snapshot


@flow
def audit(config: Settings | None = None, snapshot_id: str = "") -> Audit:
    """Run and record all checks of a snapshot.

    Without a ``config`` the settings are read where the flow runs; without a ``snapshot_id``, the
    newest snapshot of the configured library is audited.
    """
    config = config or read_settings()
    with hold_home(config.layout):
        snapshot = resolve_snapshot(config.layout, config.snapshot_choice(snapshot_id))
        audited = audit_snapshot(config.layout, snapshot, config.audit, config.tag_prior)
        publish_store(config.layout)
    return audited


def audit_snapshot(
    layout: DataLayout, snapshot: Snapshot, config: AuditConfig, tag_prior: TagTable
) -> Audit:
    """Audit the best run on the library of a snapshot, unless the same was audited before."""
    start = time.monotonic()
    measure_sounds(layout, snapshot)
    plan = plan_audit(layout, snapshot, config, tag_prior)
    if known := find_audit(layout, plan):
        return known
    checks = [
        audit_overlap(layout, plan),
        audit_by_song(layout, plan),
        audit_by_fragment(layout, plan),
        audit_shortcuts(layout, plan),
        audit_metadata(layout, plan),
        audit_leave_one_source_out(layout, plan),
        audit_pretraining(layout, plan),
    ]
    made = [check for check in checks if check]
    return conclude_audit(layout, plan, made, time.monotonic() - start)
