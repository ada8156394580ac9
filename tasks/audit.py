"""Audit: can the scores of a snapshot be trusted, and does anything stand against a promotion."""

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from prefect import get_run_logger, task

from genre_core.audit.draws import thin_examples, thin_songs
from genre_core.audit.overlap import check_overlap
from genre_core.audit.random_labels import Judge, check_by_fragment, check_by_song
from genre_core.audit.rules import AuditConfig, Check, verdict_of
from genre_core.audit.shortcuts import check_shortcuts
from genre_core.audit.songs import AuditedSong, name_recordings
from genre_core.audit.source_out import check_source_out
from genre_core.errors import TrackRejected, UsageError
from genre_core.examples import Examples, Float32Array
from genre_core.features import FeatureConfig
from genre_core.fragments import draw_starts, track_rng
from genre_core.ladder.judging import fixed_order
from genre_core.ladder.rungs import LadderConfig
from genre_core.records import Track
from genre_core.sound import Sound, measure_sound
from genre_core.training_rules import EpochScores, TrainingConfig
from storage.audio.decode import read_fragments
from storage.audio.wav import round_samples
from storage.catalog.audits import (
    Audit,
    read_audit,
    read_audited_golden,
    read_audited_songs,
    read_copies,
    read_feature_settings,
    read_snapshot,
    read_unmeasured,
    read_verdicts,
    record_audit,
    record_sounds,
    touch_audit,
)
from storage.catalog.extraction import shard_names
from storage.catalog.runs import read_comparable_runs, read_run
from storage.catalog.snapshots import Snapshot
from storage.examples import read_examples
from storage.layout import DataLayout
from tasks.keras_import import import_learning, import_training
from tasks.select import choose_winner
from tasks.tracked import open_tracked

