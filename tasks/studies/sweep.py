"""Sweep: one parent run for all trials, however often it is resumed, and a table of their costs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from genre_core.digests import digest_document
from genre_core.errors import GenreflowError
from genre_core.evaluation.bootstrap import Interval
from genre_core.figures.comparison import draw_comparison
from genre_core.figures.studies import CostedScore, draw_storage
from genre_core.records import counted
from storage.catalog.connection import open_catalog
from storage.catalog.extraction import count_song_bytes
from storage.catalog.runs import Run, read_predicted_splits
from storage.home import DataLayout
from tasks.compare import best, drawn_group
from tasks.comparison import Comparison, compare_groups
from tasks.orchestrator import create_table_artifact, task
from tasks.tracked import open_tracked
from tasks.train import Trial

_NONE_FINISHED = "No training of the sweep has finished; see the log."
_NONE_BEGUN = (
    "No finished training matches these settings, and the time was up before the first one began. "
    "Run the same command with a larger --budget-min to resume; extracted features are kept."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRow:
    """One network at one representation and length: macro F1 over its seeds, and its cost.

    ``bytes_per_song`` is what the examples of a song take on the disk, on average.
    """

    network: str
    representation: str
    fragment_s: float
    n_seeds: int
    validation_macro_f1: Interval
    test_macro_f1: Interval
    n_parameters: int
    seconds: float
    bytes_per_song: float

    def as_document(self) -> dict[str, object]:
        """Return plain values by name; an interval is value, low, high."""
        return {
            "network": self.network,
            "representation": self.representation,
            "fragment_s": self.fragment_s,
            "seeds": self.n_seeds,
            "validation_macro_f1": self.validation_macro_f1.as_list(),
            "test_macro_f1": self.test_macro_f1.as_list(),
            "n_parameters": self.n_parameters,
            "seconds": round(self.seconds, 1),
            "bytes_per_song": round(self.bytes_per_song),
        }


@task
def open_sweep(layout: DataLayout, trials: Sequence[Trial]) -> str:
    """Open the parent run of a sweep in MLflow, the same one for the same trials."""
    from storage.models.runs import resume_sweep

    sweep_id = digest_document(sorted(trial.trial_id for trial in trials))
    tags = {"library_id": trials[0].snapshot.library_id}
    name = f"sweep of {counted(len(trials), 'training')}"
    return resume_sweep(open_tracked(layout), name, tags, sweep_id)


@task
def report_sweep(
    layout: DataLayout, run_id: str, runs: Sequence[Run], n_tried: int
) -> list[SweepRow]:
    """Draw and list what has been trained so far, in MLflow and as an artifact.

    ``n_tried`` counts the trainings of this time, finished or not.
    """
    from storage.models.runs import fail_run, finish_run, log_figure, log_json, log_scores

    tracking = open_tracked(layout)
    if not runs:
        failure = GenreflowError(_NONE_FINISHED if n_tried else _NONE_BEGUN)
        fail_run(tracking, run_id, failure)
        raise failure
    with open_catalog(layout) as catalog:
        predicted = read_predicted_splits(catalog, [run.run_id for run in runs])
        song_bytes = count_song_bytes(catalog, [run.snapshot_id for run in runs])
    comparison = compare_groups([run.as_row() for run in runs], predicted)
    rows = _tabulate(comparison, runs, song_bytes)
    for name, figure in _draw(comparison, runs, rows).items():
        log_figure(tracking, run_id, figure, name)
    table = [row.as_document() for row in rows]
    log_json(tracking, run_id, comparison.as_document(), "comparison")
    log_json(tracking, run_id, {"rows": table}, "sweep")
    chosen = {"best_validation_song_mean_macro_f1": best(runs).validation_macro_f1}
    log_scores(tracking, run_id, chosen)
    finish_run(tracking, run_id)
    create_table_artifact(key="sweep", table=table)
    return rows


def _draw(
    comparison: Comparison, runs: Sequence[Run], rows: Sequence[SweepRow]
) -> dict[str, Figure]:
    """Return a figure of the lengths of each representation, and one of score against storage."""
    best_rows = {(row.representation, row.fragment_s): row for row in reversed(rows)}
    costed = [
        CostedScore(
            representation=row.representation,
            fragment_s=row.fragment_s,
            bytes_per_song=row.bytes_per_song,
            validation=row.validation_macro_f1,
        )
        for row in rows
        if row is best_rows[row.representation, row.fragment_s]
    ]
    figures = {"storage": draw_storage(costed)}
    for representation in dict.fromkeys(row.representation for row in rows):
        shown = [g for g in comparison.groups if g.runs[0].representation == representation]
        drawn = [drawn_group(group, runs) for group in shown]
        figures[f"lengths_{representation}"] = draw_comparison(drawn)
    return figures


def _tabulate(
    comparison: Comparison, runs: Sequence[Run], song_bytes: Mapping[str, float]
) -> list[SweepRow]:
    """Return a row a group, the best on validation first; ``song_bytes`` are by snapshot."""
    seconds = {run.run_id: run.seconds for run in runs}
    return [
        SweepRow(
            network=group.runs[0].network,
            representation=group.runs[0].representation,
            fragment_s=group.fragment_s,
            n_seeds=len(group.runs),
            validation_macro_f1=group.validation.macro_f1,
            test_macro_f1=group.test.macro_f1,
            n_parameters=group.runs[0].n_parameters,
            seconds=sum(seconds[run.run_id] for run in group.runs) / len(group.runs),
            bytes_per_song=song_bytes[group.runs[0].snapshot_id],
        )
        for group in comparison.groups
    ]
