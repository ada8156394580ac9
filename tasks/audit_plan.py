"""The plan of an audit: a snapshot, the best run on it, their songs, and what learners read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from genre_core.audit.label_permutation import subsample_examples, subsample_songs
from genre_core.audit.learners import (
    Fit,
    Learner,
    head_of_songs,
    head_of_windows,
    nearest_neighbour,
)
from genre_core.audit.rules import AuditConfig
from genre_core.audit.songs import AuditedSong, fold_groups, name_recordings
from genre_core.digests import digest_document
from genre_core.examples import Examples, Float32Array
from genre_core.representations.features import FeatureConfig
from genre_core.training.rules import fixed_order
from genre_core.training.tag_prior import TagTable, prior_matrix, tag_table
from storage.catalog.audits import (
    read_audited_songs,
    read_golden_audited,
    read_other_snapshot,
    read_run_predictions,
)
from storage.catalog.extraction import shard_names
from storage.catalog.recordings import read_duplicates
from storage.catalog.runs import Run
from storage.catalog.snapshots import Snapshot, find_snapshot, read_features
from storage.examples import read_examples
from storage.home import DataLayout
from tasks.compare import choose_winner
from tasks.keras_import import import_learning
from tasks.workers import PROCESS_BYTES, START_UP, count_workers

if TYPE_CHECKING:
    from storage.catalog.connection import Catalog

MOST_READ_VALUES = 2**26
MOST_BESIDE = 1500
"""Examples of the snapshot that does not decide."""
VERSION = 4
"""Raise it when a check reports something else of the same songs."""
SMALL_NETWORK = "dense"
SMALL, NEAREST = "a small network", "a nearest neighbour"
HEAD, BARE_HEAD = "the head", "the head without its prior"


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A snapshot, how its songs are represented, and the shards that hold them."""

    snapshot: Snapshot
    features: FeatureConfig
    shards: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPlan:
    """Everything that an audit depends on, and the digest of it.

    ``run`` is the best one on the library; None if there is none. ``golden`` are the golden songs,
    ``predictions`` those of the run by track. The first of ``views`` is that of the audited
    snapshot; a second one holds the same songs as embeddings where the first has spectrograms, or
    the other way round.
    """

    audit_id: str
    run: Run | None
    config: AuditConfig
    tag_prior: TagTable
    songs: Sequence[AuditedSong]
    golden: Sequence[AuditedSong]
    duplicates: Sequence[tuple[str, str]]
    predictions: dict[str, str]
    views: Sequence[View]

    @property
    def snapshot(self) -> Snapshot:
        """The audited snapshot."""
        return self.views[0].snapshot


def plan_audit(
    catalog: Catalog,
    layout: DataLayout,
    snapshot: Snapshot,
    config: AuditConfig,
    tag_prior: TagTable,
) -> AuditPlan:
    """Plan the audit of the best run on the library of a snapshot; without a run, of the snapshot.

    The snapshot of that run may have other features than the one given.
    """
    run, _ = choose_winner(catalog, snapshot.library_id)
    audited = find_snapshot(catalog, run.snapshot_id) if run else None
    if audited is None or audited.library_id != snapshot.library_id:  # the champion, of another one
        run, audited = None, snapshot
    beside = read_other_snapshot(catalog, audited)
    songs = read_audited_songs(catalog, layout, audited.snapshot_id)
    golden, duplicates = read_golden_audited(catalog, layout), read_duplicates(catalog)
    run_id = run.run_id if run else ""
    tags = {genre: list(names) for genre, names in tag_prior.items()}
    facts = [
        [VERSION, audited.snapshot_id, run_id, asdict(config), tags],
        [beside.snapshot_id if beside else ""],
        [asdict(song) for song in (*songs, *golden)],
        duplicates,
    ]
    return AuditPlan(
        audit_id=digest_document(facts),
        run=run,
        config=config,
        tag_prior=tag_prior,
        songs=songs,
        golden=golden,
        duplicates=duplicates,
        predictions=read_run_predictions(catalog, run_id),
        views=[
            View(
                snapshot=one,
                features=read_features(catalog, one.feature_key),
                shards=shard_names(catalog, one.feature_key),
            )
            for one in (audited, beside)
            if one
        ],
    )


def count_processes(plan: AuditPlan) -> int:
    """Return how many checks to make side by side; 1 where that would gain nothing."""
    config = plan.config
    n_read = config.n_songs * config.n_fragments
    n_fitted = [
        min(view.snapshot.n_examples, n_read) * config.max_epochs * config.n_draws
        for view in plan.views
        if view.features.embedding is None
    ]
    return count_workers(PROCESS_BYTES) if max(n_fitted, default=0) > START_UP else 1


