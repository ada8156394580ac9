"""In which order a sweep visits its cells, so that it may be stopped early and still tell much."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol, TypeVar

from genre_core.representations.features import FeatureConfig

THESIS_FRAGMENT_S = 3.0


class SweepCell(Protocol):
    """One training of a sweep."""

    @property
    def seed(self) -> int:
        """What its weights are drawn from."""

    @property
    def features(self) -> FeatureConfig:
        """Its representation and fragment length."""


Cell = TypeVar("Cell", bound=SweepCell)


def order_lengths(lengths_s: Sequence[float]) -> list[float]:
    """Order fragment lengths so that the first few already span them.

    Parameters
    ----------
    lengths_s : sequence of float
        In any order, without doubles.

    Returns
    -------
    list of float
        The one nearest to the thesis's 3 s, the shortest, the longest, then the middle of the
        widest gap (by place among the lengths) until none is left; of equal gaps the first.
    """
    ascending = sorted(lengths_s)
    nearest = min(ascending, key=lambda length_s: abs(length_s - THESIS_FRAGMENT_S))
    first = dict.fromkeys((nearest, ascending[0], ascending[-1]))
    visited = sorted(ascending.index(length_s) for length_s in first)
    order = list(first)
    while len(order) < len(ascending):
        place = _middle_of_widest_gap(visited)
        order.append(ascending[place])
        visited = sorted((*visited, place))
    return order


def _middle_of_widest_gap(visited: Sequence[int]) -> int:
    gaps = [after - before for before, after in pairwise(visited)]
    widest = max(range(len(gaps)), key=lambda place: gaps[place])
    return visited[widest] + gaps[widest] // 2


def order_cells(cells: Sequence[Cell]) -> list[Cell]:
    """Order the cells of a sweep so that each prefix is as telling a table as can be.

    Every network and representation at the first length of `order_lengths` comes before the
    second length, and every length with the first seed before the second seed.
    """
    lengths_s = order_lengths(list(dict.fromkeys(cell.features.fragment_s for cell in cells)))
    seeds = list(dict.fromkeys(cell.seed for cell in cells))
    return sorted(
        cells,
        key=lambda cell: (seeds.index(cell.seed), lengths_s.index(cell.features.fragment_s)),
    )
