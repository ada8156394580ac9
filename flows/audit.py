"""Flow audit: can the scores of the library used last be trusted."""

import time

from prefect import flow

from flows.line import LineConfig
from flows.settings import read_line_config
from genre_core.audit.rules import AuditConfig
from storage.catalog.audits import Audit
from storage.layout import DataLayout
from storage.lock import hold_home
from tasks.audit import (
    audit_by_fragment,
    audit_by_song,
    audit_overlap,
    audit_shortcuts,
    audit_source_out,
    conclude_audit,
    find_audit,
    measure_sounds,
    plan_audit,
)
from tasks.publish import publish_store


@flow
def audit(config: LineConfig | None = None) -> Audit:
    """Overlap, random labels, shortcuts, source out; the verdict is stored.

    Without a ``config`` the settings are read where the flow runs.
    """
    config = config or read_line_config()
    with hold_home(config.layout):
        audited = audit_snapshot(config.layout, config.audit)
        publish_store(config.layout)
    return audited


def audit_snapshot(layout: DataLayout, config: AuditConfig) -> Audit:
    """Audit the snapshot of the best run; what was asked before is not asked again."""
    start = time.monotonic()
    measure_sounds(layout)
    plan = plan_audit(layout, config)
    if known := find_audit(layout, plan):
        return known
    checks = [
        audit_overlap(layout, plan),
        audit_by_song(layout, plan),
        audit_by_fragment(layout, plan),
        audit_shortcuts(layout, plan),
        audit_source_out(layout, plan),
    ]
    return conclude_audit(layout, plan, checks, time.monotonic() - start)
