"""Train: one run a trial, a combination of a network, a snapshot and a seed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import prod
from shutil import disk_usage
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

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
from genre_core.training.head import HEAD_VERSION, FittedHead, fit_head
from genre_core.training.rules import (
    FITTING_VERSION,
    EpochScores,
    TrainingConfig,
    describe_progress,
)
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
from storage.examples import MOST_IN_MEMORY, StoredExamples
from storage.files import digest_file
from storage.home import DataLayout
from storage.models.champion import EMBEDDER
from tasks.fitting import Basis, Fitted, Fitting, build_fitted, fit_stored
from tasks.keras_import import numeric_params
from tasks.orchestrator import get_run_logger, task
from tasks.progress import show_progress
from tasks.splits import find_examples
from tasks.tracked import open_tracked
from tasks.workers import PROCESS_BYTES, START_UP, count_workers, in_worker

if TYPE_CHECKING:
    from storage.models.runs import RunDescription
    from storage.models.store import Tracking


VALUE_BYTES = 4


_HEADS_IN_TURN = Lock()
"""Heads are fitted in this process, each with all cores and all embeddings of a library."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One training of a comparison: a network, a snapshot, a seed."""

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
        """The settings of the training and its version, flat; of a head, a digest of its tags.

        The tags themselves are in ``head.json`` of the run: names of genres make no parameters.
        """
        if self.network not in HEADS:
            return {**self.training.as_document(), "fitting": FITTING_VERSION}
        return {"head": HEAD_VERSION, "tag_prior": digest_document(self.tags)}

    @property
    def tags(self) -> dict[str, tuple[str, ...]]:
        """The tags that are evidence for each genre; empty for a network without a prior."""
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
        genres, embedder = list(self.snapshot.genres), self.embedder
        document: dict[str, object] = {"genres": genres, "features": self.features.as_document()}
        if embedder:
            file = embedder.file.resolve()
            place = {"file": str(file), "sha256": digest_file(file)}
            document[EMBEDDER] = {**embedder.as_document(), **place}
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


