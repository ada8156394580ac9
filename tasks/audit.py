"""Audit: whether the scores of a snapshot can be trusted; a failed one stops a promotion."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from types import MappingProxyType

from genre_core.audit.baselines import check_metadata, check_shortcuts
from genre_core.audit.label_permutation import check_by_fragment, check_by_song
from genre_core.audit.leave_one_source_out import check_leave_one_source_out
from genre_core.audit.overlap import check_overlap
from genre_core.audit.pretraining import check_pretraining
from genre_core.audit.rules import AuditConfig, Check, CheckName, worst_level
from genre_core.audit.songs import name_recordings
from genre_core.training.tag_prior import TagTable
from storage.catalog.audits import (
    Audit,
    read_audit,
    record_audit,
    touch_audit,
)
from storage.catalog.connection import open_catalog
from storage.catalog.snapshots import Snapshot
from storage.home import DataLayout
from tasks.audit_plan import (
    AuditPlan,
    learned_songs,
    learners_by_fragment,
    learners_by_song,
    plan_audit,
    source_learners,
)
from tasks.orchestrator import get_run_logger, task
from tasks.progress import show_progress
from tasks.tracked import open_tracked


@task
def audit_snapshot(
    layout: DataLayout, snapshot: Snapshot, config: AuditConfig, tag_prior: TagTable
) -> Audit:
    """Audit the best run on the library of a snapshot, unless the same was audited before.

    The result is recorded in the catalog, and logged as a run of its own and beside the best run.
    """
    start = time.monotonic()
    with open_catalog(layout) as catalog:
        plan = plan_audit(catalog, layout, snapshot, config, tag_prior)
        if known := read_audit(catalog, plan.audit_id):
            touch_audit(catalog, plan.audit_id)
            return known
    checks = []
    with show_progress("audit", len(CHECKS), "checks") as advance:
        for name, check in CHECKS.items():
            advance(0, name)
            if made := check(layout, plan):
                get_run_logger().info("%s: %s", made.name, made.level)
                checks.append(made)
            advance(1)
    return _conclude(layout, plan, checks, time.monotonic() - start)


def _conclude(
    layout: DataLayout, plan: AuditPlan, checks: Sequence[Check], seconds: float
) -> Audit:
    """Record the result in the catalog and in MLflow."""
    from storage.models.runs import log_audit

    audit = Audit(
        audit_id=plan.audit_id,
        snapshot_id=plan.snapshot.snapshot_id,
        run_id=plan.run.run_id if plan.run else "",
        verdict=worst_level(checks),
        seconds=seconds,
        settings=asdict(plan.config),
        checks=tuple(checks),
    )
    with open_catalog(layout) as catalog:
        record_audit(catalog, audit)
    log_audit(open_tracked(layout), audit, plan.run.comparison_id if plan.run else "")
    return audit


def _overlap(_: DataLayout, plan: AuditPlan) -> Check:
    """Look for tracks, recordings and artists in two subsets, the golden set included."""
    songs = [*plan.songs, *plan.golden]
    return check_overlap(songs, name_recordings(songs, plan.duplicates))


def _by_song(layout: DataLayout, plan: AuditPlan) -> Check:
    """Train on labels permuted among songs, on the stored split."""
    songs, recordings = learned_songs(plan)
    learners = learners_by_song(layout, plan, songs)
    return check_by_song(learners, songs, recordings, len(plan.snapshot.genres), plan.config)


def _by_fragment(layout: DataLayout, plan: AuditPlan) -> Check:
    """Train on the same labels with fragments of each song in all subsets."""
    songs, recordings = learned_songs(plan)
    learners = learners_by_fragment(layout, plan, songs)
    return check_by_fragment(learners, songs, recordings, len(plan.snapshot.genres), plan.config)


def _shortcuts(_: DataLayout, plan: AuditPlan) -> Check:
    return check_shortcuts(plan.songs, plan.predictions, plan.config)


def _metadata(_: DataLayout, plan: AuditPlan) -> Check:
    return check_metadata(plan.songs, plan.predictions, plan.config)


def _leave_one_source_out(layout: DataLayout, plan: AuditPlan) -> Check:
    songs, _ = learned_songs(plan)
    return check_leave_one_source_out(source_learners(layout, plan, songs), songs, plan.config)


def _pretraining(_: DataLayout, plan: AuditPlan) -> Check | None:
    """Look for songs that the embedding may have been trained on; None for spectrograms."""
    embedding = plan.views[0].features.embedding
    return check_pretraining(plan.songs, embedding) if embedding else None


CHECKS: Mapping[CheckName, Callable[[DataLayout, AuditPlan], Check | None]] = MappingProxyType(
    {
        CheckName.OVERLAP: _overlap,
        CheckName.BY_SONG: _by_song,
        CheckName.BY_FRAGMENT: _by_fragment,
        CheckName.SHORTCUTS: _shortcuts,
        CheckName.METADATA: _metadata,
        CheckName.LEAVE_ONE_SOURCE_OUT: _leave_one_source_out,
        CheckName.PRETRAINING: _pretraining,
    }
)
"""The checks in the order in which they are made."""
