"""Drift: whether new songs look like those that the champion was evaluated on.

References
----------
Two samples: Kolmogorov-Smirnov (Hodges, Arkiv för Matematik 3, 1958); counts: Pearson's chi-square,
by permutation where a count of five or more cannot be expected everywhere (Cochran, Biometrics 10,
1954). Many tests at once: Holm, Scand. J. Statist. 6, 1979.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from genre_core.evaluation.bootstrap import Float64Array

FEWEST_SONGS = 5
LEVEL = 0.05
N_PERMUTATIONS = 9999
TOO_FEW = "too few songs"
NAMED_GENRES = 2
"""So many genres are named in a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """One comparison of new songs with known ones.

    Attributes
    ----------
    name : str
        What is compared.
    test : str
        ``KS``, ``chi-square`` or ``chi-square by permutation``; empty where songs are too few.
    statistic, p, adjusted_p : float or None
        ``adjusted_p`` holds for all tests of one table together.
    n_new, n_known : int
        Songs on both sides.
    found : str
        What the two sides are like, in words.
    """

    name: str
    test: str
    statistic: float | None
    p: float | None
    adjusted_p: float | None
    n_new: int
    n_known: int
    found: str

    @property
    def drifts(self) -> bool:
        """Whether the new songs differ by more than chance makes likely."""
        return self.adjusted_p is not None and self.adjusted_p < LEVEL

    @property
    def sentence(self) -> str:
        """The result in words."""
        sides = f"{self.n_new} new songs against {self.n_known}"
        if self.adjusted_p is None or self.statistic is None:
            return f"{self.name}: {TOO_FEW} ({sides}; {FEWEST_SONGS} on each side are needed)."
        verdict = "differs" if self.drifts else "no difference seen"
        test = f"{self.test} {self.statistic:.2f}, adjusted {shown_p(self.adjusted_p)}"
        return f"{self.name}: {verdict}; {self.found} ({test}, {sides})."

    def as_document(self) -> dict[str, Any]:
        """Return plain values by name."""
        return {**asdict(self), "drifts": self.drifts, "sentence": self.sentence}


def shown_p(p: float) -> str:
    """Return a probability as text: ``p 0.03``, ``p < 0.001``."""
    return "p < 0.001" if p < 0.001 else f"p {p:.2g}"


def compare_values(name: str, new: Float64Array, known: Float64Array) -> Drift:
    """Test whether a value per song has the same distribution on both sides.

    Parameters
    ----------
    name : str
    new : float64 [shape=(n_new,)]
    known : float64 [shape=(n_known,)]
        What is no number is left out.

    Returns
    -------
    Drift
        With the two-sided Kolmogorov-Smirnov statistic: the widest gap between the two cumulative
        distributions. Not adjusted for other questions yet.
    """
    new, known = new[np.isfinite(new)], known[np.isfinite(known)]
    if min(len(new), len(known)) < FEWEST_SONGS:
        return _too_few(name, len(new), len(known))
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
    """Test whether genres have the same shares on both sides.

    Returns
    -------
    Drift
        With Pearson's chi-square, without Yates's correction. Where fewer than five songs are
        expected in a cell, its probability is estimated by permuting the songs of both sides.
    """
    if min(len(new), len(known)) < FEWEST_SONGS:
        return _too_few(name, len(new), len(known))
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
    tested = sorted(
        (place for place, drift in enumerate(drifts) if drift.p is not None),
        key=lambda place: drifts[place].p or 0.0,
    )
    adjusted: Mapping[int, float] = _step_down(drifts, tested)
    return tuple(
        replace(drift, adjusted_p=adjusted.get(place)) for place, drift in enumerate(drifts)
    )


def _step_down(drifts: Sequence[Drift], tested: Sequence[int]) -> dict[int, float]:
    """Multiply the smallest p by the number of tests, the next by one less, and so on."""
    adjusted, highest = {}, 0.0
    for step, place in enumerate(tested):
        highest = max(highest, min(1.0, (len(tested) - step) * (drifts[place].p or 0.0)))
        adjusted[place] = highest
    return adjusted


def _too_few(name: str, n_new: int, n_known: int) -> Drift:
    return Drift(
        name=name,
        test="",
        statistic=None,
        p=None,
        adjusted_p=None,
        n_new=n_new,
        n_known=n_known,
        found=TOO_FEW,
    )


def _shares(genres: Sequence[str], counts: np.ndarray) -> str:
    """Name the genres whose shares lie furthest apart."""
    shares = counts / counts.sum(axis=1, keepdims=True)
    widest = np.argsort(-np.abs(shares[0] - shares[1]), kind="stable")[:NAMED_GENRES]
    return ", ".join(
        f"{genres[place]} {shares[0, place]:.0%} against {shares[1, place]:.0%}" for place in widest
    )
