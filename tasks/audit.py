"""Audit: can the scores of a snapshot be trusted, and does anything stand against a promotion."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict

from prefect import get_run_logger, task

from genre_core.audit.label_permutation import check_by_fragment, check_by_song
from genre_core.audit.leave_one_source_out import check_leave_one_source_out
from genre_core.audit.metadata import check_metadata
from genre_core.audit.overlap import check_overlap
from genre_core.audit.pretraining import check_pretraining
from genre_core.audit.rules import AuditConfig, Check, verdict_of
from genre_core.audit.shortcuts import check_shortcuts
from genre_core.audit.songs import AuditedSong, name_recordings
from genre_core.errors import TrackRejected, UsageError
from genre_core.records import Track
from genre_core.representations.features import FeatureConfig
from genre_core.signal.sound import Sound, measure_sound
from genre_core.training.tag_prior import TagTable
from storage.audio.decode import cut_fragments
from storage.audio.wav import round_samples
from storage.catalog.audits import (
    Audit,
    read_audit,
    read_audited_songs,
    read_duplicates,
    read_golden_audited,
    read_other_snapshot,
    read_run_predictions,
    read_snapshot,
    read_unmeasured,
    record_audit,
    record_sounds,
    touch_audit,
)
from storage.catalog.connection import open_catalog
from storage.catalog.extraction import read_embedding
from storage.catalog.runs import Run, read_comparable_runs, read_run
from storage.catalog.snapshots import Snapshot
from storage.home import DataLayout
from tasks.audit_learners import learners_by_fragment, learners_by_song, source_learners
from tasks.audit_plan import AuditPlan, audited_songs, read_features, read_seen
from tasks.compare import choose_winner
from tasks.tracked import open_tracked

MOST_MEASURED = 256
VERSION = 3
"""Raise it when a check comes to report something else of the same songs."""


@task
def measure_sounds(layout: DataLayout) -> None:
    """Measure songs that were extracted before their sound was, 256 of them at most."""
    snapshot = _snapshot(layout, _best_run(layout))
    tracks = read_unmeasured(layout, snapshot.snapshot_id, MOST_MEASURED)
    features = read_features(layout, snapshot)
    sounds = [_measure(layout, track, features) for track in tracks]
    with open_catalog(layout) as catalog:
        record_sounds(catalog, [sound for sound in sounds if sound is not None])


@task
def plan_audit(layout: DataLayout, config: AuditConfig, tag_prior: TagTable) -> AuditPlan:
    """Choose the snapshot of the best run on the library used last, or the one used last."""
    run = _best_run(layout)
    snapshot = _snapshot(layout, run)
    beside = read_other_snapshot(layout, snapshot)
    tags = {genre: list(names) for genre, names in tag_prior.items()}
    facts = [
        [VERSION, snapshot.snapshot_id, run.run_id if run else "", asdict(config), tags],
        [beside.snapshot_id if beside else ""],
        [asdict(song) for song in _songs_apart(layout, snapshot)],
        read_duplicates(layout),
    ]
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
    return AuditPlan(
        audit_id=digest,
        snapshot=snapshot,
        run_id=run.run_id if run else "",
        network=run.network if run else "",
        config=config,
        beside=beside,
        tag_prior=tag_prior,
    )


@task
def find_audit(layout: DataLayout, plan: AuditPlan) -> Audit | None:
    """Give the audit that has asked the same of the same songs before, if there is one."""
    if audit := read_audit(layout, plan.audit_id):
        touch_audit(layout, plan.audit_id)
    return audit


@task
def audit_overlap(layout: DataLayout, plan: AuditPlan) -> Check:
    """Look for tracks, recordings and artists on two sides of the split, or golden beside it."""
    songs = _songs_apart(layout, plan.snapshot)
    return check_overlap(songs, name_recordings(songs, read_duplicates(layout)))


@task
def audit_by_song(layout: DataLayout, plan: AuditPlan) -> Check:
    """Train on labels permuted among songs, on the stored split."""
    songs, recordings = audited_songs(layout, plan)
    learners = learners_by_song(plan, read_seen(layout, plan, songs), songs)
    n_genres = len(plan.snapshot.genres)
    return check_by_song(learners, songs, recordings, n_genres, plan.config)


@task
def audit_by_fragment(layout: DataLayout, plan: AuditPlan) -> Check:
    """Train on the same labels with fragments of each song on all sides."""
    songs, recordings = audited_songs(layout, plan)
    learners = learners_by_fragment(plan, read_seen(layout, plan, songs))
    n_genres = len(plan.snapshot.genres)
    return check_by_fragment(learners, songs, recordings, n_genres, plan.config)


@task
def audit_shortcuts(layout: DataLayout, plan: AuditPlan) -> Check:
    """Predict the genre from the file alone."""
    songs = read_audited_songs(layout, plan.snapshot.snapshot_id)
    return check_shortcuts(songs, read_run_predictions(layout, plan.run_id), plan.config)


@task
def audit_metadata(layout: DataLayout, plan: AuditPlan) -> Check:
    """Predict the genre from metadata alone, artists kept apart."""
    songs = read_audited_songs(layout, plan.snapshot.snapshot_id)
    return check_metadata(songs, read_run_predictions(layout, plan.run_id), plan.config)


@task
def audit_leave_one_source_out(layout: DataLayout, plan: AuditPlan) -> Check:
    """Score the songs of each source while none of them is trained on."""
    songs, _ = audited_songs(layout, plan)
    learners = source_learners(plan, read_seen(layout, plan, songs), songs)
    return check_leave_one_source_out(learners, songs, plan.config)


@task
def audit_pretraining(layout: DataLayout, plan: AuditPlan) -> Check | None:
    """Look for songs that the embedding may have been trained on; none of spectrograms."""
    with open_catalog(layout) as catalog:
        embedding = read_embedding(catalog, plan.snapshot.feature_key)
    if embedding is None:
        return None
    return check_pretraining(read_audited_songs(layout, plan.snapshot.snapshot_id), embedding)


@task
def conclude_audit(
    layout: DataLayout, plan: AuditPlan, checks: Sequence[Check], seconds: float
) -> Audit:
    """Store the verdict in the catalog, and log it as a run of its own and beside the best run."""
    from storage.models.runs import log_audit

    audit = Audit(
        audit_id=plan.audit_id,
        snapshot_id=plan.snapshot.snapshot_id,
        run_id=plan.run_id,
        verdict=verdict_of(checks),
        seconds=seconds,
        settings=asdict(plan.config),
        checks=tuple(checks),
    )
    record_audit(layout, audit)
    run = read_run(layout, plan.run_id)
    log_audit(open_tracked(layout), audit, run.comparison_id if run else "")
    return audit


def _best_run(layout: DataLayout) -> Run | None:
    return choose_winner(layout)[0] if read_comparable_runs(layout) else None


def _snapshot(layout: DataLayout, run: Run | None) -> Snapshot:
    snapshot = read_snapshot(layout, run.snapshot_id if run else "")
    if snapshot is None:
        raise UsageError("There is no snapshot to audit. Run `genreflow train` first.")
    return snapshot


def _measure(layout: DataLayout, track: Track, features: FeatureConfig) -> Sound | None:
    """Measure what was extracted; a song that is gone or cannot be read stays without."""
    song = layout.song(track.track_id, track.suffix)
    try:
        cut = cut_fragments(song, track.track_id, track.facts, features.plan)
    except (TrackRejected, OSError) as error:
        get_run_logger().warning("the sound of %s cannot be measured: %s", track.location, error)
        return None
    return measure_sound(track.track_id, round_samples(cut.fragments))


def _songs_apart(layout: DataLayout, snapshot: Snapshot) -> list[AuditedSong]:
    """Return the songs that must stand apart: those of a snapshot, and the golden ones."""
    return [*read_audited_songs(layout, snapshot.snapshot_id), *read_golden_audited(layout)]
