"""Train a head: read embeddings, fit, build the network, log it."""

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from prefect import get_run_logger, task

from genre_core.certainty import Certainty, fit_certainty
from genre_core.errors import GenreflowError
from genre_core.examples import Examples, Float32Array, digest_examples
from genre_core.head.fitting import FittedHead, Groups, fit_head
from genre_core.head.prior import prior_matrix, tag_table, unknown_tags
from genre_core.model_card import model_card
from genre_core.networks.registry import HEADS
from genre_core.novelty import fit_novelty
from genre_core.records import Split
from storage.catalog.snapshots import read_fold_groups
from storage.layout import DataLayout
from tasks.keras_import import import_training
from tasks.splits import split_examples
from tasks.tracked import open_tracked
from tasks.train import Cell, Network, Trained, run_cell


@task(task_run_name="train {cell.name} seed {cell.seed}")
def train_head(layout: DataLayout, cell: Cell, comparison_id: str) -> Trained:
    """Fit a head on the mean embeddings of the training songs and log it.

    No validation song is read but for the digest: folds of training songs choose and calibrate.
    """
    from storage.tracking.models import log_network
    from storage.tracking.runs import failing_run, log_json, start_run

    started_at, start = datetime.now(UTC), time.monotonic()
    train = split_examples(layout, cell.snapshot, Split.TRAIN)
    validation = split_examples(layout, cell.snapshot, Split.VALIDATION)
    import_training()
    tracking = open_tracked(layout)
    described = replace(run_cell(layout, cell), examples_digest=digest_examples(train, validation))
    run_id = start_run(tracking, comparison_id, described)
    with failing_run(tracking, run_id):
        fitted = fit_cell(layout, cell, train)
        model = build_network(fitted, cell.network)
        document = head_document(fitted, cell)
        _report_tags(cell, document["genres_without_tags"])
        log_json(tracking, run_id, document, "head")
        card = model_card(cell.judging)
        model_uri = log_network(tracking, run_id, model, cell.features.shape, cell.judging, card)
        certainty = fit_cell_certainty(layout, cell, train, fitted)
    return Trained(
        cell=cell,
        comparison_id=comparison_id,
        run_id=run_id,
        model_uri=model_uri,
        n_parameters=model.count_params(),
        epochs=0,
        seconds=time.monotonic() - start,
        started_at=started_at,
        temperature=1.0,
        certainty=certainty,
    )


def fit_cell(layout: DataLayout, cell: Cell, train: Examples) -> FittedHead:
    """Fit the head of a cell on its training songs."""
    groups = _read_groups(layout, cell, train)
    n_genres = len(cell.snapshot.genres)
    prior = cell_prior(cell)
    return fit_head(train.matrices[:, :, 0], train.labels, groups, prior, n_genres, cell.seed)


def fit_cell_certainty(
    layout: DataLayout, cell: Cell, train: Examples, fitted: FittedHead
) -> Certainty:
    """Fit what the predictions of a head say of themselves, on its training songs out of fold."""
    n_features = len(fitted.head.weights) - len(cell_prior(cell))
    features = train.matrices[:, :n_features, 0]
    groups = _read_groups(layout, cell, train)
    novelty = fit_novelty(features, groups, cell.prediction.refuse_share, cell.seed)
    scored = fitted.is_scored
    return fit_certainty(fitted.out_of_fold[scored], train.labels[scored], cell.prediction, novelty)


def _read_groups(layout: DataLayout, cell: Cell, train: Examples) -> Groups:
    """Read the group (artist) of each training song."""
    group_of_track = read_fold_groups(layout, cell.snapshot.snapshot_id)
    return np.array([group_of_track[track_id] for track_id in train.track_ids], object)


def cell_prior(cell: Cell) -> Float32Array:
    """Return the prior of a cell, float32 (n_tags, n_genres): zeros for `head_no_prior`."""
    embedding = cell.features.embedding
    if embedding is None:
        raise GenreflowError(
            f"{cell.network} reads embeddings, not {cell.features.representation}."
        )
    prior = prior_matrix(cell.snapshot.genres, embedding, tag_table(cell.tag_prior))
    return prior if HEADS[cell.network] else np.zeros_like(prior)


def _report_tags(cell: Cell, without_tags: Sequence[str]) -> None:
    """Log genres that no tag speaks for, unless the settings ask for that, and unknown tags."""
    log = get_run_logger()
    deliberate = {genre for genre, tags in cell.tag_prior.items() if not tags}
    if open_genres := [genre for genre in without_tags if genre not in deliberate]:
        log.warning(
            "No tag of the embedding speaks for %s: the head learns these genres from your songs "
            "alone. [tag_prior] in genreflow.toml can name tags.",
            ", ".join(open_genres),
        )
    embedding = cell.features.embedding
    if embedding and (unknown := unknown_tags(embedding, cell.tag_prior)):
        log.warning(
            '[tag_prior] names %s, which %s does not have; `genreflow sql "select tag from '
            'tag_names"` lists its tags.',
            ", ".join(unknown),
            embedding.name,
        )


def head_document(fitted: FittedHead, cell: Cell) -> dict[str, Any]:
    """Describe a fitted head: what was chosen, the tags of each genre, and which have none."""
    tags = cell.tags
    return {
        "prior_strength": fitted.strength,
        "penalty": fitted.penalty,
        "temperature": fitted.temperature,
        "n_out_of_fold": int(fitted.is_scored.sum()),
        "tags": {genre: list(names) for genre, names in tags.items()},
        "genres_without_tags": [genre for genre, names in tags.items() if not names],
    }


def build_network(fitted: FittedHead, name: str) -> Network:
    """Build the network of a fitted head; imports Keras."""
    from genre_core.networks.head import build_head

    return build_head(fitted.head, name)