def count_trainings(layout: DataLayout, trials: Sequence[Trial]) -> int:
    """Return how many of these trials to train side by side; 1 where that would gain nothing.

    Large training sets are mapped from files in the home, one a training: half of its free disk is
    the limit.
    """
    large = [
        trial
        for trial in trials
        if trial.network not in HEADS
        and trial.training.max_epochs * trial.snapshot.n_examples > START_UP
    ]
    if len(large) < 2:
        return 1
    n_values = max(prod(trial.features.shape) * trial.snapshot.n_examples for trial in large)
    n_bytes = VALUE_BYTES * n_values
    n_files = len(large)
    if n_bytes > MOST_IN_MEMORY:
        n_files = max(1, disk_usage(layout.home).free // (2 * n_bytes))
    n_fitting = count_workers(PROCESS_BYTES + 2 * min(MOST_IN_MEMORY, n_bytes))
    return min(len(large), n_files, n_fitting)


@task(task_run_name="train {trial.name} seed {trial.seed}")
def train_model(layout: DataLayout, trial: Trial, comparison_id: str) -> Trained:
    """Train one network or head on the training split and log it; any error is in its run.

    Validation picks the best epoch of a network. It is only read for the digest where a head is
    fitted: folds of training songs choose and calibrate.
    """
    from storage.models.logged import log_model
    from storage.models.runs import failing_run, start_training

    started_at, tracking = datetime.now(UTC), open_tracked(layout)
    with open_catalog(layout) as catalog:
        n_examples = count_split_examples(catalog, trial.snapshot)
        group_of_track = read_fold_groups(catalog, trial.snapshot.snapshot_id)
    run_id = start_training(tracking, comparison_id, describe_trial(trial, n_examples))
    with failing_run(tracking, run_id):
        stored = [
            find_examples(layout, trial.snapshot, split, trial.snapshot.genres)
            for split in (Split.TRAIN, Split.VALIDATION)
        ]
        temperature, certainty = None, None
        if trial.network in HEADS:
            with _HEADS_IN_TURN, show_progress(f"train {trial.name}", 1, "head") as advance:
                train, validation = (one.read() for one in stored)
                digest = digest_examples(train, validation)
                basis = Basis(params=in_worker(numeric_params), examples_digest=digest)
                _log_basis(tracking, run_id, basis)
                head = fit_trial(trial, train, group_of_track)
                _log_head(tracking, run_id, head, trial)
                temperature, certainty = 1.0, _fit_certainty(trial, train, group_of_track, head)
                fitted = in_worker(build_fitted, head.head, trial.network)
                advance(1)
        else:
            fitted = _train_network(tracking, run_id, trial, stored)
        model_uri = log_model(tracking, run_id, fitted.network, trial.document)
    return Trained(
        trial=trial,
        comparison_id=comparison_id,
        run_id=run_id,
        model_uri=model_uri,
        n_parameters=fitted.network.n_parameters,
        epochs=len(fitted.curve),
        seconds=(datetime.now(UTC) - started_at).total_seconds(),
        started_at=started_at,
        temperature=temperature,
        certainty=certainty,
    )


def _train_network(
    tracking: "Tracking", run_id: str, trial: Trial, stored: Sequence[StoredExamples]
) -> Fitted:
    """Train a network, and log its learning curve, some seconds of it at a time."""
    from genre_core.figures.evaluation import draw_curves
    from storage.models.runs import log_curve, log_figure

    train, validation = stored
    fitting = Fitting(
        network=trial.network,
        shape=trial.features.shape,
        n_genres=len(trial.snapshot.genres),
        seed=trial.seed,
        training=trial.training,
        train=train,
        validation=validation,
    )
    past: list[EpochScores] = []
    with (
        show_progress(f"train {trial.name}", trial.training.max_epochs, "epochs") as advance,
        log_curve(tracking, run_id) as log,
    ):

        def on_report(found: Basis | EpochScores) -> None:
            if isinstance(found, Basis):
                _log_basis(tracking, run_id, found)
                return
            past.append(found)
            log(found.as_points(), found.epoch)
            advance(1, describe_progress(past, trial.training))

        fitted = in_worker(fit_stored, fitting, on_report=on_report)
    log_figure(tracking, run_id, draw_curves(fitted.curve, trial.name), "curves")
    return fitted


def _log_basis(tracking: "Tracking", run_id: str, basis: Basis) -> None:
    """Log what a training is made from before it is fitted: also one that fails has it."""
    from storage.models.runs import log_params, log_tags

    log_params(tracking, run_id, basis.params)
    log_tags(tracking, run_id, {"examples_digest": basis.examples_digest})


def describe_trial(trial: Trial, n_examples: Mapping[Split, int]) -> "RunDescription":
    """Describe a training for MLflow."""
    from storage.models.runs import RunDescription

    return RunDescription(
        network=trial.network,
        representation=trial.features.representation,
        fragment_s=trial.features.fragment_s,
        seed=trial.seed,
        snapshot_id=trial.snapshot.snapshot_id,
        feature_key=trial.snapshot.feature_key,
        genres=trial.snapshot.genres,
        n_examples={str(split): n for split, n in n_examples.items()},
        config=trial.settings,
    )


def fit_trial(trial: Trial, train: Examples, group_of_track: Mapping[str, str]) -> FittedHead:
    """Fit the head of a trial on its training songs, whose groups are artists."""
    groups, n_genres = _groups(train, group_of_track), len(trial.snapshot.genres)
    values = train.matrices[:, :, 0]
    return fit_head(values, train.labels, groups, _prior(trial), n_genres, trial.seed)


def _fit_certainty(
    trial: Trial, train: Examples, group_of_track: Mapping[str, str], fitted: FittedHead
) -> Certainty:
    """Fit how certain the predictions of a head are, on its training songs out of fold."""
    features = train.matrices[:, : len(fitted.head.weights) - len(_prior(trial)), 0]
    groups = _groups(train, group_of_track)
    novelty = fit_novelty(features, groups, trial.prediction.refuse_share, trial.seed)
    scored = fitted.is_scored
    labels = train.labels[scored]
    return fit_certainty(fitted.out_of_fold[scored], labels, trial.prediction, novelty)


def _groups(train: Examples, group_of_track: Mapping[str, str]) -> npt.NDArray[np.object_]:
    return np.array([group_of_track[track_id] for track_id in train.track_ids], object)


def _prior(trial: Trial) -> Float32Array:
    """Return the prior of a trial, float32 (n_tags, n_genres): zeros for `head_no_prior`."""
    embedding = trial.features.embedding
    if embedding is None:
        raise GenreflowError(
            f"{trial.network} reads embeddings, not {trial.features.representation}."
        )
    prior = prior_matrix(trial.snapshot.genres, embedding, tag_table(trial.tag_prior))
    return prior if HEADS[trial.network] else np.zeros_like(prior)


def _log_head(tracking: "Tracking", run_id: str, fitted: FittedHead, trial: Trial) -> None:
    """Log what was chosen for a head, the tags of each genre, and which have none."""
    from storage.models.runs import log_json

    tags = trial.tags
    without_tags = [genre for genre, names in tags.items() if not names]
    document = {
        "prior_strength": fitted.strength,
        "penalty": fitted.penalty,
        "temperature": fitted.temperature,
        "n_out_of_fold": int(fitted.is_scored.sum()),
        "tags": {genre: list(names) for genre, names in tags.items()},
        "genres_without_tags": without_tags,
    }
    log_json(tracking, run_id, document, "head")
    deliberate = {genre for genre, names in trial.tag_prior.items() if not names}
    if open_genres := [genre for genre in without_tags if genre not in deliberate]:
        get_run_logger().warning(
            "The embedding has no tag for %s: the head learns these genres from your songs alone. "
            "[tag_prior] in genreflow.toml can name tags.",
            ", ".join(open_genres),
        )
    embedding = trial.features.embedding
    if embedding and (unknown := unknown_tags(embedding, trial.tag_prior)):
        get_run_logger().warning(
            '[tag_prior] names %s, which %s does not have; `genreflow sql "select tag from '
            'tag_names"` lists its tags.',
            ", ".join(unknown),
            embedding.name,
        )
