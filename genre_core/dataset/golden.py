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
    known: Mapping[str, Split],
    settled: Mapping[str, Counter[Split]],
    n_groups: Mapping[str, int],
    config: GoldenConfig,
    seed: int,
) -> dict[str, Split]:
    """Choose the new groups of the golden set: ``Split.GOLDEN`` by name.

    In an order drawn by the seed, a group is taken if that brings its genres nearer to their
    share, at most half of the new ones. Groups with songs of a genre that gives none are not.
    ``members``, ``known`` and ``settled`` are those of `splits.assign_groups`; ``n_groups`` counts
    the groups of each genre, old and new.
    """
    missing = _missing(members, known, settled, config.share)
    new = members.keys() - known.keys()
    n_new = Counter(genre for name in new for genre in members[name])
    left = {genre: math.ceil(LARGEST_SHARE * n) for genre, n in n_new.items()}
    giving = {genre for genre, n in n_groups.items() if config.share and n >= config.min_groups}
    chosen: dict[str, Split] = {}
    for name in sorted(new, key=lambda name: _order(name, seed)):
        counts = members[name]
        if not (counts.keys() <= giving and all(left[genre] for genre in counts)):
            continue
        if _distance(missing, counts) < _distance(missing, dict.fromkeys(counts, 0)):
            chosen[name] = Split.GOLDEN
            for genre, n_tracks in counts.items():
                missing[genre] -= n_tracks
                left[genre] -= 1
    return chosen


def _missing(
    members: Mapping[str, Counter[str]],
    known: Mapping[str, Split],
    settled: Mapping[str, Counter[Split]],
    share: float,
) -> dict[str, float]:
    """Number of golden songs that each genre lacks."""
    totals = Counter({genre: counts.total() for genre, counts in settled.items()})
    golden = Counter({genre: counts[Split.GOLDEN] for genre, counts in settled.items()})
    for name, counts in members.items():
        totals.update(counts)
        if known.get(name) is Split.GOLDEN:
            golden.update(counts)
    return {genre: share * total - golden[genre] for genre, total in totals.items()}


def _distance(missing: Mapping[str, float], counts: Mapping[str, int]) -> float:
    """Distance of genres from their share after adding some songs."""
    return sum(abs(missing[genre] - n_tracks) for genre, n_tracks in counts.items())


def _order(name: str, seed: int) -> str:
    return hashlib.sha256(f"golden {seed}:{name}".encode()).hexdigest()
