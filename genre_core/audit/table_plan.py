"""What the checks of a table share: its rows, learners, folds, and predictions on them."""

import warnings
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from genre_core.audit.baselines import group_folds
from genre_core.audit.label_permutation import select
from genre_core.audit.learners import Fit, nearest_neighbour, ridge
from genre_core.audit.rules import AuditConfig, Check
from genre_core.audit.table import FeatureTable, Pairs, Strings
from genre_core.evaluation.bootstrap import Float64Array
from genre_core.examples import Int64Array
from genre_core.records import counted

LINEAR, NEAREST = "a ridge regression", "a nearest neighbour"
FEWEST_UNITS = 8
"""Groups without which an interval by group says nothing."""
REPEATED_ROWS = 20_000
MOST_REPEATS = 5
"""Cross-validation is repeated until it has scored about as many rows."""

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, eq=False)
class TablePlan:
    """The rows that learners see, and what each split keeps together.

    ``units`` are the groups of the rows, joined where they share a track or a duplicate.
    """

    table: FeatureTable
    units: Strings
    config: AuditConfig

    @cached_property
    def fits(self) -> dict[str, Fit]:
        """The learners: one that generalises, one that memorises."""
        n_classes = len(self.table.classes)
        return {LINEAR: ridge(n_classes), NEAREST: nearest_neighbour(n_classes)}

    @cached_property
    def n_repeats(self) -> int:
        """How often cross-validation is repeated."""
        return max(1, min(MOST_REPEATS, REPEATED_ROWS // len(self.table)))

    def group_pairs(self, repeat: int = 0) -> Pairs:
        """Folds whose groups are apart."""
        return self._pairs(self.units, repeat)

    def track_pairs(self, repeat: int = 0) -> Pairs:
        """Folds whose tracks are apart."""
        tracks = self.table.tracks
        return self._pairs(tracks if tracks is not None else self.units, repeat)

    def row_pairs(self, repeat: int = 0) -> Pairs:
        """Random folds of rows."""
        from sklearn.model_selection import StratifiedKFold

        labels, seed = self.table.labels, self.config.seed + repeat
        n_folds = min(self.config.n_folds, max(Counter(labels.tolist()).values()))
        splitter = StratifiedKFold(n_folds, shuffle=True, random_state=seed)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The least populated class", UserWarning)
            return list(splitter.split(labels, labels))

    def _pairs(self, groups: Strings, repeat: int) -> Pairs:
        config = replace(self.config, seed=self.config.seed + repeat)
        folds = group_folds(self.table.labels.tolist(), groups.tolist(), config)
        return [(np.array(fitted), np.array(scored, np.int64)) for fitted, scored in folds]

    def rng(self, stream: int) -> np.random.Generator:
        """Random generator for one purpose."""
        return np.random.default_rng([self.config.seed, stream])

    def facts(self, rows: BoolArray) -> dict[str, object]:
        """What an interval rests on."""
        return {
            "n_rows": int(rows.sum()),
            "n_groups": len(set(self.units[rows].tolist())),
            "seed": self.config.seed,
        }


def hits_of(plan: TablePlan, fit: Fit, pairs: Pairs) -> Float64Array:
    """Whether each row is predicted correctly, (n_rows,); NaN where it was not scored."""
    predicted = predict_rows(plan, fit, pairs)
    labels = np.searchsorted(plan.table.classes, plan.table.labels)
    return np.where(predicted < 0, np.nan, predicted == labels)


def predict_rows(plan: TablePlan, fit: Fit, pairs: Pairs) -> Int64Array:
    """Predicted class of each row, (n_rows,); -1 where it, or its class, was in no training."""
    examples = plan.table.as_examples()
    predicted = np.full(len(plan.table), -1)
    for number, (train, scored) in enumerate(pairs):
        known = np.isin(examples.labels[scored], examples.labels[train])
        scored = scored[known]
        if len(scored):
            seed = plan.config.seed + number
            predicted[scored] = fit(select(examples, train), select(examples, scored), seed).argmax(
                1
            )
    return predicted


def is_small(plan: TablePlan, rows: BoolArray) -> bool:
    """Whether the scored rows have too few groups, or one class."""
    few = len(set(plan.units[rows].tolist())) < FEWEST_UNITS
    return few or len(set(plan.table.labels[rows].tolist())) < 2


def too_few(plan: TablePlan, rows: BoolArray) -> str:
    """Return the sentence for what `is_small` found."""
    n_groups, n_classes = len(set(plan.units[rows].tolist())), len(set(plan.table.labels[rows]))
    return (
        f"{counted(n_groups, 'group')} in {counted(n_classes, 'class', 'classes')} with two or "
        f"more are left to score; {FEWEST_UNITS} groups in two classes are needed. Add rows of "
        "others."
    )


def with_facts(check: Check, facts: Mapping[str, object]) -> Check:
    """Return a check with what its interval rests on."""
    return replace(check, details={**check.details, **facts})
