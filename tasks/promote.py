"""Promote: a challenger that proves better takes the place of the champion, or a person's word."""

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from prefect import get_run_logger, task

from genre_core.audit.rules import Level
from genre_core.bootstrap import Interval
from genre_core.errors import UsageError
from genre_core.promotion import Decision, PromotionConfig
from storage.catalog.audits import Audit, read_last_audit
from storage.catalog.challenges import (
    Challenge,
    read_last_challenge,
    read_promotion_of,
    record_challenge,
)
from storage.catalog.runs import (
    Promotion,
    Run,
    read_last_promotion,
    read_run,
    record_promotion,
)
from storage.layout import DataLayout
from tasks.challenge import judge_challenge
from tasks.select import choose_winner

if TYPE_CHECKING:
    from storage.tracking.alias import Champion
    from storage.tracking.store import Tracking

DEFAULT = PromotionConfig()
OVERRULED = " Promoted despite a failed audit."


@task
def promote_best(
    layout: DataLayout, config: PromotionConfig = DEFAULT, who: str = ""
) -> Promotion | None:
    """Let the best run on the library used last challenge the champion; give none if it stays.

    Best is the highest macro F1 by song on validation; the test split is never looked at. What a
    killed process has left half done, alias without promotion, is made whole.
    """
    return _challenge(layout, config, who, despite_audit=False)


@task
def promote_despite_audit(
    layout: DataLayout, config: PromotionConfig = DEFAULT, who: str = ""
) -> Promotion | None:
    """Do as `promote_best`, whatever the audit says; the reason of the promotion records it."""
    return _challenge(layout, config, who, despite_audit=True)


@task
def roll_back(layout: DataLayout, who: str = "") -> Promotion:
    """Put the champion before back in use.

    Runs from before do not challenge again: the next challenger is a new training.

    Raises
    ------
    UsageError
        If there is none.
    """
    from storage.tracking.alias import PREVIOUS
    from storage.tracking.registry import champion, find_alias, set_champion
    from storage.tracking.store import open_tracking

    tracking = open_tracking(layout)
    _make_whole(layout, tracking, DEFAULT, who)
    reigning, previous = champion(tracking), find_alias(tracking, PREVIOUS)
    if reigning is None or previous is None or previous.version == reigning.version:
        raise UsageError("There is no champion before this one to go back to.")
    set_champion(tracking, previous.version)
    return _record_rollback(layout, tracking, previous, who)


def audit_objection(layout: DataLayout, winner: Run) -> str:
    """Say why the last audit stands against a promotion; empty if it does not."""
    audit = read_last_audit(layout, winner.snapshot_id)
    if audit is None or audit.verdict is not Level.FAIL:
        return ""
    failed = ", ".join(check.name for check in audit.checks if check.level is Level.FAIL)
    return (
        f"The audit of snapshot {winner.snapshot_id} failed ({failed}), so {winner.network} at "
        f"{winner.fragment_s:g} s does not become the champion. `genreflow audit` tells why; "
        "`genreflow promote --despite-audit` overrules it."
    )


def explain_stay(layout: DataLayout) -> str:
    """Say why there was no promotion: the audit stands against it, or no run proved better."""
    winner, last = choose_winner(layout)
    if objection := audit_objection(layout, winner):
        return objection
    challenge = read_last_challenge(layout, winner.run_id, last.run_id if last else None)
    if challenge is None or challenge.promoted or (last and winner.run_id == last.run_id):
        return "The champion stays: no run is better."
    return challenge.reason


def _challenge(
    layout: DataLayout, config: PromotionConfig, who: str, *, despite_audit: bool
) -> Promotion | None:
    """Judge the winner against the champion, record it, and promote it if it proved better."""
    from storage.tracking.alias import CHALLENGER
    from storage.tracking.registry import champion, register_run, set_alias
    from storage.tracking.store import open_tracking

    tracking = open_tracking(layout)
    if made_whole := _make_whole(layout, tracking, config, who):
        return made_whole
    winner, reigning = choose_winner(layout)[0], champion(tracking)
    if reigning and reigning.run_id == winner.run_id:
        get_run_logger().info("the champion stays: version %s", reigning.version)
        return None
    objection = audit_objection(layout, winner)
    promotion, decision = _judge(
        layout, winner, reigning, "" if despite_audit else objection, config
    )
    remark = OVERRULED if objection and despite_audit and decision.promote else ""
    promotion = replace(promotion, who=who, reason=promotion.reason + remark)
    tags = {"snapshot_id": winner.snapshot_id}
    version = register_run(tracking, winner.run_id, winner.model_uri, tags)
    if not decision.promote:
        record_challenge(layout, _as_challenge(promotion, decision))
        set_alias(tracking, CHALLENGER, version)
        get_run_logger().warning("%s", promotion.reason)
        return None
    promotion = replace(promotion, version=version)
    _crown(tracking, version, reigning)
    return _record(layout, promotion, decision)


