"""Audit: whether the scores of a snapshot can be trusted; a failed one stops a promotion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from prefect import get_run_logger, task

from genre_core.audit.label_permutation import check_by_fragment, check_by_song
from genre_core.audit.leave_one_source_out import check_leave_one_source_out
from genre_core.audit.metadata import check_metadata
from genre_core.audit.overlap import check_overlap
from genre_core.audit.pretraining import check_pretraining
from genre_core.audit.rules import AuditConfig, Check, verdict_of
from genre_core.audit.shortcuts import check_shortcuts
from genre_core.audit.songs import AuditedSong, name_recordings
from genre_core.digests import digest_document
from genre_core.errors import TrackRejected
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
    read_golden_audited,
    read_other_snapshot,
    read_run_predictions,
    read_unmeasured,
    record_audit,
    record_sounds,
    touch_audit,
)
from storage.catalog.connection import open_catalog
from storage.catalog.extraction import read_embedding
from storage.catalog.recordings import read_duplicates
from storage.catalog.runs import read_run
from storage.catalog.snapshots import Snapshot, find_snapshot, read_features
from storage.home import DataLayout
from tasks.audit_learners import learners_by_fragment, learners_by_song, source_learners
from tasks.audit_plan import AuditPlan, audited_songs, read_seen
from tasks.compare import choose_winner
from tasks.tracked import open_tracked

if TYPE_CHECKING:
    from storage.catalog.connection import Catalog

MOST_MEASURED = 256
VERSION = 3
"""Raise it when a check reports something else of the same songs."""


@task
def measure_sounds(layout: DataLayout, snapshot: Snapshot) -> None:
    """Measure songs that were extracted before their sound was, at most 256 of them."""
    with open_catalog(layout) as catalog:
        tracks = read_unmeasured(catalog, snapshot.snapshot_id, MOST_MEASURED)
        features = read_features(catalog, snapshot.feature_key)
    sounds = [_measure(layout, track, features) for track in tracks]
    with open_catalog(layout) as catalog:
        record_sounds(catalog, [sound for sound in sounds if sound is not None])


@task
def plan_audit(
    layout: DataLayout, snapshot: Snapshot, config: AuditConfig, tag_prior: TagTable
) -> AuditPlan:
    """Plan the audit of the best run on the library of a snapshot; without a run, of the snapshot.

    The snapshot of that run may have other features than the one given.
    """
    run, _ = choose_winner(layout, snapshot.library_id)
    with open_catalog(layout) as catalog:
        audited = (find_snapshot(catalog, run.snapshot_id) if run else None) or snapshot
        beside = read_other_snapshot(catalog, audited)
        songs, duplicates = _kept_apart(catalog, layout, audited), read_duplicates(catalog)
    tags = {genre: list(names) for genre, names in tag_prior.items()}
    facts = [
        [VERSION, audited.snapshot_id, run.run_id if run else "", asdict(config), tags],
        [beside.snapshot_id if beside else ""],
        [asdict(song) for song in songs],
        duplicates,
    ]
    return AuditPlan(
        audit_id=digest_document(facts),
        snapshot=audited,
        run_id=run.run_id if run else "",
        network=run.network if run else "",
        config=config,
        beside=beside,
        tag_prior=tag_prior,
    )


@task
def find_audit(layout: DataLayout, plan: AuditPlan) -> Audit | None:
    """Return an earlier audit of the same songs with the same plan, if there is one."""
    with open_catalog(layout) as catalog:
        if audit := read_audit(catalog, plan.audit_id):
            touch_audit(catalog, plan.audit_id)
    return audit


@task
def audit_overlap(layout: DataLayout, plan: AuditPlan) -> Check:
    """Look for tracks, recordings and artists in two subsets, the golden set included."""
    with open_catalog(layout) as catalog:
        songs, duplicates = _kept_apart(catalog, layout, plan.snapshot), read_duplicates(catalog)
    return check_overlap(songs, name_recordings(songs, duplicates))


@task
def audit_by_song(layout: DataLayout, plan: AuditPlan) -> Check:
    """Train on labels permuted among songs, on the stored split."""
    songs, recordings = audited_songs(layout, plan)
    learners = learners_by_song(plan, read_seen(layout, plan, songs), songs)
    n_genres = len(plan.snapshot.genres)
    return check_by_song(learners, songs, recordings, n_genres, plan.config)


@task
def audit_by_fragment(layout: DataLayout, plan: AuditPlan) -> Check:
    """Train on the same labels with fragments of each song in all subsets."""
    songs, recordings = audited_songs(layout, plan)
    learners = learners_by_fragment(plan, read_seen(layout, plan, songs))
    n_genres = len(plan.snapshot.genres)
    return check_by_fragment(learners, songs, recordings, n_genres, plan.config)


@task
def audit_shortcuts(layout: DataLayout, plan: AuditPlan) -> Check:
    """Predict the genre from the file alone."""
    return check_shortcuts(*_read_predicted(layout, plan), plan.config)


@task
def audit_metadata(layout: DataLayout, plan: AuditPlan) -> Check:
    """Predict the genre from metadata alone, artists kept apart."""
    return check_metadata(*_read_predicted(layout, plan), plan.config)


@task
def audit_leave_one_source_out(layout: DataLayout, plan: AuditPlan) -> Check:
    """Score the songs of each source with learners trained on the others."""
    songs, _ = audited_songs(layout, plan)
    learners = source_learners(plan, read_seen(layout, plan, songs), songs)
    return check_leave_one_source_out(learners, songs, plan.config)


@task
def audit_pretraining(layout: DataLayout, plan: AuditPlan) -> Check | None:
    """Look for songs that the embedding may have been trained on; None for spectrograms."""
    with open_catalog(layout) as catalog:
        embedding = read_embedding(catalog, plan.snapshot.feature_key)
        songs = read_audited_songs(catalog, layout, plan.snapshot.snapshot_id)
    return check_pretraining(songs, embedding) if embedding else None


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
    with open_catalog(layout) as catalog:
        record_audit(catalog, audit)
        run = read_run(catalog, plan.run_id)
    log_audit(open_tracked(layout), audit, run.comparison_id if run else "")
    return audit


def _measure(layout: DataLayout, track: Track, features: FeatureConfig) -> Sound | None:
    """Measure the extracted fragments; None if the song is gone or cannot be read."""
    song = layout.song(track.track_id, track.suffix)
    try:
        cut = cut_fragments(song, track.track_id, track.facts, features.plan)
    except (TrackRejected, OSError) as error:
        get_run_logger().warning("the sound of %s cannot be measured: %s", track.location, error)
        return None
    return measure_sound(track.track_id, round_samples(cut.fragments))


def _read_predicted(
    layout: DataLayout, plan: AuditPlan
) -> tuple[list[AuditedSong], dict[str, str]]:
    with open_catalog(layout) as catalog:
        songs = read_audited_songs(catalog, layout, plan.snapshot.snapshot_id)
        return songs, read_run_predictions(catalog, plan.run_id)


def _kept_apart(catalog: Catalog, layout: DataLayout, snapshot: Snapshot) -> list[AuditedSong]:
    """Songs that no recording or artist may link: those of a snapshot, and the golden ones."""
    own = read_audited_songs(catalog, layout, snapshot.snapshot_id)
    return [*own, *read_golden_audited(catalog, layout)]
