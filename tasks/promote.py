"""Promote: the catalog's promotions name the champion, and MLflow's aliases mirror them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from genre_core.audit.rules import Level
from genre_core.errors import UsageError
from genre_core.promotion import Decision, PromotionConfig
from storage.catalog.audits import Audit, read_last_audit
from storage.catalog.connection import open_catalog
from storage.catalog.promotions import (
    Challenge,
    Promotion,
    read_challenger_version,
    read_last_challenge,
    read_last_promotion,
    read_previous_version,
    record_challenge,
    record_promotion,
    require_replaced,
)
from storage.catalog.runs import Run, read_run
from storage.catalog.snapshots import Snapshot
from storage.home import DataLayout
from storage.models.champion import no_version
from tasks.challenge import Setting, challenger_name, choose_setting, evaluate_challenge
from tasks.champion import export_champion as export
from tasks.compare import choose_winner
from tasks.orchestrator import get_run_logger, task

if TYPE_CHECKING:
    from storage.catalog.connection import Catalog
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
    actor: str = "",
    *,
    despite_audit: bool = False,
) -> Promotion | None:
    """Promote the best run on the library of a snapshot if it proves better than the champion.

    Best is the highest macro F1 by song on validation; the test split is never used. None if the
    champion stays; see `explain_rejection`. ``despite_audit`` overrules the audit, and the
    reason of the promotion records it.
    """
    from storage.models.registry import describe_version, register_model
    from storage.models.store import open_tracking

    tracking, setting = open_tracking(layout), None
    with open_catalog(layout) as catalog:
        aliases = _read_aliases(catalog)
        winner, champion = choose_winner(catalog, snapshot.library_id)
        if winner is None:
            raise UsageError("There is no finished run to promote. Run `genreflow train` first.")
        if champion is None or champion.run_id != winner.run_id:
            audit = read_last_audit(catalog, winner.snapshot_id)
            setting = choose_setting(catalog, winner, champion)
    _mirror_aliases(tracking, aliases)
    if setting is None:
        get_run_logger().info("the champion stays: version %s", champion and champion.version)
        return None
    objection = audit_objection(winner, audit)
    decision = evaluate_challenge(layout, setting, "" if despite_audit else objection, config)
    promotion = _as_promotion(setting, decision, audit, objection, actor)
    version = register_model(tracking, winner.model_uri, {"snapshot_id": winner.snapshot_id})
    describe_version(tracking, version, promotion.reason)
    promotion = replace(promotion, version=version)
    with open_catalog(layout) as catalog:
        record_challenge(catalog, _as_challenge(promotion, decision))
        if decision.promote:
            record_promotion(catalog, promotion)
        aliases = _read_aliases(catalog)
    _mirror_aliases(tracking, aliases)
    if not decision.promote:
        get_run_logger().warning("%s", promotion.reason)
        return None
    return promotion


@task
def promote_version(
    layout: DataLayout, version: int, actor: str = "", *, despite_audit: bool = False
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
        if run is None:
            raise no_version(layout, version)
        if champion and champion.version == version:
            raise UsageError(f"Version {version} is the champion already.")
        audit = read_last_audit(catalog, run.snapshot_id)
        objection = audit_objection(run, audit)
        if objection and not despite_audit:
            raise UsageError(objection)
        former = read_run(catalog, champion.run_id) if champion else None
        change = replace(
            _change(run, version, champion, former),
            reason=f"Version {version} was promoted by {actor or 'a person'}."
            f"{_remark(objection, audit)}",
            kind="manual",
            who=actor,
        )
        record_promotion(catalog, change)
        aliases = _read_aliases(catalog)
    _mirror_aliases(tracking, aliases)
    return change


@task
def roll_back(layout: DataLayout, actor: str = "") -> Promotion:
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
        champion, (version, run_id) = require_replaced(catalog)
        run = read_run(catalog, run_id)
        if run is None:
            raise UsageError(f"The run of version {version} is not in {layout.home}.")
        change = replace(
            _change(run, version, champion, read_run(catalog, champion.run_id)),
            reason=f"Version {version} is back in place of version {champion.version}, rolled back "
            f"by {actor or 'a person'}; only runs started from now on challenge it.",
            kind="rollback",
            who=actor,
        )
        record_promotion(catalog, change)
        aliases = _read_aliases(catalog)
    _mirror_aliases(tracking, aliases)
    return change


@task
def export_champion(layout: DataLayout) -> bool:
    """Export the champion, unless that is done; return whether the export is there.

    A model that cannot be exported stays the champion; the reason is logged.
    """
    return export(layout)


def explain_rejection(layout: DataLayout, snapshot: Snapshot) -> str:
    """Why `promote_best` promoted nothing: the reason of the last challenge."""
    with open_catalog(layout) as catalog:
        winner, champion = choose_winner(catalog, snapshot.library_id)
        if winner is None or (champion and winner.run_id == champion.run_id):
            return NO_BETTER
        former_id = champion.run_id if champion else None
        challenge = read_last_challenge(catalog, winner.run_id, former_id)
        if challenge and not challenge.promoted:
            return challenge.reason
        audit = read_last_audit(catalog, winner.snapshot_id)
    return audit_objection(winner, audit) or NO_BETTER


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


def _read_aliases(catalog: Catalog) -> dict[str, int | None]:
    """Return the versions that the aliases of the registry must name."""
    from storage.models.champion import CHALLENGER, CHAMPION, PREVIOUS

    champion = read_last_promotion(catalog)
    previous = read_previous_version(catalog, champion) if champion else None
    return {
        CHAMPION: champion.version if champion else None,
        CHALLENGER: read_challenger_version(catalog),
        PREVIOUS: previous[0] if previous else None,
    }


def _mirror_aliases(tracking: Tracking, aliases: Mapping[str, int | None]) -> None:
    """Point the aliases to the versions that the catalog names."""
    from storage.models.registry import find_alias, set_alias

    for alias, version in aliases.items():
        found = find_alias(tracking, alias)
        if version != (found.version if found else None):
            set_alias(tracking, alias, version)


def _as_promotion(
    setting: Setting, decision: Decision, audit: Audit | None, objection: str, actor: str
) -> Promotion:
    """Return the promotion that a challenge leads to, but for its version."""
    remark = _remark(objection, audit) if decision.promote else ""
    return replace(
        _change(setting.challenger, 0, setting.champion, setting.former),
        reason=decision.reason + remark,
        who=actor,
        judged_on=setting.song_set,
        audit_id=audit.audit_id if audit else "",
        audit_verdict=str(audit.verdict) if audit else "",
        **decision.as_columns(),
    )


def _remark(objection: str, audit: Audit | None) -> str:
    if not objection:
        return ""
    return OVERRULED if audit else UNAUDITED


def _change(run: Run, version: int, champion: Promotion | None, former: Run | None) -> Promotion:
    """Return the row of a change of champion, but for its reason and scores."""
    return Promotion(
        version=version,
        run_id=run.run_id,
        previous_version=champion.version if champion else None,
        previous_run_id=champion.run_id if champion else None,
        snapshot_id=run.snapshot_id,
        validation_macro_f1=run.validation_macro_f1,
        previous_validation_macro_f1=former.validation_macro_f1 if former else None,
        reason="",
    )


def _as_challenge(promotion: Promotion, decision: Decision) -> Challenge:
    row, names = asdict(promotion), Challenge.__dataclass_fields__.keys() - {"promoted"}
    return Challenge(promoted=decision.promote, **{name: row[name] for name in names})
