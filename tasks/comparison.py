"""Comparison of runs: seeds averaged, and each group against the best; without Prefect."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from statistics import median
from typing import Any

from genre_core.errors import GenreflowError
from genre_core.evaluation.bootstrap import interval_rng
from genre_core.evaluation.predictions import SongPredictions, predictions_by_name
from genre_core.evaluation.significance import (
    PairedDifference,
    ScoreIntervals,
    Significance,
    paired_difference,
    score_intervals,
)
from genre_core.records import Split, counted
from storage.catalog.runs import PredictedSplit, read_published_predictions
from storage.home import DataLayout

WIDE_INTERVAL = 0.5
"""Of macro F1, from 0 to 1: wider ones leave the order of networks to the choice of songs."""

SplitsOfRuns = Mapping[tuple[str, str], PredictedSplit]
"""Predictions by run and split."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedRun:
    """What of a finished run determines its group."""

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

    ``name`` is that of the network, and what else distinguishes it from the others.
    """

    name: str
    fragment_s: float
    runs: tuple[FinishedRun, ...]
    validation: ScoreIntervals
    test: ScoreIntervals
    library_id: str
    genres: tuple[str, ...]
    predictions: SongPredictions

    @property
    def title(self) -> str:
        """Name for people: ``cnn 3 s``."""
        return f"{self.name} {self.fragment_s:g} s"

    def as_document(self) -> dict[str, object]:
        """Return plain values by name; an interval is value, low, high."""
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
class Difference:
    """Difference of a group to the best one, on the test songs."""

    name: str
    best: str
    difference: PairedDifference

    @property
    def sentence(self) -> str:
        """The difference in words."""
        return self.difference.sentence(self.name, self.best)

    def as_document(self) -> dict[str, object]:
        """Return plain values by name."""
        names = {"name": self.name, "best": self.best, "sentence": self.sentence}
        return names | self.difference.as_document()


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Groups, the best on validation first, and the difference of each other to it."""

    groups: tuple[RunGroup, ...]
    differences: tuple[Difference, ...]

    def as_document(self) -> dict[str, object]:
        """Return plain values by name."""
        return {
            "groups": [group.as_document() for group in self.groups],
            "differences": [one.as_document() for one in self.differences],
        }


def read_comparison(layout: DataLayout, rows: Sequence[Mapping[str, Any]]) -> Comparison:
    """Compare finished runs by the predictions in the published store."""
    return compare_groups(rows, read_published_predictions(layout, [row["run_id"] for row in rows]))


def compare_groups(
    rows: Sequence[Mapping[str, Any]], splits: Iterable[PredictedSplit]
) -> Comparison:
    """Group runs that differ by seed alone, and compare each group with the best.

    ``rows`` are finished runs on one library, with the columns that `FinishedRun` names; ``splits``
    are their predictions of validation and test songs. GenreflowError if the runs have different
    songs, or predictions are missing.
    """
    runs = [FinishedRun(**{f.name: row[f.name] for f in fields(FinishedRun)}) for row in rows]
    predicted = {(one.run_id, one.split): one for one in splits}
    members: dict[tuple[str, ...], list[FinishedRun]] = {}
    for run in sorted(runs, key=lambda run: run.seed):
        _require_predictions(run, predicted)
        key = (run.network, run.representation, run.snapshot_id, run.training_key)
        members.setdefault(key, []).append(run)
    groups = sorted(
        (_group(_name(group[0], runs), group, predicted) for group in members.values()),
        key=lambda group: (
            -group.validation.macro_f1.value,
            -group.validation.accuracy.value,
            group.runs[0].n_parameters,
        ),
    )
    differences = tuple(_difference(groups[0], group) for group in groups[1:])
    return Comparison(groups=tuple(groups), differences=differences)


def difference_sentences(differences: Sequence[Difference]) -> list[str]:
    """Describe significant differences to the best one by one, and the others together."""
    alike = [c for c in differences if c.difference.significance is Significance.NONE]
    if len(alike) < 2:
        return [one.sentence for one in differences]
    significant = [one.sentence for one in differences if one not in alike]
    first = alike[0]
    together = (
        f"The other {len(alike)} show no significant difference from {first.best} on these "
        f"{counted(first.difference.n_songs, 'song')}."
    )
    return [*significant, together]


def doubt_sentences(groups: Sequence[RunGroup]) -> list[str]:
    """Warn that the order means little where most intervals span more than half the scale."""
    scores = [score.macro_f1 for group in groups for score in (group.validation, group.test)]
    if median(score.high - score.low for score in scores) <= WIDE_INTERVAL:
        return []
    return ["Most intervals span more than half the scale: the order of the table means little."]


def predictions_of(splits: Sequence[PredictedSplit]) -> SongPredictions:
    """Predictions of the seeds of one group for their common songs."""
    first = splits[0]
    if any(other.track_ids != first.track_ids for other in splits):
        raise GenreflowError(
            f"The runs {', '.join(other.run_id for other in splits)} predicted different songs and "
            "cannot be averaged. Train them again on the newest library."
        )
    predicted = [other.predicted for other in splits]
    return predictions_by_name(
        first.track_ids, first.group_ids, first.labels, predicted, first.genres
    )


def _require_predictions(run: FinishedRun, predicted: SplitsOfRuns) -> None:
    for split in (Split.VALIDATION, Split.TEST):
        if (run.run_id, str(split)) not in predicted:
            raise GenreflowError(
                f"The store has no predictions of {split} songs by run {run.run_id} "
                f"({run.network}), so that it cannot be compared. Restore the store, or use "
                "another --home and train again."
            )


def _name(run: FinishedRun, runs: Sequence[FinishedRun]) -> str:
    """Name of the network, and what else distinguishes it from the others."""
    key = (run.network, run.representation, run.fragment_s)
    alike = [o for o in runs if (o.network, o.representation, o.fragment_s) == key]
    parts = [run.network]
    if len({other.representation for other in runs}) > 1:
        parts.append(run.representation)
    if len({other.snapshot_id for other in alike}) > 1:
        parts.append(f"snapshot {run.snapshot_id[:4]}")
    if len({other.training_key for other in alike}) > 1:
        parts.append(f"training {run.training_key[:4]}")
    return ", ".join(parts)


def _group(name: str, runs: Sequence[FinishedRun], predicted: SplitsOfRuns) -> RunGroup:
    """Score the runs of a group together; the scores of one run are those of its evaluation."""
    validation, test = (
        [predicted[run.run_id, str(split)] for run in runs]
        for split in (Split.VALIDATION, Split.TEST)
    )
    predictions = predictions_of(test)
    return RunGroup(
        name=name,
        fragment_s=runs[0].fragment_s,
        runs=tuple(runs),
        validation=_scores(validation, predictions_of(validation)),
        test=_scores(test, predictions),
        library_id=test[0].library_id,
        genres=test[0].genres,
        predictions=predictions,
    )


def _scores(splits: Sequence[PredictedSplit], predictions: SongPredictions) -> ScoreIntervals:
    if len(splits) == 1 and splits[0].scores:
        return splits[0].scores
    return score_intervals(predictions, interval_rng(splits[0].library_id))


def _difference(best: RunGroup, group: RunGroup) -> Difference:
    rng = interval_rng(best.library_id)
    try:
        difference = paired_difference(group.predictions, best.predictions, rng)
    except ValueError as error:
        raise GenreflowError(f"{group.title} against {best.title}: {error}") from error
    return Difference(name=group.title, best=best.title, difference=difference)