def _crown(tracking: "Tracking", version: int, reigning: "Champion | None") -> None:
    """Put a version in use; the one before can be found again, and nobody waits."""
    from storage.tracking.alias import CHALLENGER, PREVIOUS
    from storage.tracking.registry import set_alias, set_champion

    if reigning:
        set_alias(tracking, PREVIOUS, reigning.version)
    set_alias(tracking, CHALLENGER, None)
    set_champion(tracking, version)


def _record(layout: DataLayout, promotion: Promotion, decision: Decision) -> Promotion:
    record_challenge(layout, _as_challenge(promotion, decision))
    record_promotion(layout, promotion)
    return promotion


def _make_whole(
    layout: DataLayout, tracking: "Tracking", config: PromotionConfig, who: str
) -> Promotion | None:
    """Record what a killed process, or somebody in MLflow, has put in use without a record.

    Where champion and previous are one, a rollback was under way.
    """
    from storage.tracking.alias import PREVIOUS, Champion
    from storage.tracking.registry import champion, find_alias

    reigning, last = champion(tracking), read_last_promotion(layout)
    if reigning is None or (last and last.run_id == reigning.run_id):
        return None
    previous = find_alias(tracking, PREVIOUS)
    if last and previous and previous.version == reigning.version:
        return _record_rollback(layout, tracking, reigning, who)
    run = read_run(layout, reigning.run_id)
    if run is None:
        return None
    before = None
    if last:
        before = Champion(version=last.version, run_id=last.run_id, model_uri="")
    objection = audit_objection(layout, run)
    promotion, decision = _judge(layout, run, before, objection, config)
    promotion = replace(promotion, version=reigning.version, who=who)
    if not decision.promote:
        sentence = f"Version {reigning.version} was put in use without a record. "
        promotion = replace(promotion, reason=sentence + decision.reason)
    return _record(layout, promotion, replace(decision, promote=True))


def _judge(
    layout: DataLayout,
    winner: Run,
    reigning: "Champion | None",
    objection: str,
    config: PromotionConfig,
) -> tuple[Promotion, Decision]:
    """Judge a challenge; give it as the promotion that it would be, and what was decided."""
    decision, judged_on = judge_challenge(layout, winner, reigning, objection, config)
    before = read_run(layout, reigning.run_id) if reigning else None
    audit: Audit | None = read_last_audit(layout, winner.snapshot_id)
    promotion = Promotion(
        version=0,
        run_id=winner.run_id,
        previous_version=reigning.version if reigning else None,
        previous_run_id=reigning.run_id if reigning else None,
        snapshot_id=winner.snapshot_id,
        validation_macro_f1=winner.validation_macro_f1,
        previous_validation_macro_f1=before.validation_macro_f1 if before else None,
        reason=decision.reason,
        judged_on=judged_on,
        n_songs=decision.n_songs,
        audit_id=audit.audit_id if audit else "",
        audit_verdict=str(audit.verdict) if audit else "",
        **_columns("macro_f1", decision.challenger),
        **_columns("previous_macro_f1", decision.champion),
        **_columns("gain", decision.gain),
    )
    return promotion, decision


def _columns(name: str, interval: Interval | None) -> dict[str, Any]:
    return {name: interval.value, **interval.as_metrics(name)} if interval else {}


def _as_challenge(promotion: Promotion, decision: Decision) -> Challenge:
    row, names = asdict(promotion), Challenge.__dataclass_fields__.keys() - {"promoted"}
    return Challenge(promoted=decision.promote, **{name: row[name] for name in names})


def _record_rollback(
    layout: DataLayout, tracking: "Tracking", back: "Champion", who: str
) -> Promotion:
    """Record that a version is in use again; the champion before it comes next."""
    from storage.tracking.alias import PREVIOUS
    from storage.tracking.registry import set_alias

    run, last = read_run(layout, back.run_id), read_last_promotion(layout)
    if run is None:
        raise UsageError(f"Version {back.version} is of no run of this store.")
    leaving = f"version {last.version}" if last else "nothing"
    promotion = Promotion(
        version=back.version,
        run_id=run.run_id,
        previous_version=last.version if last else None,
        previous_run_id=last.run_id if last else None,
        snapshot_id=run.snapshot_id,
        validation_macro_f1=run.validation_macro_f1,
        previous_validation_macro_f1=last.validation_macro_f1 if last else None,
        reason=(
            f"Version {back.version} is back in place of {leaving}, rolled back by "
            f"{who or 'a person'}; only runs started from now on challenge it."
        ),
        kind="rollback",
        who=who,
    )
    record_promotion(layout, promotion)
    first = read_promotion_of(layout, back.version)
    set_alias(tracking, PREVIOUS, first.previous_version if first else None)
    return promotion
