"""Which split a group goes to, so that every genre comes near 70/15/15 (thesis section 4.1.2).

Golden songs stand beside: the shares are those of the rest.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping
from types import MappingProxyType

from genre_core.records import Split

SHARES: Mapping[Split, float] = MappingProxyType(
    {Split.TRAIN: 0.70, Split.VALIDATION: 0.15, Split.TEST: 0.15}
)


def place_groups(
    members: Mapping[str, Counter[str]],
    known: Mapping[str, Split],
    settled: Mapping[str, Counter[Split]],
    seed: int,
) -> dict[str, Split]:
    """Give every group its split: the known one, or the one where most songs are missing.

    Parameters
    ----------
    members : mapping
        The number of new tracks of each group, by genre.
    known : mapping
        The split of each group that stands in one already.
    settled : mapping
        The number of settled tracks of each genre, by split.
    seed : int
        Decides among groups of equal size.

    Returns
    -------
    dict
        The split of each group of ``known`` and ``members``.
    """
    filled = defaultdict(Counter, {genre: Counter(counts) for genre, counts in settled.items()})
    for name in members.keys() & known.keys():
        _fill(filled, members[name], known[name])
    waiting = sorted(members.keys() - known.keys(), key=lambda n: _order(n, members[n], seed))
    totals = Counter({genre: sum(counts[s] for s in SHARES) for genre, counts in filled.items()})
    for name in waiting:
        totals.update(members[name])
    groups_left = Counter(genre for name in waiting for genre in members[name])
    splits = dict(known)
    for name in waiting:
        splits[name] = _emptiest(members[name], filled, totals, groups_left)
        _fill(filled, members[name], splits[name])
        groups_left.subtract(members[name].keys())
    return splits


def _fill(filled: dict[str, Counter[Split]], counts: Mapping[str, int], split: Split) -> None:
    for genre, n_tracks in counts.items():
        filled[genre][split] += n_tracks


def _order(name: str, counts: Counter[str], seed: int) -> tuple[int, str]:
    return -counts.total(), hashlib.sha256(f"{seed}:{name}".encode()).hexdigest()


def _emptiest(
    counts: Mapping[str, int],
    filled: Mapping[str, Counter[Split]],
    totals: Mapping[str, int],
    groups_left: Mapping[str, int],
) -> Split:
    """Choose the split where most songs of these genres are missing.

    Once there are only as many groups left as splits without a song, those splits go first.
    """

    def missing(split: Split) -> tuple[int, float]:
        urgent = sum(
            _must_fill_empty(filled[genre], groups_left[genre]) and not filled[genre][split]
            for genre in counts
        )
        songs = sum(
            n_tracks * (SHARES[split] * totals[genre] - filled[genre][split])
            for genre, n_tracks in counts.items()
        )
        return urgent, songs

    return max(SHARES, key=missing)


def _must_fill_empty(filled: Mapping[Split, int], groups_left: int) -> bool:
    return groups_left <= sum(not filled.get(split) for split in SHARES)