def learned_songs(plan: AuditPlan) -> tuple[list[AuditedSong], dict[str, str]]:
    """Return the songs that learners read, at most 256 MiB a view, and all recordings."""
    recordings = name_recordings(plan.songs, plan.duplicates)
    n_songs = plan.config.n_songs
    for view in plan.views:
        n_examples = max(1, view.snapshot.n_examples // max(1, view.snapshot.n_tracks))
        per_song = math.prod(view.features.shape) * n_examples
        n_songs = min(n_songs, max(6, MOST_READ_VALUES // per_song))
    return subsample_songs(plan.songs, recordings, n_songs, plan.config.seed), recordings


def learners_by_song(
    layout: DataLayout, plan: AuditPlan, songs: Sequence[AuditedSong]
) -> list[Learner]:
    """Return the learners for labels permuted by song; the first one decides.

    For embeddings it is the nearest neighbour, which memorises. The head beside it has no prior,
    because permuted labels are independent of the genre.
    """
    heads = [_song_head(view, songs, _no_prior(view)) for view in plan.views]
    return _memorising(layout, plan, songs, heads)


def learners_by_fragment(
    layout: DataLayout, plan: AuditPlan, songs: Sequence[AuditedSong]
) -> list[Learner]:
    """Return the same learners for songs that have fragments in all subsets."""
    heads = [head_of_windows(*_no_prior(view).shape) for view in plan.views]
    return _memorising(layout, plan, songs, heads)


def source_learners(
    layout: DataLayout, plan: AuditPlan, songs: Sequence[AuditedSong]
) -> list[Learner]:
    """Return the learners for leave-one-source-out; the first one decides.

    For embeddings it is the head, with its prior unless the best run has none; the other head is
    beside it.
    """
    learners = []
    for view in plan.views:
        if view.features.embedding is None:
            fits = {SMALL: memorising_learner(plan.config, len(view.snapshot.genres))}
        else:
            tags = tag_table(plan.tag_prior)
            prior = prior_matrix(view.snapshot.genres, view.features.embedding, tags)
            heads = {HEAD: prior, BARE_HEAD: np.zeros_like(prior)}
            without_prior = plan.run is not None and plan.run.network == "head_no_prior"
            names = [BARE_HEAD, HEAD] if without_prior else [HEAD, BARE_HEAD]
            names = names if prior.any() else [BARE_HEAD]
            fits = {name: _song_head(view, songs, heads[name]) for name in names}
        examples = _read(layout, plan, view, songs)
        learners += [_learner(name, fit, view, examples, 1) for name, fit in fits.items()]
    return learners


def memorising_learner(config: AuditConfig, n_genres: int) -> Fit:
    """Return a fit of a small network that takes all epochs and the weights of the last.

    One network is reset to fresh weights for every fit, which takes a sixth of the time of the
    pipeline's own training.
    """
    learn = import_learning().make_learner(
        SMALL_NETWORK, n_genres, config.batch_size, config.learning_rate
    )

    def fit(train: Examples, scored: Examples, seed: int) -> Float32Array:
        rng = np.random.default_rng([config.seed, seed])
        order = fixed_order(np.arange(len(train)), config.max_epochs, rng)
        return learn(train, order, scored.matrices, seed)

    return fit


def _memorising(
    layout: DataLayout, plan: AuditPlan, songs: Sequence[AuditedSong], heads: Sequence[Fit]
) -> list[Learner]:
    """Learners that memorise, and the head of each view of embeddings."""
    config, learners = plan.config, []
    for view, head in zip(plan.views, heads, strict=True):
        examples, n_genres = _read(layout, plan, view, songs), len(view.snapshot.genres)
        if view.features.embedding is None:
            small = memorising_learner(config, n_genres)
            learners.append(_learner(SMALL, small, view, examples, config.n_draws))
            continue
        nearest = nearest_neighbour(n_genres)
        learners += [
            _learner(NEAREST, nearest, view, examples, config.n_embedding_draws),
            _learner(BARE_HEAD, head, view, examples, config.n_draws),
        ]
    return learners


def _read(
    layout: DataLayout, plan: AuditPlan, view: View, songs: Sequence[AuditedSong]
) -> Examples:
    """Examples of the songs; fewer of the snapshot that does not decide."""
    n_fragments = plan.config.n_fragments
    if view is not plan.views[0]:
        n_fragments = min(n_fragments, max(2, MOST_BESIDE // max(1, len(songs))))
    genre_of_track = {song.track_id: song.genre for song in songs}
    examples = read_examples(layout, view.shards, genre_of_track, view.snapshot.genres)
    return subsample_examples(examples, n_fragments)


def _song_head(view: View, songs: Sequence[AuditedSong], prior: Float32Array) -> Fit:
    track_ids = [song.track_id for song in songs]
    groups = dict(zip(track_ids, fold_groups(songs), strict=True))
    return head_of_songs(groups, prior, len(view.snapshot.genres))


def _no_prior(view: View) -> Float32Array:
    embedding = view.features.embedding
    n_tags = len(embedding.tags) if embedding else 0
    return np.zeros((n_tags, len(view.snapshot.genres)), np.float32)


def _learner(name: str, fit: Fit, view: View, examples: Examples, n_draws: int) -> Learner:
    features = view.features
    on = features.representation
    if features.embedding is None:
        on = f"{on} {features.fragment_s:g} s"
    return Learner(name=f"{name} on {on}", fit=fit, examples=examples, n_draws=n_draws)