SMALL_NETWORK = "dense"
MOST_MEASURED = 256
MOST_READ_VALUES = 2**26
VERSION = 2
"""Raise it when a check comes to say something else of the same songs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPlan:
    """What is audited: a snapshot, and the run that is the best on it (empty if there is none).

    ``audit_id`` digests all that the answer depends on.
    """

    audit_id: str
    snapshot: Snapshot
    run_id: str
    config: AuditConfig


@task
def measure_sounds(layout: DataLayout) -> None:
    """Measure songs that were extracted before their sound was, 256 of them at most."""
    snapshot = _snapshot(layout)
    tracks = read_unmeasured(layout, snapshot.snapshot_id, MOST_MEASURED)
    settings = read_feature_settings(layout, snapshot.feature_key)
    features = FeatureConfig.from_document(settings)
    sounds = [_measure(layout, track, features) for track in tracks]
    record_sounds(layout, [sound for sound in sounds if sound is not None])


@task
def plan_audit(layout: DataLayout, config: AuditConfig) -> AuditPlan:
    """Choose the snapshot of the best run on the library used last, or the one used last."""
    run_id, snapshot = _best_run_id(layout), _snapshot(layout)
    facts = [
        [VERSION, snapshot.snapshot_id, run_id, asdict(config)],
        [asdict(song) for song in _songs_apart(layout, snapshot)],
        read_copies(layout),
    ]
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
    return AuditPlan(audit_id=digest, snapshot=snapshot, run_id=run_id, config=config)


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
    return check_overlap(songs, name_recordings(songs, read_copies(layout)))


@task
def audit_by_song(layout: DataLayout, plan: AuditPlan) -> Check:
    """Train on labels drawn at random, on the stored split."""
    songs, recordings = _audited(layout, plan)
    examples, n_genres = _examples(layout, plan, songs), len(plan.snapshot.genres)
    judge = learner_by_heart(plan.config, n_genres)
    return check_by_song(examples, songs, recordings, n_genres, judge, plan.config)


@task
def audit_by_fragment(layout: DataLayout, plan: AuditPlan) -> Check:
    """Train on the same labels with fragments of each song on all sides."""
    songs, recordings = _audited(layout, plan)
    examples, n_genres = _examples(layout, plan, songs), len(plan.snapshot.genres)
    judge = learner_by_heart(plan.config, n_genres)
    return check_by_fragment(examples, songs, recordings, n_genres, judge, plan.config)


@task
def audit_shortcuts(layout: DataLayout, plan: AuditPlan) -> Check:
    """Predict the genre from the file alone."""
    songs = read_audited_songs(layout, plan.snapshot.snapshot_id)
    return check_shortcuts(songs, read_verdicts(layout, plan.run_id), plan.config)


@task
def audit_source_out(layout: DataLayout, plan: AuditPlan) -> Check:
    """Score the songs of each source while none of them is trained on."""
    songs, _ = _audited(layout, plan)
    examples = _examples(layout, plan, songs)
    return check_source_out(examples, songs, _small_judge(plan), plan.config)


@task
def conclude_audit(
    layout: DataLayout, plan: AuditPlan, checks: Sequence[Check], seconds: float
) -> Audit:
    """Store the verdict in the catalog, and log it as a run of its own and beside the best run."""
    from storage.tracking.audits import log_audit

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


def _best_run_id(layout: DataLayout) -> str:
    return choose_winner(layout)[0].run_id if read_comparable_runs(layout) else ""


def _snapshot(layout: DataLayout) -> Snapshot:
    run = read_run(layout, _best_run_id(layout))
    snapshot = read_snapshot(layout, run.snapshot_id if run else "")
    if snapshot is None:
        raise UsageError("There is no snapshot to audit. Run `genreflow train` first.")
    return snapshot


def _measure(layout: DataLayout, track: Track, features: FeatureConfig) -> Sound | None:
    """Measure what was extracted; a song that is gone or cannot be read stays without."""
    song = layout.song(track.track_id, track.suffix)
    config = features.fragments
    try:
        starts_s = draw_starts(track.duration_s, config, track_rng(track.track_id)).tolist()
        fragments = read_fragments(song, track.facts, starts_s, config.longest_s)
    except (TrackRejected, OSError) as error:
        get_run_logger().warning("the sound of %s cannot be measured: %s", track.location, error)
        return None
    return measure_sound(track.track_id, round_samples(fragments))


def _songs_apart(layout: DataLayout, snapshot: Snapshot) -> list[AuditedSong]:
    """Give the songs that must stand apart: those of a snapshot, and the golden ones."""
    return [*read_audited_songs(layout, snapshot.snapshot_id), *read_audited_golden(layout)]


def _audited(layout: DataLayout, plan: AuditPlan) -> tuple[list[AuditedSong], dict[str, str]]:
    """Give the songs that small networks see, with their recordings."""
    songs = read_audited_songs(layout, plan.snapshot.snapshot_id)
    recordings = name_recordings(songs, read_copies(layout))
    n_songs = _bound_songs(layout, plan)
    return thin_songs(songs, recordings, n_songs, plan.config.seed), recordings


def _bound_songs(layout: DataLayout, plan: AuditPlan) -> int:
    """Give the number of songs whose examples fit into 256 MB while they are read."""
    settings = read_feature_settings(layout, plan.snapshot.feature_key)
    n_values = math.prod(FeatureConfig.from_document(settings).shape)
    per_song = n_values * max(1, plan.snapshot.n_examples // max(1, plan.snapshot.n_tracks))
    return min(plan.config.n_songs, max(6, MOST_READ_VALUES // per_song))


def _examples(layout: DataLayout, plan: AuditPlan, songs: Sequence[AuditedSong]) -> Examples:
    genre_of_track = {song.track_id: song.genre for song in songs}
    shards = shard_names(layout, plan.snapshot.feature_key)
    examples = read_examples(layout, shards, genre_of_track, plan.snapshot.genres)
    return thin_examples(examples, plan.config.n_fragments)


def learner_by_heart(config: AuditConfig, n_genres: int) -> Judge:
    """Give a training of a small network that takes all epochs and the weights of the last.

    It chooses no epoch, for random labels have none that generalises. One network is trained again
    and again from fresh weights, which takes two fifths of the time of as many trainings.
    """
    ladder = LadderConfig(
        network=SMALL_NETWORK,
        epochs=config.max_epochs,
        batch_size=config.batch_size,
        learning_rate=config.learning_rate,
    )
    learn = import_learning().make_learner(ladder, n_softmaxes=1, n_genres=n_genres)

    def judge(train: Examples, _: Examples, scored: Examples, seed: int) -> Float32Array:
        rng = np.random.default_rng([config.seed, seed])
        order = fixed_order(np.arange(len(train)), config.max_epochs, rng)
        return learn(train, order, scored.matrices, config.seed + seed)

    return judge


def _small_judge(plan: AuditPlan) -> Judge:
    """Give the pipeline's own training, with a small network and few epochs."""
    training, config, n_genres = import_training(), plan.config, len(plan.snapshot.genres)
    rules = TrainingConfig(
        max_epochs=config.max_epochs,
        batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        patience_epochs=config.max_epochs,
    )

    def judge(train: Examples, validation: Examples, scored: Examples, seed: int) -> Float32Array:
        shape = train.matrices.shape[1:]
        model = training.seeded_network(SMALL_NETWORK, shape, n_genres, config.seed + seed)
        training.fit_network(model, train, validation, rules, config.seed + seed, _ignore)
        return training.predict_genres(model, scored.matrices)

    return judge


def _ignore(scores: EpochScores) -> None:
    """Take the scores of an epoch, which nobody looks at."""
