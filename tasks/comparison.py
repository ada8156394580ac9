"""Comparison: runs that differ by seed alone together, and each of them against the best.

Nothing here imports Prefect or MLflow: the command line asks it, too.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import product
from typing import Any

from genre_core.errors import GenreflowError
from genre_core.evaluation.bootstrap import interval_rng
from genre_core.evaluation.predictions import SongPredictions, predictions_by_name
from genre_core.evaluation.significance import (
    PairedDifference,
    ScoreIntervals,
    paired_difference,
    score_intervals,
)
from genre_core.records import Split
from storage.catalog.runs import PredictedSplit, read_published_predictions
from storage.home import DataLayout


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedRun:
    """What of a finished run tells its group."""

    run_id: str
    network: str
    representation: str
    fragment_s: float
    seed: int
    snapshot_id: str
    training_key: str
    n_parameters: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunGroup:
    """Runs that differ by seed alone, scored by song, the scores averaged over seeds.

    ``name`` is that of the network, with whatever else tells it from the others.
    """

    name: str
    fragment_s: float
    runs: tuple[FinishedRun, ...]
    validation: ScoreIntervals
    test: ScoreIntervals
    library_id: str
    genres: tuple[str, ...]
    judged: SongPredictions

    @property
    def title(self) -> str:
        """What people read: ``cnn 3 s``."""
        return f"{self.name} {self.fragment_s:g} s"

    def as_document(self) -> dict[str, object]:
        """Give plain values by name; an interval is value, low, high."""
        first = self.runs[0]
        return {
            "name": self.title,
            "network": first.network,
            "representation": first.representation,
            "fragment_s": self.fragment_s,
            "seeds": [run.seed for run in self.runs],
            "run_ids": [run.run_id for run in self.runs],
            "n_parameters": first.n_parameters,
            "validation": self.validation.as_document(self.genres),
            "test": self.test.as_document(self.genres),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """How a group stands to the best one, on the test songs."""

    name: str
    best: str
    difference: PairedDifference

    @property
    def sentence(self) -> str:
        """Say it in words."""
        return self.difference.sentence(self.name, self.best)

    def as_document(self) -> dict[str, object]:
        """Give plain values by name."""
        told = {"name": self.name, "best": self.best, "sentence": self.sentence}
        return told | self.difference.as_document()


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Groups, the best on validation first, and each of the others against it."""

    groups: tuple[RunGroup, ...]
    challenges: tuple[Challenge, ...]

    def as_document(self) -> dict[str, object]:
        """Give plain values by name."""
        return {
            "groups": [group.as_document() for group in self.groups],
            "differences": [challenge.as_document() for challenge in self.challenges],
        }


def read_comparison(layout: DataLayout, rows: Sequence[Mapping[str, Any]]) -> Comparison:
    """Compare finished runs by what the published store says of their songs."""
    return compare_groups(rows, read_published_predictions(layout, [row["run_id"] for row in rows]))


def compare_groups(
    rows: Sequence[Mapping[str, Any]], judged: Iterable[PredictedSplit]
) -> Comparison:
    """Put runs that differ by seed alone together, and weigh each group against the best.

    Parameters
    ----------
    rows : sequence of mapping
        Finished runs on one library, each with the columns that `FinishedRun` names.
    judged : iterable of PredictedSplit
        What they say of validation and test songs.

    Raises
    ------
    GenreflowError
        If the runs were made on different songs, or what they say is not known.
    """
    runs = [FinishedRun(**{f.name: row[f.name] for f in fields(FinishedRun)}) for row in rows]
    said = {(one.run_id, one.split): one for one in judged}
    _require_judged(runs, said)
    groups = sorted(
        (_group(name, members, said) for name, members in _members(runs)),
        key=lambda group: (
            -group.validation.macro_f1.value,
            -group.validation.accuracy.value,
            group.runs[0].n_parameters,
        ),
    )
    challenges = tuple(_challenge(groups[0], group) for group in groups[1:])
    return Comparison(groups=tuple(groups), challenges=challenges)


def _require_judged(
    runs: Sequence[FinishedRun], said: Mapping[tuple[str, str], PredictedSplit]
) -> None:
    for run, split in product(runs, (Split.VALIDATION, Split.TEST)):
        if (run.run_id, str(split)) not in said:
            raise GenreflowError(
                f"The store has no predictions of {split} songs by run {run.run_id} "
                f"({run.network}), so that it cannot be compared. Restore the store, or use "
                "another --home and train again."
            )


def _members(runs: Sequence[FinishedRun]) -> list[tuple[str, list[FinishedRun]]]:
    """Give the runs of each group with the group's name, in order of appearance."""
    members: dict[tuple[str, ...], list[FinishedRun]] = {}
    for run in runs:
        key = (run.network, run.representation, run.snapshot_id, run.training_key)
        members.setdefault(key, []).append(run)
    return [
        (_name(group[0], runs), sorted(group, key=lambda run: run.seed))
        for group in members.values()
    ]


def _name(run: FinishedRun, runs: Sequence[FinishedRun]) -> str:
    """Name the network, and as much more as tells it from the others."""
    alike = [
        other
        for other in runs
        if (other.network, other.representation, other.fragment_s)
        == (run.network, run.representation, run.fragment_s)
    ]
    parts = [run.network]
    if len({other.representation for other in runs}) > 1:
        parts.append(run.representation)
    if len({other.snapshot_id for other in alike}) > 1:
        parts.append(f"snapshot {run.snapshot_id[:4]}")
    if len({other.training_key for other in alike}) > 1:
        parts.append(f"training {run.training_key[:4] or 'unknown'}")
    return ", ".join(parts)


def _group(
    name: str, runs: Sequence[FinishedRun], said: Mapping[tuple[str, str], PredictedSplit]
) -> RunGroup:
    """Score the runs of a group together."""
    first = said[runs[0].run_id, str(Split.TEST)]
    validation, test = (
        _judgements([said[run.run_id, str(split)] for run in runs])
        for split in (Split.VALIDATION, Split.TEST)
    )
    return RunGroup(
        name=name,
        fragment_s=runs[0].fragment_s,
        runs=tuple(runs),
        validation=score_intervals(validation, interval_rng(first.library_id)),
        test=score_intervals(test, interval_rng(first.library_id)),
        library_id=first.library_id,
        genres=first.genres,
        judged=test,
    )


def _judgements(said: Sequence[PredictedSplit]) -> SongPredictions:
    """Give what the seeds of one group say of the songs that all of them have judged."""
    first = said[0]
    if any(other.track_ids != first.track_ids for other in said):
        raise GenreflowError(
            f"The runs {', '.join(other.run_id for other in said)} were judged on different songs "
            "and cannot be averaged. Train them again on the newest library."
        )
    predicted = [other.predicted for other in said]
    return predictions_by_name(
        first.track_ids, first.group_ids, first.labels, predicted, first.genres
    )


def _challenge(best: RunGroup, group: RunGroup) -> Challenge:
    try:
        difference = paired_difference(group.judged, best.judged, interval_rng(best.library_id))
    except ValueError as error:
        raise GenreflowError(f"{group.title} against {best.title}: {error}") from error
    return Challenge(name=group.title, best=best.title, difference=difference)
