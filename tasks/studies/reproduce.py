"""Reproduce: train a finished run again from its snapshot, and say what is the same."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from prefect import task

from genre_core.errors import UsageError
from genre_core.evaluation.songs import gather_songs
from genre_core.examples import Examples, digest_examples
from genre_core.networks.registry import HEADS
from genre_core.records import LEARNING_SPLITS, Split
from genre_core.representations.embeddings import SEPARATOR
from genre_core.representations.features import FeatureConfig
from genre_core.training.augmentation import AugmentationConfig
from genre_core.training.rules import TrainingConfig
from storage.catalog.removals import removed_tracks
from storage.catalog.runs import Run, find_runs
from storage.catalog.snapshots import read_groups, read_snapshot
from storage.home import DataLayout
from tasks.keras_import import import_training
from tasks.scores import chosen, measure
from tasks.splits import split_examples
from tasks.tracked import open_tracked
from tasks.train import Cell, Network, build_network, fit_cell

if TYPE_CHECKING:
    from storage.models.store import Tracking

PREFIX = "augmentation_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduction:
    """What came of training a run again.

    ``same_examples`` is missing where the run is older than the digest; scores are macro F1 by
    song. ``is_identical`` tells whether every prediction has the same bits.
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
    """Train a run again, named by its id or the beginning of it; the catalog learns nothing."""
    from storage.models.runs import log_reproduction, read_tags

    tracking, run = open_tracked(layout), find_run(layout, name)
    cell = _read_cell(layout, tracking, run)
    examples = {split: split_examples(layout, cell.snapshot, split) for split in LEARNING_SPLITS}
    scores, is_identical = _train_again(layout, tracking, run, cell, examples)
    digest = digest_examples(examples[Split.TRAIN], examples[Split.VALIDATION])
    known = read_tags(tracking, run.run_id).get("examples_digest")
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


def _read_cell(layout: DataLayout, tracking: "Tracking", run: Run) -> Cell:
    """Read back what a run was trained from, and make sure that nothing is missing."""
    from storage.models.logged import describe_model
    from storage.models.runs import read_params

    cell = Cell(
        network=run.network,
        seed=run.seed,
        snapshot=read_snapshot(layout, run.snapshot_id),
        features=FeatureConfig.from_document(
            describe_model(tracking, run.model_uri).document["features"]
        ),
        training=read_training(read_params(tracking, run.run_id)),
        tag_prior=_read_tag_prior(tracking, run),
    )
    if cell.cell_id != run.cell_id:
        raise UsageError(f"The settings of run {run.run_id} cannot be read back; it is too old.")
    if n_removed := len(read_groups(layout, run.snapshot_id).keys() & set(removed_tracks(layout))):
        raise UsageError(
            f"{n_removed} songs that run {run.run_id} stands on were removed from the store, so it "
            "cannot be trained again."
        )
    return cell


def _read_tag_prior(tracking: "Tracking", run: Run) -> dict[str, list[str]]:
    """Read the tags of each genre back from a head; nothing of other networks."""
    if run.network not in HEADS:
        return {}
    from storage.models.runs import read_document

    tags = read_document(tracking, run.run_id, "head")["tags"]
    return {genre: [tag.partition(SEPARATOR)[2] for tag in names] for genre, names in tags.items()}


def _fit_again(layout: DataLayout, cell: Cell, examples: Mapping[Split, Examples]) -> Network:
    """Train the network of a cell as the run did."""
    train, validation = examples[Split.TRAIN], examples[Split.VALIDATION]
    training, n_genres = import_training(), len(cell.snapshot.genres)
    if cell.network in HEADS:
        return build_network(fit_cell(layout, cell, train), cell.network)
    model = training.seeded_network(cell.network, cell.features.shape, n_genres, cell.seed)
    training.fit_network(model, train, validation, cell.training, cell.seed, lambda _scores: None)
    return model


def _train_again(
    layout: DataLayout,
    tracking: "Tracking",
    run: Run,
    cell: Cell,
    examples: Mapping[Split, Examples],
) -> tuple[dict[Split, float], bool]:
    """Give macro F1 on both other splits, and whether all predictions have the bits of the run."""
    from storage.models.logged import load_model

    training, model = import_training(), _fit_again(layout, cell, examples)
    before, groups = load_model(tracking, run.model_uri), read_groups(layout, run.snapshot_id)
    said, is_identical = {}, True
    for split in (Split.VALIDATION, Split.TEST):
        held = examples[split]
        now = training.predict_genres(model, held.matrices)
        is_identical &= np.array_equal(now, training.predict_genres(before, held.matrices))
        said[split] = gather_songs(now, held.labels, held.track_ids, groups)
    found = measure(said, cell.snapshot.genres, cell.snapshot.library_id)
    return {split: found.scores[chosen(split)].macro_f1 for split in said}, is_identical


def find_run(layout: DataLayout, name: str) -> Run:
    """Give the one run whose id begins so."""
    runs = find_runs(layout, name)
    if len(runs) != 1:
        raise UsageError(
            f"{len(runs)} finished runs have an id that begins with {name!r}. "
            "`genreflow compare --json` lists them."
        )
    return runs[0]


def read_training(params: Mapping[str, str]) -> TrainingConfig:
    """Read the settings of a training back from the parameters of its run."""
    strengths: dict[str, Any] = {
        field.name: _parse(field.default, params[PREFIX + field.name])
        for field in fields(AugmentationConfig)
        if PREFIX + field.name in params
    }
    plain: dict[str, Any] = {
        field.name: _parse(field.default, params[field.name])
        for field in fields(TrainingConfig)
        if field.name in params
    }
    return TrainingConfig(**plain, augmentation=AugmentationConfig(**strengths))


def _parse(default: object, text: str) -> float:
    return int(text) if isinstance(default, int) else float(text)


def _is_within(run: Run, split: str, score: float) -> bool:
    """Tell whether a score lies in the interval of the run; in that of a point if it has none."""
    recorded = getattr(run, f"{split}_macro_f1")
    low, high = (getattr(run, f"{split}_macro_f1_{end}") for end in ("low", "high"))
    low, high = (recorded if end is None else end for end in (low, high))
    return bool(min(low, recorded) - 1e-9 <= score <= max(high, recorded) + 1e-9)
