"""Drift: whether new songs look like those that the champion was evaluated on.

References
----------
Two samples: Kolmogorov-Smirnov (Hodges, Arkiv för Matematik 3, 1958); counts: Pearson's chi-square,
by permutation where a count of five or more cannot be expected everywhere (Cochran, Biometrics 10,
1954). Many tests at once: Holm, Scand. J. Statist. 6, 1979.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from genre_core.evaluation.bootstrap import Float64Array
from genre_core.records import counted

FEWEST_SONGS = 5
LEVEL = 0.05
N_PERMUTATIONS = 9999
TOO_FEW = "too few songs"
NAMED_GENRES = 2
"""So many genres are named in a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """One comparison of new songs with known ones; without a test where songs are too few.

    ``test`` is ``KS``, ``chi-square`` or ``chi-square by permutation``; ``adjusted_p`` holds for
    all tests of one table together; ``found`` describes the two sides.
    """

    name: str
    test: str = ""
    statistic: float | None = None
    p: float | None = None
    adjusted_p: float | None = None
    n_new: int
    n_known: int
    found: str = TOO_FEW

    @property
    def drifts(self) -> bool:
        """Whether the new songs differ by more than chance makes likely."""
        return self.adjusted_p is not None and self.adjusted_p < LEVEL

    @property
    def sentence(self) -> str:
        """The result in words."""
        sides = f"{counted(self.n_new, 'new song')} against {self.n_known}"
        if self.adjusted_p is None or self.statistic is None:
            return f"{self.name}: {TOO_FEW} ({sides}; {FEWEST_SONGS} on each side are needed)."
        result = "differs" if self.drifts else "no difference seen"
        p = "p < 0.001" if self.adjusted_p < 0.001 else f"p {self.adjusted_p:.2g}"
        test = f"{self.test} {self.statistic:.2f}, adjusted {p}"
        return f"{self.name}: {result}; {self.found} ({test}, {sides})."

    def as_document(self) -> dict[str, Any]:
        """Return plain values by name."""
        return {**asdict(self), "drifts": self.drifts, "sentence": self.sentence}


def compare_values(name: str, new: Float64Array, known: Float64Array) -> Drift:
    """Test by Kolmogorov-Smirnov whether a value per song has one distribution on both sides.

    Values that are NaN are left out. The p value is not adjusted for other tests yet.
    """
    new, known = new[np.isfinite(new)], known[np.isfinite(known)]
    if min(len(new), len(known)) < FEWEST_SONGS:
        return Drift(name=name, n_new=len(new), n_known=len(known))
    from scipy import stats  # takes half a second to import

    test = stats.ks_2samp(new, known)
    return Drift(
        name=name,
        test="KS",
        statistic=float(test.statistic),
        p=float(test.pvalue),
        adjusted_p=float(test.pvalue),
        n_new=len(new),
        n_known=len(known),
        found=f"median {np.median(new):.3g} against {np.median(known):.3g}",
    )


def compare_genres(
    name: str, new: Sequence[str], known: Sequence[str], rng: np.random.Generator
) -> Drift:
    """Test by Pearson's chi-square, without Yates's correction, whether genres have equal shares.

    Where fewer than five songs are expected of a genre on one side, the probability is estimated
    by permuting the songs of both sides.
    """
    if min(len(new), len(known)) < FEWEST_SONGS:
        return Drift(name=name, n_new=len(new), n_known=len(known))
    from scipy import stats

    genres = sorted({*new, *known})
    counts = np.array(
        [[side.count(genre) for genre in genres] for side in (list(new), list(known))]
    )
    expected = stats.contingency.expected_freq(counts)
    sparse = bool(expected.min() < FEWEST_SONGS)
    method = stats.PermutationMethod(n_resamples=N_PERMUTATIONS, rng=rng) if sparse else None
    if len(genres) == 1:
        statistic, p = 0.0, 1.0
    else:
        test = stats.chi2_contingency(counts, correction=False, method=method)
        statistic, p = float(test.statistic), float(test.pvalue)
    return Drift(
        name=name,
        test="chi-square by permutation" if sparse else "chi-square",
        statistic=statistic,
        p=p,
        adjusted_p=p,
        n_new=len(new),
        n_known=len(known),
        found=_shares(genres, counts),
    )


def adjust(drifts: Sequence[Drift]) -> tuple[Drift, ...]:
    """Adjust the p values of tests that are made together, by Holm's method.

    All tests together raise a false alarm in 5 % of runs.
    """
    ranked = sorted((drift.p, at) for at, drift in enumerate(drifts) if drift.p is not None)
    adjusted, highest = {}, 0.0
    for step, (p, at) in enumerate(ranked):
        highest = max(highest, min(1.0, (len(ranked) - step) * p))
        adjusted[at] = highest
    return tuple(replace(drift, adjusted_p=adjusted.get(at)) for at, drift in enumerate(drifts))


def _shares(genres: Sequence[str], counts: np.ndarray) -> str:
    """Name the genres whose shares differ most."""
    shares = counts / counts.sum(axis=1, keepdims=True)
    widest = np.argsort(-np.abs(shares[0] - shares[1]), kind="stable")[:NAMED_GENRES]
    return ", ".join(
        f"{genres[place]} {shares[0, place]:.0%} against {shares[1, place]:.0%}" for place in widest
    )
