"""The order of the trials of a sweep: one that is stopped early has trained the most useful."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol, TypeVar

from genre_core.representations.features import FeatureConfig

THESIS_FRAGMENT_S = 3.0


class SweepTrial(Protocol):
    """One combination of settings to train."""

    @property
    def seed(self) -> int:
        """Of its weights."""

    @property
    def features(self) -> FeatureConfig:
        """Its representation and fragment length."""


Trial = TypeVar("Trial", bound=SweepTrial)


def order_lengths(lengths_s: Sequence[float]) -> list[float]:
    """Order fragment lengths, without doubles, so that the first few already cover the range.

    The one nearest to the thesis's 3 s, the shortest, the longest, then the middle of the widest
    gap (by place among the lengths) until none is left; of equal gaps the first.
    """
    ascending = sorted(lengths_s)
    nearest = min(ascending, key=lambda length_s: abs(length_s - THESIS_FRAGMENT_S))
    order = list(dict.fromkeys((nearest, ascending[0], ascending[-1])))
    while len(order) < len(ascending):
        visited = sorted(ascending.index(length_s) for length_s in order)
        gap, start = max((b - a, -a) for a, b in pairwise(visited))
        order.append(ascending[gap // 2 - start])
    return order


def order_trials(trials: Sequence[Trial]) -> list[Trial]:
    """Order the trials of a sweep so that each prefix makes as complete a table as possible.

    Every network and representation at the first length of `order_lengths` comes before the
    second length, and every length with the first seed before the second seed.
    """
    lengths_s = order_lengths(list(dict.fromkeys(trial.features.fragment_s for trial in trials)))
    seeds = list(dict.fromkeys(trial.seed for trial in trials))
    return sorted(
        trials,
        key=lambda trial: (seeds.index(trial.seed), lengths_s.index(trial.features.fragment_s)),
    )
