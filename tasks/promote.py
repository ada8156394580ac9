"""Promote: the catalog's promotions name the champion, and MLflow's aliases mirror them."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from prefect import get_run_logger, task

from genre_core.audit.rules import Level
from genre_core.errors import UsageError
from genre_core.promotion import Decision, PromotionConfig
from storage.catalog.audits import Audit, read_last_audit
from storage.catalog.connection import open_catalog
from storage.catalog.promotions import (
    Challenge,
    Promotion,
    read_last_challenge,
    read_last_promotion,
    read_previous_version,
    record_challenge,
    record_promotion,
)
from storage.catalog.runs import Run, read_run
from storage.catalog.snapshots import Snapshot
from storage.home import DataLayout
from tasks.challenge import challenger_name, evaluate_challenge
from tasks.compare import choose_winner
from tasks.predict import export_champion as export

if TYPE_CHECKING:
    from genre_core.evaluation.bootstrap import Interval
    from storage.models.store import Tracking

DEFAULT = PromotionConfig()
OVERRULED = " Promoted despite a failed audit."
UNAUDITED = " Promoted without an audit."
NO_BETTER = "The champion stays: no run is better."


@task
def promote_best(
    layout: DataLayout,
    snapshot: Snapshot,
    config: PromotionConfig = DEFAULT,
    who: str = "",
    *,
    despite_audit: bool = False,
) -> Promotion | None:
    """Promote the best run on the library of a snapshot if it proves better than the champion.

    Best is the highest macro F1 by song on validation; the test split is never used. None if the
    champion stays; `explain_rejection` says why. ``despite_audit`` overrules the audit, and the
    reason of the promotion records it.
    """
    from storage.models.champion import CHALLENGER
    from storage.models.registry import set_alias
    from storage.models.store import open_tracking

    tracking = open_tracking(layout)
    mirror_aliases(layout, tracking)
    winner, champion = choose_winner(layout, snapshot.library_id)
    if winner is None:
        raise UsageError("There is no finished run to promote. Run `genreflow train` first.")
    if champion and champion.run_id == winner.run_id:
        get_run_logger().info("the champion stays: version %s", champion.version)
        return None
    promotion, decision = _evaluate(layout, winner, champion, config, despite_audit)
    promotion = replace(promotion, who=who, version=_register(tracking, winner, promotion.reason))
    with open_catalog(layout) as catalog:
        record_challenge(catalog, _as_challenge(promotion, decision))
        if decision.promote:
            record_promotion(catalog, promotion)
    if decision.promote:
        mirror_aliases(layout, tracking)
        set_alias(tracking, CHALLENGER, None)
        return promotion
    set_alias(tracking, CHALLENGER, promotion.version)
    get_run_logger().warning("%s", promotion.reason)
    return None


@task
def promote_version(
    layout: DataLayout, version: int, who: str = "", *, despite_audit: bool = False
) -> Promotion:
    """Promote a registered version that a person has chosen.

    Runs that exist by now do not challenge it: the next challenger is a new training.

    Raises
    ------
    UsageError
        If there is no such version or run, it is the champion, or its audit failed and
        ``despite_audit`` is not set; nothing has changed then.
    """
    from storage.models.registry import find_version
    from storage.models.store import open_tracking

    tracking = open_tracking(layout)
    found = find_version(tracking, version)
    with open_catalog(layout) as catalog:
        champion = read_last_promotion(catalog)
        run = read_run(catalog, found.run_id) if found else None
        audit = read_last_audit(catalog, run.snapshot_id) if run else None
    if run is None:
        raise UsageError(f"There is no version {version} of a run of {layout.home}.")
    if champion and champion.version == version:
        raise UsageError(f"Version {version} is the champion already.")
    objection = audit_objection(run, audit)
    if objection and not despite_audit:
        raise UsageError(objection)
    reason = f"Version {version} was promoted by {who or 'a person'}.{_remark(objection, audit)}"
    change = replace(_change(layout, run, version, champion), reason=reason, kind="manual", who=who)
    return _record_choice(layout, tracking, change)


@task
def roll_back(layout: DataLayout, who: str = "") -> Promotion:
    """Bring the previous champion back.

    Runs that exist by now do not challenge it: the next challenger is a new training.

    Raises
    ------
    UsageError
        If there is none, or the store does not have its run; nothing has changed then.
    """
    from storage.models.store import open_tracking

    tracking = open_tracking(layout)
    with open_catalog(layout) as catalog:
        champion = read_last_promotion(catalog)
        previous = read_previous_version(catalog, champion) if champion else None
        run = read_run(catalog, previous[1]) if previous else None
    if champion is None or previous is None:
        raise UsageError("There is no previous champion to roll back to.")
    if run is None:
        raise UsageError(f"The run of version {previous[0]} is not in {layout.home}.")
    reason = (
        f"Version {previous[0]} is back in place of version {champion.version}, rolled back by "
        f"{who or 'a person'}; only runs started from now on challenge it."
    )
    change = replace(
        _change(layout, run, previous[0], champion), reason=reason, kind="rollback", who=who
    )
    return _record_choice(layout, tracking, change)


@task
def export_champion(layout: DataLayout) -> bool:
    """Export the champion, unless that is done; return whether the export is there.

    A model that cannot be exported stays the champion; the log says why.
    """
    return export(layout)


def mirror_aliases(layout: DataLayout, tracking: Tracking) -> None:
    """Point the aliases ``champion`` and ``previous`` to what the catalog's promotions say."""
    from storage.models.champion import CHAMPION, PREVIOUS
    from storage.models.registry import find_alias, set_alias

    with open_catalog(layout) as catalog:
        champion = read_last_promotion(catalog)
        previous = read_previous_version(catalog, champion) if champion else None
    wanted = {
        CHAMPION: champion.version if champion else None,
        PREVIOUS: previous[0] if previous else None,
    }
    for alias, version in wanted.items():
        found = find_alias(tracking, alias)
        if version != (found.version if found else None):
            set_alias(tracking, alias, version)


