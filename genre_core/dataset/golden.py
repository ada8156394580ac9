"""The golden set: groups that are held out for good, to compare champion and challenger."""

import hashlib
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from genre_core.records import Split

LARGEST_SHARE = 0.5
"""Largest share of the groups that come at a time; the others are for training."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenConfig:
    """Size of the golden set: its share of the songs of each genre; 0 is no golden set.

    A genre with fewer than ``min_groups`` groups (artists, recordings) gives none.
    """

    share: float = 0.10
    min_groups: int = 10

    def __post_init__(self) -> None:
        if not 0 <= self.share <= LARGEST_SHARE:
            raise ValueError(f"golden.share is {self.share}; use a share of 0 to {LARGEST_SHARE}.")
        if self.min_groups < 6:
            raise ValueError(f"golden.min_groups is {self.min_groups}; use 6 or more.")


NO_GOLDEN = GoldenConfig(share=0.0)


def choose_golden(
    members: Mapping[str, Counter[str]],
    filled: Mapping[str, Counter[Split]],
    n_groups: Mapping[str, int],
    config: GoldenConfig,
    seed: int,
) -> set[str]:
    """Choose groups of the golden set among new ones, at most half of them.

    In an order drawn by the seed, a group is taken if that brings its genres nearer to their
    share. Groups with songs of a genre that gives none are not. ``members`` and ``filled`` are
    those of `splits.assign_groups`; ``n_groups`` counts the groups of each genre, old and new.
    """
    totals = Counter({genre: counts.total() for genre, counts in filled.items()})
    for counts in members.values():
        totals.update(counts)
    golden = Counter({genre: counts[Split.GOLDEN] for genre, counts in filled.items()})
    missing = {genre: config.share * total - golden[genre] for genre, total in totals.items()}
    n_new = Counter(genre for counts in members.values() for genre in counts)
    left = {genre: math.ceil(LARGEST_SHARE * n) for genre, n in n_new.items()}
    giving = {genre for genre, n in n_groups.items() if config.share and n >= config.min_groups}
    chosen: set[str] = set()
    for name in sorted(members, key=lambda name: _order(name, seed)):
        counts = members[name]
        if not (counts.keys() <= giving and all(left[genre] for genre in counts)):
            continue
        if _distance(missing, counts) < _distance(missing, dict.fromkeys(counts, 0)):
            chosen.add(name)
            for genre, n_tracks in counts.items():
                missing[genre] -= n_tracks
                left[genre] -= 1
    return chosen


def _distance(missing: Mapping[str, float], counts: Mapping[str, int]) -> float:
    """Distance of genres from their share after adding some songs."""
    return sum(abs(missing[genre] - n_tracks) for genre, n_tracks in counts.items())


def _order(name: str, seed: int) -> str:
    return hashlib.sha256(f"golden {seed}:{name}".encode()).hexdigest()
