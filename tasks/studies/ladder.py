"""Ladder: the trials that are left, one training protocol a task, and the table of all rungs."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from genre_core.audit.label_permutation import subsample_songs
from genre_core.audit.songs import name_recordings
from genre_core.digests import digest_document
from genre_core.errors import UsageError
from genre_core.figures.studies import draw_ladder
from genre_core.studies.ladder.folds import FEWEST_GENRES
from genre_core.studies.ladder.report import LadderPlan, ladder_page
from genre_core.studies.ladder.rungs import LadderConfig
from genre_core.studies.ladder.scores import LadderTrial, RungScore, TrialCounts, run_trial
from storage.catalog.audits import read_audited_songs
from storage.catalog.connection import open_catalog
from storage.catalog.extraction import shard_names
from storage.catalog.recordings import read_duplicates
from storage.catalog.snapshots import Snapshot
from storage.examples import read_examples
from storage.home import DataLayout
from storage.reports import read_document, write_document
from tasks.keras_import import import_learning
from tasks.orchestrator import task
from tasks.studies.record import create_study

FOLDER, TRIALS = "ladder", "trials"


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderReport:
    """The scores of the rungs, and the folder of table and figure."""

    scores: tuple[RungScore, ...]
    caption: str
    seconds: float
    folder: Path

    def as_document(self) -> dict[str, object]:
        """Return plain values by name."""
        rungs = [score.as_document() for score in self.scores]
        return {"caption": self.caption, "seconds": round(self.seconds, 1), "rungs": rungs}


@task
def plan_ladder(
    layout: DataLayout,
    config: LadderConfig,
    snapshots: Mapping[str, Snapshot],
    fragment_s: float,
    name: str,
) -> LadderPlan:
    """Choose the songs; ``snapshots`` are of one library, by representation."""
    snapshot = next(iter(snapshots.values()))
    keys = {representation: one.feature_key for representation, one in snapshots.items()}
    with open_catalog(layout) as catalog:
        library = read_audited_songs(catalog, layout, snapshot.snapshot_id)
        recordings = name_recordings(library, read_duplicates(catalog))
        shards = {key: shard_names(catalog, key) for key in keys.values()}
    songs = tuple(subsample_songs(library, recordings, config.n_songs, seed=0))
    if len({song.genre for song in songs}) < FEWEST_GENRES:
        raise UsageError("The songs of the ladder are of one genre. Use more with --songs.")
    return LadderPlan(
        config=config,
        fragment_s=fragment_s,
        library_id=snapshot.library_id,
        feature_keys=keys,
        shards=shards,
        songs=songs,
        recordings=recordings,
        n_library=len(library),
        name=name,
    )


@task
def select_ladder_trials(layout: DataLayout, plan: LadderPlan) -> list[LadderTrial]:
    """Return the trials that are not finished, seed after seed, from the top rung down."""
    return [trial for trial in plan.trials if _read_trial(layout, plan, trial) is None]


@task
def train_ladder_trial(layout: DataLayout, plan: LadderPlan, trial: LadderTrial) -> None:
    """Train and score a rung with a seed, and write the counts of right predictions."""
    start, config = time.monotonic(), plan.config
    learn = import_learning().make_learner(
        config.network,
        len(plan.genres),
        config.batch_size,
        config.learning_rate,
        trial.rung.n_softmaxes,
    )
    shards = plan.shards[plan.feature_keys[trial.rung.representation]]
    examples = read_examples(layout, shards, plan.genre_of_song, plan.genres)
    counts = run_trial(examples, plan.songs, plan.recordings, trial, config, learn)
    document = {
        "rung": trial.rung.number,
        "labels": str(trial.labels),
        "seed": trial.seed,
        "seconds": time.monotonic() - start,
        "counts": asdict(counts),
    }
    write_document(layout.reports / FOLDER / TRIALS, _trial_id(plan, trial), document)


def _trial_id(plan: LadderPlan, trial: LadderTrial) -> str:
    return digest_document(plan.identity(trial))


def _read_trial(layout: DataLayout, plan: LadderPlan, trial: LadderTrial) -> dict[str, Any] | None:
    return read_document(layout.reports / FOLDER / TRIALS, _trial_id(plan, trial))


@task
def conclude_ladder(layout: DataLayout, plan: LadderPlan) -> LadderReport:
    """Score all rungs; write table and figure into the reports and a run of kind ``ladder``."""
    finished = {trial: _read_trial(layout, plan, trial) for trial in plan.trials}
    documents = {trial: document for trial, document in finished.items() if document}
    if len(documents) < len(finished):
        raise UsageError("The ladder is not finished. Run `genreflow ladder` again to resume.")
    counts = {trial: _read_counts(document) for trial, document in documents.items()}
    scores = tuple(plan.score(rung, counts) for rung in plan.config.rungs)
    seconds = sum(document["seconds"] for document in documents.values())
    report = LadderReport(
        scores=scores,
        caption=plan.caption(seconds),
        seconds=seconds,
        folder=layout.reports / FOLDER,
    )
    tags = {"library_id": plan.library_id}
    study = create_study(layout, FOLDER, "ladder", "ladder", tags)
    with study.failing():
        study.add_figure(FOLDER, draw_ladder(scores, plan.title))
        study.add_numbers(FOLDER, report.as_document())
        study.add_text(f"{FOLDER}.md", ladder_page(scores, report.caption))
        study.add_scores({k: v for score in scores for k, v in score.as_metrics().items()})
    study.finish()
    return report


def _read_counts(document: Mapping[str, Any]) -> TrialCounts:
    return TrialCounts(**{name: tuple(values) for name, values in document["counts"].items()})
