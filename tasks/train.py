"""Train and evaluate: one run a trial; scores by fragment and by song."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from prefect import get_run_logger, task

from genre_core.digests import digest_document
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
from storage.catalog.connection import open_catalog
from storage.catalog.runs import read_runs, trial_id
from storage.catalog.snapshots import Snapshot, count_split_examples, read_fold_groups
from storage.embeddings.embedder import Model
from storage.files import digest_file
from storage.home import DataLayout
from storage.models.champion import EMBEDDER
from tasks.keras_import import import_training
from tasks.progress import show_progress
from tasks.splits import split_examples
from tasks.tracked import open_tracked

if TYPE_CHECKING:
    from storage.models.runs import RunDescription
    from storage.models.store import Tracking

Network = Any  # a keras.Model; naming it would import Keras


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
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
    def trial_id(self) -> str:
        """The same for the same training, so that it is never done twice."""
        return trial_id(self.snapshot.snapshot_id, self.network, self.seed, self.settings)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of the training, flat: of a head, its version and a digest of its tags.

        The tags themselves are in ``head.json`` of the run: names of genres make no parameters.
        """
        if self.network not in HEADS:
            return dict(self.training.as_document())
        return {"head": HEAD_VERSION, "tag_prior": digest_document(self.tags)}

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

    trial: Trial
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
def select_trials(layout: DataLayout, trials: Sequence[Trial]) -> list[Trial]:
    """Leave out the trials that have a finished run."""
    with open_catalog(layout) as catalog:
        done = {run.trial_id for run in read_runs(catalog, [trial.trial_id for trial in trials])}
    return [trial for trial in trials if trial.trial_id not in done]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Begun:
    """A training whose run is open, with its examples."""

    tracking: "Tracking"
    run_id: str
    train: Examples
    validation: Examples
    started_at: datetime


@contextmanager
def _begin(layout: DataLayout, trial: Trial, comparison_id: str) -> Iterator[_Begun]:
    """Start the run of a training and read its examples; any error is recorded in the run."""
    import_training()
    from storage.models.runs import failing_run, log_tags, start_training

    started_at, tracking = datetime.now(UTC), open_tracked(layout)
    run_id = start_training(tracking, comparison_id, describe_trial(layout, trial))
    with failing_run(tracking, run_id):
        train, validation = (
            split_examples(layout, trial.snapshot, split)
            for split in (Split.TRAIN, Split.VALIDATION)
        )
        log_tags(tracking, run_id, {"examples_digest": digest_examples(train, validation)})
        yield _Begun(
            tracking=tracking,
            run_id=run_id,
            train=train,
            validation=validation,
            started_at=started_at,
        )


@task(task_run_name="train {trial.name} seed {trial.seed}")
def train_network(layout: DataLayout, trial: Trial, comparison_id: str) -> Trained:
    """Train one network on the training split and log it; validation picks the best epoch."""
    from genre_core.figures.evaluation import draw_curves
    from storage.models.runs import log_epoch, log_figure

    with (
        _begin(layout, trial, comparison_id) as begun,
        show_progress(f"train {trial.name}", trial.training.max_epochs, "epochs") as advance,
    ):
        tracking, run_id = begun.tracking, begun.run_id

        def on_epoch(scores: EpochScores) -> None:
            log_epoch(tracking, run_id, _curve_points(scores), scores.epoch)
            advance(1, f"validation accuracy {scores.validation_accuracy:.3f}")

        model = _fresh_network(trial)
        curve = import_training().fit_network(
            model, begun.train, begun.validation, trial.training, trial.seed, on_epoch
        )
        log_figure(tracking, run_id, draw_curves(curve, trial.name), "curves")
        trained = _log_trained(trial, comparison_id, begun, model)
    return replace(trained, epochs=len(curve))


def _log_trained(trial: Trial, comparison_id: str, begun: _Begun, model: Network) -> Trained:
    from storage.models.logged import log_model

    model_uri = log_model(begun.tracking, begun.run_id, model, trial.document)
    return Trained(
        trial=trial,
        comparison_id=comparison_id,
        run_id=begun.run_id,
        model_uri=model_uri,
        n_parameters=model.count_params(),
        epochs=0,
        seconds=(datetime.now(UTC) - begun.started_at).total_seconds(),
        started_at=begun.started_at,
    )


def _fresh_network(trial: Trial) -> Network:
    n_genres = len(trial.snapshot.genres)
    try:
        return import_training().seeded_network(
            trial.network, trial.features.shape, n_genres, trial.seed
        )
    except ValueError as error:
        raise GenreflowError(str(error)) from error


