"""Audits among the runs: a run of its own, and a tag on the comparison that it judges."""

from genre_core.audit.rules import Check
from storage.catalog.audits import Audit
from storage.models.runs import audit_run, log_json, log_scores
from storage.models.store import Tracking


def log_audit(tracking: Tracking, audit: Audit, comparison_id: str) -> str:
    """Log an audit as a run of kind ``audit``; give its id.

    The comparison, if one is named, gets the tags ``audit`` and ``audit_run_id``.
    """
    tags = {"snapshot_id": audit.snapshot_id, "audited_run_id": audit.run_id}
    with audit_run(tracking, {**tags, "audit": str(audit.verdict)}) as run_id:
        log_scores(tracking, run_id, _metrics(audit))
        document = {
            "verdict": str(audit.verdict),
            "settings": audit.settings,
            "checks": [
                {**check.as_row(), "details": dict(check.details)} for check in audit.checks
            ],
        }
        log_json(tracking, run_id, document, "audit")
    if comparison_id:
        tracking.client.set_tag(comparison_id, "audit", str(audit.verdict))
        tracking.client.set_tag(comparison_id, "audit_run_id", run_id)
    return run_id


def _metrics(audit: Audit) -> dict[str, float]:
    return {
        f"audit_{check.name}{ending}": number
        for check in audit.checks
        for ending, number in _numbers(check).items()
        if number is not None
    }


def _numbers(check: Check) -> dict[str, float | None]:
    found = check.interval
    low, high = (found.low, found.high) if found else (None, None)
    return {"": check.value, "_low": low, "_high": high, "_chance": check.chance}
