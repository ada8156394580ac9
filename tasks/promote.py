"""Promote: a challenger that proves better takes the place of the champion, or a person's word."""

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from prefect import get_run_logger, task

from genre_core.audit.rules import Level
from genre_core.errors import GenreflowError, UsageError
from genre_core.evaluation.bootstrap import Interval
from genre_core.promotion import Decision, PromotionConfig
from storage.catalog.audits import read_last_audit
from storage.catalog.promotions import (
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
from storage.home import DataLayout
from storage.models.champion import CHAMPION, PREVIOUS, Champion
from tasks.challenge import challenger_name, evaluate_challenge
from tasks.compare import choose_winner
from tasks.predict import export_champion as export

if TYPE_CHECKING:
    from storage.models.store import Tracking


def audit_objection(layout: DataLayout, winner: Run) -> str:
    """Say why the last audit, or that there is none, stands against a promotion; empty if not."""
    audit = read_last_audit(layout, winner.snapshot_id)
    if audit is not None and audit.verdict is not Level.FAIL:
        return ""
    found, telling = f"Snapshot {winner.snapshot_id} was not audited", "looks into it"
    if audit is not None:
        failed = ", ".join(check.name for check in audit.checks if check.level is Level.FAIL)
        found = f"The audit of snapshot {winner.snapshot_id} failed ({failed})"
        telling = "tells why"
    return (
        f"{found}, so {challenger_name(winner)} does not become the champion. `genreflow audit` "
        f"{telling}; `genreflow promote --despite-audit` overrules it."
    )


def judge_promotion(
    layout: DataLayout,
    winner: Run,
    reigning: Champion | None,
    objection: str,
    config: PromotionConfig,
) -> tuple[Promotion, Decision]:
    """Judge a challenge; give it as the promotion that it would be, and what was decided."""
    decision, judged_on = evaluate_challenge(layout, winner, reigning, objection, config)
    promotion = replace(
        _change(layout, winner, 0, reigning),
        reason=decision.reason,
        judged_on=judged_on,
        n_songs=decision.n_songs,
        **_audit_columns(layout, winner.snapshot_id),
        **_columns("macro_f1", decision.challenger),
        **_columns("previous_macro_f1", decision.champion),
        **_columns("gain", decision.gain),
    )
    return promotion, decision


def record_succession(layout: DataLayout, promotion: Promotion, decision: Decision) -> Promotion:
    """Record a challenge that was won, and the promotion that it led to."""
    record_challenge(layout, as_challenge(promotion, decision))
    record_promotion(layout, promotion)
    return promotion


def as_challenge(promotion: Promotion, decision: Decision) -> Challenge:
    """Give the challenge that was judged."""
    row, names = asdict(promotion), Challenge.__dataclass_fields__.keys() - {"promoted"}
    return Challenge(promoted=decision.promote, **{name: row[name] for name in names})


def way_back(layout: DataLayout, reigning: Champion) -> Champion | None:
    """Give the champion that the last promotion of the one that reigns took the place of.

    Where its promotion was never recorded, it is the last one that was.
    """
    last, made = read_last_promotion(layout), read_promotion_of(layout, reigning.version)
    if last and last.run_id != reigning.run_id:
        return _promoted(last)
    if made is None or made.previous_version is None:
        return None
    run_id = made.previous_run_id or ""
    return Champion(version=made.previous_version, run_id=run_id, model_uri="")


def require_run(layout: DataLayout, back: Champion) -> Run:
    """Give the run of a version.

    Raises
    ------
    UsageError
        If the store does not know it.
    """
    run = read_run(layout, back.run_id)
    if run is None:
        raise UsageError(f"Version {back.version} is of no run of this store.")
    return run


def record_rollback(
    layout: DataLayout, tracking: "Tracking", back: Champion, leaving: Champion, who: str
) -> Promotion:
    """Record that a version is in use again; the champion before it comes next."""
    reason = (
        f"Version {back.version} is back in place of version {leaving.version}, rolled back by "
        f"{who or 'a person'}; only runs started from now on challenge it."
    )
    change = _change(layout, require_run(layout, back), back.version, leaving)
    promotion = replace(change, reason=reason, kind="rollback", who=who)
    record_promotion(layout, promotion)
    _mirror(layout, tracking, back)
    return promotion


def make_whole(
    layout: DataLayout, tracking: "Tracking", config: PromotionConfig, who: str
) -> Promotion | None:
    """Record what a killed process, or somebody in MLflow, has put in use without a record.

    Where the way back from the champion recorded last leads to the one in use, a rollback was
    under way.
    """
    from storage.models.registry import find_alias

    reigning, last = find_alias(tracking, CHAMPION), read_last_promotion(layout)
    run = read_run(layout, reigning.run_id) if reigning else None
    if reigning is None or run is None:
        return None
    before = _promoted(last) if last else None
    if before and before.run_id == run.run_id:
        _mirror(layout, tracking, reigning)
        return None
    back = way_back(layout, before) if before else None
    if before and back and back.version == reigning.version:
        return record_rollback(layout, tracking, reigning, before, who)
    return _record_unrecorded(layout, reigning, run, before, config, who)


def _record_unrecorded(
    layout: DataLayout,
    reigning: Champion,
    run: Run,
    before: Champion | None,
    config: PromotionConfig,
    who: str,
) -> Promotion:
    """Record a champion that is in use, with what would have been decided of it."""
    objection = audit_objection(layout, run)
    sentence = f"Version {reigning.version} was put in use without a record"
    try:
        promotion, decision = judge_promotion(layout, run, before, objection, config)
    except GenreflowError as error:
        promotion = _change(layout, run, reigning.version, before)
        reason = f"{sentence}, and could not be judged: {error}"
        record_promotion(layout, promotion := replace(promotion, who=who, reason=reason))
        return promotion
    promotion = replace(promotion, version=reigning.version, who=who)
    if not decision.promote:
        reason = f"{sentence}. It would not have been promoted: {decision.reason}"
        promotion = replace(promotion, reason=reason)
    return record_succession(layout, promotion, replace(decision, promote=True))


def _mirror(layout: DataLayout, tracking: "Tracking", reigning: Champion) -> None:
    """Let the alias ``previous`` say where the way back leads."""
    from storage.models.registry import find_alias, set_alias

    back, known = way_back(layout, reigning), find_alias(tracking, PREVIOUS)
    version = back.version if back else None
    if version != (known.version if known else None):
        set_alias(tracking, PREVIOUS, version)


def _change(layout: DataLayout, run: Run, version: int, leaving: Champion | None) -> Promotion:
    """Begin the row of a change: who comes, and who goes."""
    before = read_run(layout, leaving.run_id) if leaving else None
    return Promotion(
        version=version,
        run_id=run.run_id,
        previous_version=leaving.version if leaving else None,
        previous_run_id=leaving.run_id if leaving else None,
        snapshot_id=run.snapshot_id,
        validation_macro_f1=run.validation_macro_f1,
        previous_validation_macro_f1=before.validation_macro_f1 if before else None,
        reason="",
    )


def _promoted(promotion: Promotion) -> Champion:
    return Champion(version=promotion.version, run_id=promotion.run_id, model_uri="")


def _audit_columns(layout: DataLayout, snapshot_id: str) -> dict[str, Any]:
    audit = read_last_audit(layout, snapshot_id)
    return {"audit_id": audit.audit_id, "audit_verdict": str(audit.verdict)} if audit else {}


def _columns(name: str, interval: Interval | None) -> dict[str, Any]:
    return interval.as_columns(name) if interval else {}


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
    from storage.models.registry import find_alias
    from storage.models.store import open_tracking

    tracking = open_tracking(layout)
    if made_whole := make_whole(layout, tracking, config, who):
        return made_whole
    winner, reigning = choose_winner(layout)[0], find_alias(tracking, CHAMPION)
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
    from storage.models.registry import describe_version, register_model

    tags = {"snapshot_id": winner.snapshot_id}
    version = register_model(tracking, winner.model_uri, tags)
    describe_version(tracking, version, reason)
    return version


def _crown(tracking: "Tracking", version: int, reigning: "Champion | None") -> None:
    """Put a version in use; the one before can be found again, and nobody waits."""
    from storage.models.champion import CHALLENGER, PREVIOUS
    from storage.models.registry import set_alias, set_champion

    if reigning:
        set_alias(tracking, PREVIOUS, reigning.version)
    set_alias(tracking, CHALLENGER, None)
    set_champion(tracking, version)


def _let_wait(
    layout: DataLayout, tracking: "Tracking", promotion: Promotion, decision: Decision
) -> None:
    """Record a challenge that was not won; the challenger can be found in MLflow."""
    from storage.models.champion import CHALLENGER
    from storage.models.registry import set_alias

    record_challenge(layout, as_challenge(promotion, decision))
    set_alias(tracking, CHALLENGER, promotion.version)
    get_run_logger().warning("%s", promotion.reason)


@task
def roll_back(layout: DataLayout, who: str = "") -> Promotion:
    """Put the champion before back in use.

    A rollback that a killed process has not recorded is recorded, and goes no further back.
    Runs from before do not challenge again: the next challenger is a new training.

    Raises
    ------
    UsageError
        If there is none, or the store does not know its run; nothing has changed then.
    """
    from storage.models.registry import find_alias, set_champion
    from storage.models.store import open_tracking

    tracking = open_tracking(layout)
    made_whole = make_whole(layout, tracking, DEFAULT, who)
    if made_whole and made_whole.kind == "rollback":
        return made_whole
    reigning = find_alias(tracking, CHAMPION)
    back = way_back(layout, reigning) if reigning else None
    if reigning is None or back is None:
        raise UsageError("There is no champion before this one to go back to.")
    require_run(layout, back)
    set_champion(tracking, back.version)
    return record_rollback(layout, tracking, back, reigning, who)


@task
def export_champion(layout: DataLayout) -> bool:
    """Export the champion, unless that is done; say whether the export is there.

    A network that cannot be exported stays the champion; the log says why.
    """
    return export(layout)
