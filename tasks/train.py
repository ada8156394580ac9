"""Train and evaluate: one run a cell; scores by fragment and by song."""

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from prefect import get_run_logger, task

from genre_core.errors import GenreflowError
from genre_core.evaluation.certainty import Certainty, PredictionConfig, fit_certainty
from genre_core.evaluation.novelty import fit_novelty
from genre_core.examples import Examples, Float32Array, digest_examples
from genre_core.networks.registry import HEADS
from genre_core.records import Split
from genre_core.representations.features import FeatureConfig, name_features
from genre_core.representations.registry import find_representation
from genre_core.training.augmentation import require_decibels
from genre_core.training.head import HEAD_VERSION, FittedHead, Groups, fit_head
from genre_core.training.rules import EpochScores, TrainingConfig
from genre_core.training.tag_prior import (
    TagTable,
    prior_matrix,
    prior_tags,
    tag_table,
    unknown_tags,
)
from storage.catalog.runs import cell_id, read_runs
from storage.catalog.snapshots import Snapshot, count_split_examples, read_fold_groups
from storage.embeddings.model import Model
from storage.files import digest_file
from storage.home import DataLayout
from storage.models.champion import EMBEDDER
from storage.models.runs import RunDescription
from tasks.keras_import import import_training
from tasks.progress import show_progress
from tasks.splits import split_examples
from tasks.tracked import open_tracked