def audit_objection(run: Run, audit: Audit | None) -> str:
    """Why the audit of its snapshot stops the promotion of a run; empty if it does not."""
    if audit is not None and audit.verdict is not Level.FAIL:
        return ""
    found, hint = f"Snapshot {run.snapshot_id} was not audited", "Run `genreflow audit`"
    if audit is not None:
        failed = ", ".join(check.name for check in audit.checks if check.level is Level.FAIL)
        found = f"The audit of snapshot {run.snapshot_id} failed ({failed})"
        hint = "See `genreflow audit`"
    return (
        f"{found}, so {challenger_name(run)} is not promoted. {hint}; "
        "`genreflow promote --despite-audit` overrules it."
    )


def explain_rejection(layout: DataLayout, snapshot: Snapshot) -> str:
    """Why `promote_best` promoted nothing: the reason of the last challenge."""
    winner, champion = choose_winner(layout, snapshot.library_id)
    if winner is None or (champion and winner.run_id == champion.run_id):
        return NO_BETTER
    with open_catalog(layout) as catalog:
        challenge = read_last_challenge(
            catalog, winner.run_id, champion.run_id if champion else None
        )
        audit = read_last_audit(catalog, winner.snapshot_id)
    if challenge is None or challenge.promoted:
        return audit_objection(winner, audit) or NO_BETTER
    return challenge.reason


def _evaluate(
    layout: DataLayout,
    winner: Run,
    champion: Promotion | None,
    config: PromotionConfig,
    despite_audit: bool,
) -> tuple[Promotion, Decision]:
    """Return the promotion that the challenge would lead to, and the decision."""
    with open_catalog(layout) as catalog:
        audit = read_last_audit(catalog, winner.snapshot_id)
    objection = audit_objection(winner, audit)
    decision, judged_on = evaluate_challenge(
        layout, winner, champion, "" if despite_audit else objection, config
    )
    remark = _remark(objection, audit) if decision.promote else ""
    promotion = replace(
        _change(layout, winner, 0, champion),
        reason=decision.reason + remark,
        judged_on=judged_on,
        n_songs=decision.n_songs,
        audit_id=audit.audit_id if audit else "",
        audit_verdict=str(audit.verdict) if audit else "",
        **_columns("macro_f1", decision.challenger),
        **_columns("previous_macro_f1", decision.champion),
        **_columns("gain", decision.gain),
    )
    return promotion, decision


def _remark(objection: str, audit: Audit | None) -> str:
    if not objection:
        return ""
    return OVERRULED if audit else UNAUDITED


def _register(tracking: Tracking, winner: Run, reason: str) -> int:
    """Register the challenger; its page in MLflow shows the last decision."""
    from storage.models.registry import describe_version, register_model

    tags = {"snapshot_id": winner.snapshot_id}
    version = register_model(tracking, winner.model_uri, tags)
    describe_version(tracking, version, reason)
    return version


def _record_choice(layout: DataLayout, tracking: Tracking, change: Promotion) -> Promotion:
    """Record a change by a person, and mirror it in MLflow."""
    with open_catalog(layout) as catalog:
        record_promotion(catalog, change)
    mirror_aliases(layout, tracking)
    return change


def _change(layout: DataLayout, run: Run, version: int, champion: Promotion | None) -> Promotion:
    """Return the row of a change of champion, but for its reason and scores."""
    with open_catalog(layout) as catalog:
        before = read_run(catalog, champion.run_id) if champion else None
    return Promotion(
        version=version,
        run_id=run.run_id,
        previous_version=champion.version if champion else None,
        previous_run_id=champion.run_id if champion else None,
        snapshot_id=run.snapshot_id,
        validation_macro_f1=run.validation_macro_f1,
        previous_validation_macro_f1=before.validation_macro_f1 if before else None,
        reason="",
    )


def _as_challenge(promotion: Promotion, decision: Decision) -> Challenge:
    row, names = asdict(promotion), Challenge.__dataclass_fields__.keys() - {"promoted"}
    return Challenge(promoted=decision.promote, **{name: row[name] for name in names})


def _columns(name: str, interval: Interval | None) -> dict[str, Any]:
    return interval.as_columns(name) if interval else {}
