"""Compare and promote: validation chooses, the test split only reports."""

from collections.abc import Sequence
from dataclasses import replace

from prefect import get_run_logger, task
from prefect.artifacts import create_table_artifact

from genre_core.audit.rules import Level
from genre_core.errors import GenreflowError, UsageError
from genre_core.figures.comparison import ComparedGroup, draw_comparison
from storage.catalog.audits import read_last_audit
from storage.catalog.judged import read_judged
from storage.catalog.runs import (
    Promotion,
    Run,
    read_comparable_runs,
    read_last_promotion,
    read_run_ids,
    read_runs,
    record_promotion,
)
from storage.layout import DataLayout
from tasks.comparison import Comparison, RunGroup, compare_groups
from tasks.tracked import open_tracked
from tasks.train import Cell


@task
def close_killed_runs(layout: DataLayout) -> None:
    """Close in MLflow what a killed process left open, or finished without recording it."""
    from storage.tracking.runs import close_abandoned
    from storage.tracking.store import open_tracking

    close_abandoned(open_tracking(layout), read_run_ids(layout))


@task
def open_comparison(layout: DataLayout, cells: Sequence[Cell]) -> str:
    """Open the parent run of a comparison in MLflow."""
    from storage.tracking.runs import start_comparison

    tracking = open_tracked(layout)
    networks = sorted({cell.network for cell in cells})
    lengths = sorted({cell.features.fragment_s for cell in cells})
    name = f"{', '.join(networks)} × {', '.join(f'{length:g} s' for length in lengths)}"
    return start_comparison(tracking, name, {"library_id": cells[0].snapshot.library_id})


@task
def finished_runs(layout: DataLayout, cells: Sequence[Cell]) -> list[Run]:
    """Give the runs of these cells, as many as have finished."""
    return read_runs(layout, [cell.cell_id for cell in cells])


@task
def compare_runs(layout: DataLayout, comparison_id: str, runs: Sequence[Run]) -> None:
    """Draw and list the runs side by side, seeds averaged, in MLflow and as a table in Prefect."""
    from storage.tracking.runs import fail_run, finish_run, log_figure, log_json, log_scores
    from storage.tracking.store import open_tracking

    tracking = open_tracking(layout)
    if not runs:
        failure = GenreflowError("No network could be trained; the log says why.")
        fail_run(tracking, comparison_id, failure)
        raise failure
    comparison = compare_groups(
        [run.as_row() for run in runs], read_judged(layout, [run.run_id for run in runs])
    )
    figure = draw_comparison([drawn_group(group, runs) for group in comparison.groups])
    log_figure(tracking, comparison_id, figure, "comparison")
    log_json(tracking, comparison_id, comparison.as_document(), "comparison")
    chosen = {"best_validation_song_mean_macro_f1": best(runs).validation_macro_f1}
    log_scores(tracking, comparison_id, chosen)
    finish_run(tracking, comparison_id)
    create_table_artifact(key="comparison", table=_table(comparison))


@task
def promote_best(layout: DataLayout) -> Promotion | None:
    """Make the best run on the library used last the champion; give none if it stays.

    Best is the highest macro F1 by song on validation; the test split is never looked at.
    What a killed process has left half done, alias without promotion, is made whole. A run whose
    snapshot failed its last audit is not promoted.
    """
    winner, _ = choose_winner(layout)
    if objection := audit_objection(layout, winner):
        get_run_logger().warning("%s", objection)
        return None
    return _promote(layout, "")


@task
def promote_despite_audit(layout: DataLayout) -> Promotion | None:
    """Do as `promote_best`, whatever the audit says; the reason of the promotion records it."""
    winner, _ = choose_winner(layout)
    overruled = bool(audit_objection(layout, winner))
    return _promote(layout, " Promoted despite a failed audit." if overruled else "")


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
    """Say why there was no promotion: the audit stands against it, or no run is better."""
    winner, _ = choose_winner(layout)
    return audit_objection(layout, winner) or "The champion stays: no run is better."


