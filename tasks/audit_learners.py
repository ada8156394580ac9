"""The learners of an audit: the small network for spectrograms, heads for embeddings."""

from collections.abc import Sequence

import numpy as np

from genre_core.audit.learners import (
    Fit,
    Learner,
    head_of_songs,
    head_of_windows,
    nearest_neighbour,
)
from genre_core.audit.rules import AuditConfig
from genre_core.audit.songs import AuditedSong, fold_groups
from genre_core.examples import Examples, Float32Array
from genre_core.networks.registry import HEADS
from genre_core.training.rules import fixed_order
from genre_core.training.tag_prior import prior_matrix, tag_table
from tasks.audit_plan import AuditPlan, Seen
from tasks.keras_import import import_learning

SMALL_NETWORK = "dense"
SMALL, NEAREST = "a small network", "a nearest neighbour"
HEAD, BARE_HEAD = "the head", "the head without its prior"


def learners_by_song(
    plan: AuditPlan, seen: Sequence[Seen], songs: Sequence[AuditedSong]
) -> list[Learner]:
    """Return the learners for labels permuted by song; the first one decides.

    For embeddings it is the nearest neighbour, which memorises. The head beside it has no prior,
    because permuted labels are independent of the genre.
    """
    return [
        learner
        for one in seen
        for learner in _memorising(plan, one, _song_head(one, songs, _no_prior(one)))
    ]


def learners_by_fragment(plan: AuditPlan, seen: Sequence[Seen]) -> list[Learner]:
    """Return the same learners for songs that have fragments in all subsets."""
    return [
        learner
        for one in seen
        for learner in _memorising(plan, one, head_of_windows(len(_no_prior(one)), len(one.genres)))
    ]


def source_learners(
    plan: AuditPlan, seen: Sequence[Seen], songs: Sequence[AuditedSong]
) -> list[Learner]:
    """Return the learners for leave-one-source-out; the first one decides.

    For embeddings it is the head, with its prior unless the best run has none; the other head is
    beside it.
    """
    return [learner for one in seen for learner in _generalising(plan, one, songs)]


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


def _memorising(plan: AuditPlan, seen: Seen, head: Fit) -> list[Learner]:
    n_genres, n_draws = len(seen.genres), plan.config.n_draws
    if seen.embedding is None:
        return [_learner(SMALL, memorising_learner(plan.config, n_genres), seen, n_draws)]
    nearest = nearest_neighbour(n_genres)
    return [
        _learner(NEAREST, nearest, seen, plan.config.n_embedding_draws),
        _learner(BARE_HEAD, head, seen, n_draws),
    ]


def _generalising(plan: AuditPlan, seen: Seen, songs: Sequence[AuditedSong]) -> list[Learner]:
    if seen.embedding is None:
        return [_learner(SMALL, memorising_learner(plan.config, len(seen.genres)), seen, 1)]
    prior = prior_matrix(seen.genres, seen.embedding, tag_table(plan.tag_prior))
    heads = [_learner(BARE_HEAD, _song_head(seen, songs, np.zeros_like(prior)), seen, 1)]
    if prior.any():
        heads.append(_learner(HEAD, _song_head(seen, songs, prior), seen, 1))
    return heads if HEADS.get(plan.network) is False else heads[::-1]


def _song_head(seen: Seen, songs: Sequence[AuditedSong], prior: Float32Array) -> Fit:
    track_ids = [song.track_id for song in songs]
    groups = dict(zip(track_ids, fold_groups(songs), strict=True))
    return head_of_songs(groups, prior, len(seen.genres))


def _no_prior(seen: Seen) -> Float32Array:
    n_tags = len(seen.embedding.tags) if seen.embedding else 0
    return np.zeros((n_tags, len(seen.genres)), np.float32)


def _learner(name: str, fit: Fit, seen: Seen, n_draws: int) -> Learner:
    features = seen.features
    on = features.representation
    if features.embedding is None:
        on = f"{on} {features.fragment_s:g} s"
    return Learner(name=f"{name} on {on}", fit=fit, examples=seen.examples, n_draws=n_draws)
