"""Reproduce: train a finished run again from its snapshot, and compare."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
from pydantic import TypeAdapter

from genre_core.errors import UsageError
from genre_core.evaluation.songs import gather_songs
from genre_core.examples import Examples, digest_examples
from genre_core.networks.layers import Network
from genre_core.networks.registry import HEADS
from genre_core.records import LEARNING_SPLITS, Split, counted
from genre_core.representations.embeddings import SEPARATOR
from genre_core.representations.features import FeatureConfig
from genre_core.training.rules import FITTING_VERSION, TrainingConfig
from storage.catalog.connection import open_catalog
from storage.catalog.removals import removed_tracks
from storage.catalog.runs import Run, require_run
from storage.catalog.snapshots import Snapshot, read_fold_groups, read_groups, read_snapshot
from storage.home import DataLayout
from tasks.keras_import import import_training
from tasks.orchestrator import task
from tasks.scores import chosen, measure
from tasks.splits import split_examples
from tasks.tracked import load_model, open_tracked
from tasks.train import Trial, fit_trial

if TYPE_CHECKING:
    from storage.models.store import Tracking

PREFIX = "augmentation_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduction:
    """The result of training a run again; scores are macro F1 by song.

    ``same_examples`` is missing where the run has no digest; ``is_identical`` is whether every
    prediction has the same bits.
    """

    run_id: str
    examples_digest: str
    same_examples: bool | None
    seed: int
    validation_macro_f1: float
    test_macro_f1: float
    validation_within: bool
    test_within: bool
    is_identical: bool

    @property
    def succeeded(self) -> bool:
        """Same examples, and both scores within the intervals of the run."""
        return self.same_examples is not False and self.validation_within and self.test_within


@task
def retrain(layout: DataLayout, name: str) -> Reproduction:
    """Train a run again, named by its id or the beginning of it; the catalog stays as it is."""
    from storage.models.runs import log_reproduction

    with open_catalog(layout) as catalog:
        run = require_run(catalog, name)
        snapshot = read_snapshot(catalog, run.snapshot_id)
        groups = read_groups(catalog, run.snapshot_id)
        fold_groups = read_fold_groups(catalog, run.snapshot_id)
        removed = groups.keys() & set(removed_tracks(catalog))
    if removed:
        raise UsageError(
            f"{counted(len(removed), 'song')} of run {run.run_id} left the store, so it cannot "
            "be trained again."
        )
    tracking = open_tracked(layout)
    trial = _read_trial(tracking, run, snapshot)
    examples = {split: split_examples(layout, snapshot, split) for split in LEARNING_SPLITS}
    model = _train_again(trial, examples, fold_groups)
    scores, is_identical = _compare(layout, run, trial, model, examples, groups)
    digest = digest_examples(examples[Split.TRAIN], examples[Split.VALIDATION])
    known = tracking.client.get_run(run.run_id).data.tags.get("examples_digest")
    reproduction = Reproduction(
        run_id=run.run_id,
        examples_digest=digest,
        same_examples=None if known is None else known == digest,
        seed=run.seed,
        validation_macro_f1=scores[Split.VALIDATION],
        test_macro_f1=scores[Split.TEST],
        validation_within=_is_within(run, "validation", scores[Split.VALIDATION]),
        test_within=_is_within(run, "test", scores[Split.TEST]),
        is_identical=is_identical,
    )
    log_reproduction(tracking, asdict(reproduction), reproduction.succeeded)
    return reproduction


def _read_trial(tracking: "Tracking", run: Run, snapshot: Snapshot) -> Trial:
    from storage.models.logged import describe_model

    document = describe_model(tracking, run.model_uri).document
    params = tracking.client.get_run(run.run_id).data.params
    if run.network not in HEADS and params.get("fitting", "1") != str(FITTING_VERSION):
        raise UsageError(
            f"Run {run.run_id} was trained by an older genreflow, whose arithmetic this one does "
            "not have. Train again; the new run can be reproduced."
        )
    trial = Trial(
        network=run.network,
        seed=run.seed,
        snapshot=snapshot,
        features=FeatureConfig.from_document(document["features"]),
        training=_read_training(params),
        tag_prior=_read_tag_prior(tracking, run),
    )
    if trial.trial_id != run.trial_id:
        raise UsageError(f"The settings of run {run.run_id} cannot be read back.")
    return trial


def _read_tag_prior(tracking: "Tracking", run: Run) -> dict[str, list[str]]:
    """Read the tags of each genre from a head; other networks have none."""
    if run.network not in HEADS:
        return {}
    from storage.models.runs import read_document

    tags = read_document(tracking, run.run_id, "head")["tags"]
    return {genre: [tag.partition(SEPARATOR)[2] for tag in names] for genre, names in tags.items()}


def _read_training(params: Mapping[str, str]) -> TrainingConfig:
    """Read the settings of a training from the parameters of its run, which are text."""
    strengths = {
        name.removeprefix(PREFIX): value
        for name, value in params.items()
        if name.startswith(PREFIX)
    }
    return TypeAdapter(TrainingConfig).validate_python({**params, "augmentation": strengths})


def _compare(
    layout: DataLayout,
    run: Run,
    trial: Trial,
    model: Network,
    examples: Mapping[Split, Examples],
    groups: Mapping[str, str],
) -> tuple[dict[Split, float], bool]:
    """Return macro F1 on both other splits, and whether all predictions have the same bits."""
    predict, before = import_training().predict_genres, load_model(layout, run.model_uri)
    songs, is_identical = {}, True
    for split in (Split.VALIDATION, Split.TEST):
        held = examples[split]
        predicted = predict(model, held.matrices)
        is_identical &= np.array_equal(predicted, predict(before, held.matrices))
        songs[split] = gather_songs(predicted, held.labels, held.track_ids, groups)
    found = measure(songs, trial.snapshot.genres, trial.snapshot.library_id)
    return {split: found.scores[chosen(split)].macro_f1 for split in songs}, is_identical


def _train_again(
    trial: Trial, examples: Mapping[Split, Examples], fold_groups: Mapping[str, str]
) -> Network:
    train, validation = examples[Split.TRAIN], examples[Split.VALIDATION]
    training, n_genres = import_training(), len(trial.snapshot.genres)
    if trial.network in HEADS:
        from genre_core.networks.head import build_head

        return build_head(fit_trial(trial, train, fold_groups).head, trial.network)
    model = training.seeded_network(trial.network, trial.features.shape, n_genres, trial.seed)
    training.fit_network(model, train, validation, trial.training, trial.seed, lambda _scores: None)
    return model


def _is_within(run: Run, split: str, score: float) -> bool:
    """Whether a score lies in the interval of the run; in that of a point if it has none."""
    recorded = getattr(run, f"{split}_macro_f1")
    ends = (getattr(run, f"{split}_macro_f1_{end}") for end in ("low", "high"))
    low, high = (recorded if end is None else end for end in ends)
    return bool(min(low, recorded) - 1e-9 <= score <= max(high, recorded) + 1e-9)