def describe_trial(layout: DataLayout, trial: Trial) -> "RunDescription":
    """Describe a training for MLflow."""
    from storage.models.runs import RunDescription

    with open_catalog(layout) as catalog:
        n_examples = count_split_examples(catalog, trial.snapshot)
    return RunDescription(
        network=trial.network,
        representation=trial.features.representation,
        fragment_s=trial.features.fragment_s,
        seed=trial.seed,
        snapshot_id=trial.snapshot.snapshot_id,
        feature_key=trial.snapshot.feature_key,
        genres=trial.snapshot.genres,
        n_train=n_examples[Split.TRAIN],
        n_validation=n_examples[Split.VALIDATION],
        n_test=n_examples[Split.TEST],
        config=trial.settings,
    )


def _curve_points(scores: EpochScores) -> dict[str, float]:
    return {
        "epoch_train_loss": scores.loss,
        "epoch_train_accuracy": scores.accuracy,
        "epoch_validation_loss": scores.validation_loss,
        "epoch_validation_accuracy": scores.validation_accuracy,
        "epoch_learning_rate": scores.learning_rate,
    }


@task(task_run_name="train {trial.name} seed {trial.seed}")
def train_head(layout: DataLayout, trial: Trial, comparison_id: str) -> Trained:
    """Fit a head on the mean embeddings of the training songs and log it.

    Validation songs are read for the digest only: folds of training songs choose and calibrate.
    """
    from storage.models.runs import log_json

    with _begin(layout, trial, comparison_id) as begun:
        fitted = fit_trial(layout, trial, begun.train)
        document = head_document(fitted, trial)
        _report_tags(trial, document["genres_without_tags"])
        log_json(begun.tracking, begun.run_id, document, "head")
        trained = _log_trained(trial, comparison_id, begun, build_network(fitted, trial.network))
        certainty = fit_trial_certainty(layout, trial, begun.train, fitted)
    return replace(trained, temperature=1.0, certainty=certainty)


def fit_trial(layout: DataLayout, trial: Trial, train: Examples) -> FittedHead:
    """Fit the head of a trial on its training songs."""
    groups = _read_groups(layout, trial, train)
    n_genres = len(trial.snapshot.genres)
    prior = trial_prior(trial)
    return fit_head(train.matrices[:, :, 0], train.labels, groups, prior, n_genres, trial.seed)


def fit_trial_certainty(
    layout: DataLayout, trial: Trial, train: Examples, fitted: FittedHead
) -> Certainty:
    """Fit what the predictions of a head say of themselves, on its training songs out of fold."""
    n_features = len(fitted.head.weights) - len(trial_prior(trial))
    features = train.matrices[:, :n_features, 0]
    groups = _read_groups(layout, trial, train)
    novelty = fit_novelty(features, groups, trial.prediction.refuse_share, trial.seed)
    scored = fitted.is_scored
    return fit_certainty(
        fitted.out_of_fold[scored], train.labels[scored], trial.prediction, novelty
    )


def _read_groups(layout: DataLayout, trial: Trial, train: Examples) -> Groups:
    """Read the group (artist) of each training song."""
    with open_catalog(layout) as catalog:
        group_of_track = read_fold_groups(catalog, trial.snapshot.snapshot_id)
    return np.array([group_of_track[track_id] for track_id in train.track_ids], object)


def trial_prior(trial: Trial) -> Float32Array:
    """Return the prior of a trial, float32 (n_tags, n_genres): zeros for `head_no_prior`."""
    embedding = trial.features.embedding
    if embedding is None:
        raise GenreflowError(
            f"{trial.network} reads embeddings, not {trial.features.representation}."
        )
    prior = prior_matrix(trial.snapshot.genres, embedding, tag_table(trial.tag_prior))
    return prior if HEADS[trial.network] else np.zeros_like(prior)


def _report_tags(trial: Trial, without_tags: Sequence[str]) -> None:
    """Log genres that no tag speaks for, unless the settings ask for that, and unknown tags."""
    log = get_run_logger()
    deliberate = {genre for genre, tags in trial.tag_prior.items() if not tags}
    if open_genres := [genre for genre in without_tags if genre not in deliberate]:
        log.warning(
            "No tag of the embedding speaks for %s: the head learns these genres from your songs "
            "alone. [tag_prior] in genreflow.toml can name tags.",
            ", ".join(open_genres),
        )
    embedding = trial.features.embedding
    if embedding and (unknown := unknown_tags(embedding, trial.tag_prior)):
        log.warning(
            '[tag_prior] names %s, which %s does not have; `genreflow sql "select tag from '
            'tag_names"` lists its tags.',
            ", ".join(unknown),
            embedding.name,
        )


def head_document(fitted: FittedHead, trial: Trial) -> dict[str, Any]:
    """Describe a fitted head: what was chosen, the tags of each genre, and which have none."""
    tags = trial.tags
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
