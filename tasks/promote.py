"""Promote: a challenger that proves better takes the place of the champion, or a person's word."""

from dataclasses import replace
from typing import TYPE_CHECKING

from prefect import get_run_logger, task

from genre_core.promotion import Decision, PromotionConfig
from storage.catalog.challenges import read_last_challenge, record_challenge
from storage.catalog.runs import Promotion, Run
from storage.layout import DataLayout
from tasks.select import choose_winner
from tasks.succession import (
    as_challenge,
    audit_objection,
    judge_promotion,
    make_whole,
    record_succession,
)

if TYPE_CHECKING:
    from storage.tracking.alias import Champion
    from storage.tracking.store import Tracking

DEFAULT = PromotionConfig()
OVERRULED = " Promoted despite a failed audit."
UNAUDITED = " Promoted without an audit."

NO_BETTER = "The champion stays: no run is better."


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


def explain_stay(layout: DataLayout) -> str:
    """Say why there was no promotion: what was recorded of the last challenge."""
    winner, last = choose_winner(layout)
    if last and winner.run_id == last.run_id:
        return NO_BETTER
    challenge = read_last_challenge(layout, winner.run_id, last.run_id if last else None)
    if challenge is None or challenge.promoted:
        return audit_objection(layout, winner) or NO_BETTER
    return challenge.reason


def _challenge(
    layout: DataLayout, config: PromotionConfig, who: str, *, despite_audit: bool
) -> Promotion | None:
    """Judge the winner against the champion, record it, and promote it if it proved better."""
    from storage.tracking.registry import champion
    from storage.tracking.store import open_tracking

    tracking = open_tracking(layout)
    if made_whole := make_whole(layout, tracking, config, who):
        return made_whole
    winner, reigning = choose_winner(layout)[0], champion(tracking)
    if reigning and reigning.run_id == winner.run_id:
        get_run_logger().info("the champion stays: version %s", reigning.version)
        return None
    judge = _judge_despite_audit if despite_audit else _judge
    promotion, decision = judge(layout, winner, reigning, config)
    promotion = replace(promotion, who=who, version=_register(tracking, winner, promotion.reason))
    if decision.promote:
        _crown(tracking, promotion.version, reigning)
        return record_succession(layout, promotion, decision)
    _let_wait(layout, tracking, promotion, decision)
    return None


def _judge(
    layout: DataLayout, winner: Run, reigning: "Champion | None", config: PromotionConfig
) -> tuple[Promotion, Decision]:
    return judge_promotion(layout, winner, reigning, audit_objection(layout, winner), config)


def _judge_despite_audit(
    layout: DataLayout, winner: Run, reigning: "Champion | None", config: PromotionConfig
) -> tuple[Promotion, Decision]:
    """Judge a challenge as if the audit had passed; the reason says what was overruled."""
    promotion, decision = judge_promotion(layout, winner, reigning, "", config)
    if decision.promote and audit_objection(layout, winner):
        remark = OVERRULED if promotion.audit_id else UNAUDITED
        promotion = replace(promotion, reason=promotion.reason + remark)
    return promotion, decision


def _register(tracking: "Tracking", winner: Run, reason: str) -> int:
    """Register the challenger; its page in MLflow says what was decided of it last."""
    from storage.tracking.registry import describe_version, register_run

    tags = {"snapshot_id": winner.snapshot_id}
    version = register_run(tracking, winner.run_id, winner.model_uri, tags)
    describe_version(tracking, version, reason)
    return version


def _crown(tracking: "Tracking", version: int, reigning: "Champion | None") -> None:
    """Put a version in use; the one before can be found again, and nobody waits."""
    from storage.tracking.alias import CHALLENGER, PREVIOUS
    from storage.tracking.registry import set_alias, set_champion

    if reigning:
        set_alias(tracking, PREVIOUS, reigning.version)
    set_alias(tracking, CHALLENGER, None)
    set_champion(tracking, version)


def _let_wait(
    layout: DataLayout, tracking: "Tracking", promotion: Promotion, decision: Decision
) -> None:
    """Record a challenge that was not won; the challenger can be found in MLflow."""
    from storage.tracking.alias import CHALLENGER
    from storage.tracking.registry import set_alias

    record_challenge(layout, as_challenge(promotion, decision))
    set_alias(tracking, CHALLENGER, promotion.version)
    get_run_logger().warning("%s", promotion.reason)