def _promote(layout: DataLayout, remark: str) -> Promotion | None:
    """Put the winner in use and record it, unless it reigns already."""
    from storage.tracking.registry import champion, register_run, set_champion
    from storage.tracking.store import open_tracking

    winner, last = choose_winner(layout)
    tracking = open_tracking(layout)
    tags = {"snapshot_id": winner.snapshot_id}
    version = register_run(tracking, winner.run_id, winner.model_uri, tags)
    reigning = champion(tracking)
    if last and reigning and last.version == reigning.version == version:
        get_run_logger().info("the champion stays: version %s", version)
        return None
    set_champion(tracking, version)
    promotion = _promotion(layout, version, winner, last)
    promotion = replace(promotion, reason=promotion.reason + remark)
    record_promotion(layout, promotion)
    return promotion


def choose_winner(layout: DataLayout) -> tuple[Run, Promotion | None]:
    """Choose the winner among comparable runs; of equals, the one that reigns stays."""
    runs = read_comparable_runs(layout)
    if not runs:
        raise UsageError("There is no finished run to promote. Run `genreflow train` first.")
    last = read_last_promotion(layout)
    return best(sorted(runs, key=lambda run: not (last and run.run_id == last.run_id))), last


def _promotion(layout: DataLayout, version: int, winner: Run, last: Promotion | None) -> Promotion:
    return Promotion(
        version=version,
        run_id=winner.run_id,
        previous_version=last.version if last else None,
        previous_run_id=last.run_id if last else None,
        snapshot_id=winner.snapshot_id,
        validation_macro_f1=winner.validation_macro_f1,
        previous_validation_macro_f1=last.validation_macro_f1 if last else None,
        reason=_reason(winner, last, read_comparable_runs(layout)),
    )


def best(runs: Sequence[Run]) -> Run:
    """Give the run with the highest validation macro F1; then accuracy, then the smaller one."""
    return max(runs, key=lambda r: (r.validation_macro_f1, r.validation_accuracy, -r.n_parameters))


def _reason(winner: Run, last: Promotion | None, runs: Sequence[Run]) -> str:
    sentence = (
        f"{winner.network} at {winner.fragment_s:g} s has the best validation macro F1 by song "
        f"of {len(runs)} runs: {winner.validation_macro_f1:.3f}"
    )
    if last is None:
        return f"{sentence}; there was no champion."
    if last.run_id not in {run.run_id for run in runs}:
        return f"{sentence}; the champion before it knew another library."
    return f"{sentence}, before {last.validation_macro_f1:.3f} of version {last.version}."


def drawn_group(group: RunGroup, runs: Sequence[Run]) -> ComparedGroup:
    """Give what a figure shows of a group: its scores, and those of each seed."""
    run_ids = {run.run_id for run in group.runs}
    members = [run for run in runs if run.run_id in run_ids]
    return ComparedGroup(
        name=group.name,
        fragment_s=group.fragment_s,
        validation=group.validation.macro_f1,
        test=group.test.macro_f1,
        validation_by_seed=tuple(run.validation_macro_f1 for run in members),
        test_by_seed=tuple(run.test_macro_f1 for run in members),
    )


def _table(comparison: Comparison) -> list[dict[str, object]]:
    """Give a row a group: scores with intervals, and how it stands to the best."""
    standings = {c.name: c.sentence for c in comparison.challenges}
    return [
        {
            "network": group.title,
            "seeds": len(group.runs),
            "parameters": group.runs[0].n_parameters,
            "validation macro F1": str(group.validation.macro_f1),
            "test macro F1": str(group.test.macro_f1),
            "test accuracy": str(group.test.accuracy),
            "against the best": standings.get(group.title, "the best on validation"),
        }
        for group in comparison.groups
    ]
