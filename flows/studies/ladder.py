"""Flow ladder: the published protocol with all its faults, then one fault fewer a rung."""

from dataclasses import replace
from pathlib import Path

from flows.extract import make_examples
from flows.settings import Settings, read_settings
from genre_core.studies.ladder.rungs import LadderConfig
from storage.lock import hold_home
from tasks.compare import close_killed_runs
from tasks.orchestrator import flow
from tasks.progress import show_progress
from tasks.publish import publish_store
from tasks.splits import assign_splits
from tasks.studies.ladder import (
    LadderReport,
    conclude_ladder,
    plan_ladder,
    select_ladder_trials,
    train_ladder_trial,
)

REPRESENTATIONS = ("getec_int16", "getec", "thesis")
FRAGMENT_S = 3.0


@flow
def ladder(
    config: Settings | None = None,
    measured: LadderConfig | None = None,
    fragment_s: float = FRAGMENT_S,
) -> LadderReport:
    """Extract → split → train what is missing, rung after rung → report."""
    config, measured = config or read_settings(), measured or LadderConfig()
    config = replace(
        config.of_thesis,
        representations=REPRESENTATIONS,
        fragment_lengths_s=(fragment_s,),
        networks=(measured.network,),
    )
    layout, features = config.layout, config.features
    with hold_home(layout):
        make_examples(config)
        snapshots = assign_splits(layout, features, config.genres, config.split_seed, config.golden)
        named = dict(zip(REPRESENTATIONS, snapshots, strict=True))
        name = Path(config.music).name or "the library"
        plan = plan_ladder(layout, measured, named, fragment_s, name)
        close_killed_runs(layout)
        missing = select_ladder_trials(layout, plan)
        with show_progress("ladder", len(missing), "trainings") as advance:
            for trial in missing:
                train_ladder_trial(layout, plan, trial)
                advance(1, f"rung {trial.rung.number}")
        report = conclude_ladder(layout, plan)
        publish_store(layout)
    return report
