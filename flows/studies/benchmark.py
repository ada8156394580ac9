"""Flow benchmark: a public collection, its official split, and the scores beside published ones."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from flows.extract import extract
from flows.ingest import ingest
from flows.settings import Settings, read_settings
from flows.train import plan_trials, train_trials
from storage.lock import hold_home
from tasks.compare import close_killed_runs, finished_runs
from tasks.orchestrator import flow
from tasks.publish import publish_store
from tasks.studies.benchmark import (
    Prepared,
    assign_official,
    close_benchmark,
    list_benchmark,
    open_benchmark,
)
from tasks.studies.benchmark_report import BenchmarkReport, conclude_benchmark
from tasks.studies.benchmark_scores import match_collections, score_models
from tasks.terminal import ERR
from tasks.train import Trial, select_trials


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """A benchmark by its name, and the folders or archives of the user's copy."""

    name: str
    places: Sequence[Path]


@flow
def benchmark(
    trained: Collection,
    tested: Collection | None = None,
    config: Settings | None = None,
) -> BenchmarkReport:
    """List → ingest → extract → official split → train → score → report.

    Each collection has a home of its own below that of the settings, so that a second call does
    what is missing. The models are trained on the one and tested on its test split and, if another
    is named, on the songs of that in the genres in common.
    """
    config = config or read_settings()
    prepared = prepare(config, trained)
    other = prepare(config, tested) if tested else None
    own = of_benchmark(config, trained.name)
    layout = prepared.layout
    with hold_home(layout):
        trials = plan_trials(own, prepared.features, prepared.snapshots)
        train_missing(trained.name, prepared, trials)
        runs = finished_runs(layout, trials)
        matched = match_collections(prepared, other) if other else None
        models = score_models(prepared, runs, matched)
        command = describe_command(config, trained, tested)
        failed = select_trials(layout, trials)
        report = conclude_benchmark(prepared, models, matched, command, failed)
        publish_store(layout)
    return report


def describe_command(config: Settings, trained: Collection, tested: Collection | None) -> str:
    """Return the command that does the same elsewhere, without the folders of this machine."""
    words = ["genreflow", "benchmark", trained.name, "FOLDER"]
    if tested:
        words += ["--test", tested.name, "FOLDER"]
    chosen = {
        "--network": config.networks,
        "--representation": config.representations,
        "--seed": config.seeds,
    }
    words += [word for option, own in chosen.items() for one in own for word in (option, str(one))]
    return shlex.join(words)


def of_benchmark(config: Settings, name: str) -> Settings:
    """Return the settings of a benchmark: its own home, and nothing that is of the user's library.

    Genres and tag priors, snapshots and golden songs, a place of shards, a tracking server.
    """
    plain = Settings()
    return replace(
        config,
        home=config.layout.benchmarks / name,
        music="",
        unlabelled=False,
        label_from="",
        genres=(),
        genre_map={},
        tag_prior={},
        shards="",
        tracking="",
        fragments=plain.fragments,
        golden=plain.golden,
    )


def prepare(config: Settings, collection: Collection) -> Prepared:
    """Bring a collection into its home: every song has an outcome, and its official subset."""
    own = of_benchmark(config, collection.name)
    listed = list_benchmark(own.layout, collection.name, collection.places)
    for line in listed.plan:
        ERR.print(line, soft_wrap=True, markup=False)
    own = replace(own, music=str(listed.manifest))
    ingest(own)
    extract(own)
    with hold_home(own.layout):
        return assign_official(own.layout, listed.official, own.features)


def train_missing(name: str, prepared: Prepared, trials: Sequence[Trial]) -> None:
    """Train what has no run yet; one that fails ends no other."""
    layout = prepared.layout
    close_killed_runs(layout)
    if missing := select_trials(layout, trials):
        parent_id = open_benchmark(layout, name, trials)
        train_trials(layout, missing, parent_id, float("inf"))
        close_benchmark(layout, parent_id)