Network = Any  # a keras.Model; naming it would import Keras


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One training that is asked for: a network, a snapshot, a seed."""

    network: str
    seed: int
    snapshot: Snapshot
    features: FeatureConfig
    training: TrainingConfig
    tag_prior: TagTable = field(default_factory=dict)
    embedder: Model | None = None
    prediction: PredictionConfig = field(default_factory=PredictionConfig)

    def __post_init__(self) -> None:
        if self.features.embedding:
            return
        representation = self.features.representation
        is_decibel = find_representation(representation).is_decibel
        require_decibels(self.training.augmentation, representation, is_decibel)

    @property
    def cell_id(self) -> str:
        """The same for the same training, so that it is never done twice."""
        return cell_id(self.snapshot.snapshot_id, self.network, self.seed, self.settings)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of the training, flat: of a head, its version and a digest of its tags.

        The tags themselves are in ``head.json`` of the run: names of genres make no parameters.
        """
        if self.network not in HEADS:
            return dict(self.training.as_document())
        tags = json.dumps(self.tags, sort_keys=True).encode()
        return {"head": HEAD_VERSION, "tag_prior": hashlib.sha256(tags).hexdigest()[:16]}

    @property
    def tags(self) -> dict[str, tuple[str, ...]]:
        """The tags that speak for each genre; empty for a network without a prior."""
        embedding = self.features.embedding
        if embedding is None or not HEADS.get(self.network):
            return {}
        table = tag_table(self.tag_prior)
        return {genre: prior_tags(genre, embedding, table) for genre in self.snapshot.genres}

    @property
    def name(self) -> str:
        """What people read: ``cnn 3 s``."""
        features = self.features
        return f"{self.network} {name_features(features.representation, features.fragment_s)}"

    @property
    def document(self) -> dict[str, object]:
        """What predicting needs, logged with the network."""
        document: dict[str, object] = {
            "genres": list(self.snapshot.genres),
            "features": self.features.as_document(),
        }
        if self.embedder:
            file = self.embedder.file.resolve()
            document[EMBEDDER] = {
                **self.embedder.as_document(),
                "file": str(file),
                "sha256": digest_file(file),
            }
        return document


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A model that has been trained and logged, and waits to be scored.

    ``temperature`` and ``certainty`` are set where training songs have given them, out of fold;
    else validation songs do.
    """

    cell: Cell
    comparison_id: str
    run_id: str
    model_uri: str
    n_parameters: int
    epochs: int
    seconds: float
    started_at: datetime
    temperature: float | None = None
    certainty: Certainty | None = None


@task
def select_cells(layout: DataLayout, cells: Sequence[Cell]) -> list[Cell]:
    """Leave out the cells that have a finished run."""
    done = {run.cell_id for run in read_runs(layout, [cell.cell_id for cell in cells])}
    return [cell for cell in cells if cell.cell_id not in done]


@task(task_run_name="train {cell.name} seed {cell.seed}")
def train_network(layout: DataLayout, cell: Cell, comparison_id: str) -> Trained:
    """Train one network on the training split and log it; validation picks the best epoch."""
    from genre_core.figures.evaluation import draw_curves
    from storage.models.logged import log_model
    from storage.models.runs import failing_run, log_epoch, log_figure, start_training

    training = import_training()
    started_at, start = datetime.now(UTC), time.monotonic()
    train = split_examples(layout, cell.snapshot, Split.TRAIN)
    validation = split_examples(layout, cell.snapshot, Split.VALIDATION)
    model = _fresh_network(cell)
    tracking = open_tracked(layout)
    told = replace(run_cell(layout, cell), examples_digest=digest_examples(train, validation))
    run_id = start_training(tracking, comparison_id, told)
    with (
        failing_run(tracking, run_id),
        show_progress(f"train {cell.name}", cell.training.max_epochs, "epochs") as advance,
    ):

        def on_epoch(scores: EpochScores) -> None:
            log_epoch(tracking, run_id, _curve_points(scores), scores.epoch)
            advance(1, f"validation accuracy {scores.validation_accuracy:.3f}")

        curve = training.fit_network(model, train, validation, cell.training, cell.seed, on_epoch)
        log_figure(tracking, run_id, draw_curves(curve, cell.name), "curves")
        model_uri = log_model(tracking, run_id, model, cell.document)
    return Trained(
        cell=cell,
        comparison_id=comparison_id,
        run_id=run_id,
        model_uri=model_uri,
        n_parameters=model.count_params(),
        epochs=len(curve),
        seconds=time.monotonic() - start,
        started_at=started_at,
    )


def _fresh_network(cell: Cell) -> Network:
    n_genres = len(cell.snapshot.genres)
    try:
        return import_training().seeded_network(
            cell.network, cell.features.shape, n_genres, cell.seed
        )
    except ValueError as error:
        raise GenreflowError(str(error)) from error


def run_cell(layout: DataLayout, cell: Cell) -> RunDescription:
    """Say what a training varies and keeps, as MLflow is told."""
    n_examples = count_split_examples(layout, cell.snapshot)
    return RunDescription(
        network=cell.network,
        representation=cell.features.representation,
        fragment_s=cell.features.fragment_s,
        seed=cell.seed,
        snapshot_id=cell.snapshot.snapshot_id,
        feature_key=cell.snapshot.feature_key,
        genres=cell.snapshot.genres,
        n_train=n_examples[Split.TRAIN],
        n_validation=n_examples[Split.VALIDATION],
        n_test=n_examples[Split.TEST],
        config=cell.settings,
    )


def _curve_points(scores: EpochScores) -> dict[str, float]:
    return {
        "epoch_train_loss": scores.loss,
        "epoch_train_accuracy": scores.accuracy,
        "epoch_validation_loss": scores.validation_loss,
        "epoch_validation_accuracy": scores.validation_accuracy,
        "epoch_learning_rate": scores.learning_rate,
    }


@task(task_run_name="train {cell.name} seed {cell.seed}")
def train_head(layout: DataLayout, cell: Cell, comparison_id: str) -> Trained:
    """Fit a head on the mean embeddings of the training songs and log it.

    No validation song is read but for the digest: folds of training songs choose and calibrate.
    """
    from storage.models.logged import log_model
    from storage.models.runs import failing_run, log_json, start_training

    started_at, start = datetime.now(UTC), time.monotonic()
    train = split_examples(layout, cell.snapshot, Split.TRAIN)
    validation = split_examples(layout, cell.snapshot, Split.VALIDATION)
    import_training()
    tracking = open_tracked(layout)
    described = replace(run_cell(layout, cell), examples_digest=digest_examples(train, validation))
    run_id = start_training(tracking, comparison_id, described)
    with failing_run(tracking, run_id):
        fitted = fit_cell(layout, cell, train)
        model = build_network(fitted, cell.network)
        document = head_document(fitted, cell)
        _report_tags(cell, document["genres_without_tags"])
        log_json(tracking, run_id, document, "head")
        model_uri = log_model(tracking, run_id, model, cell.document)
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
