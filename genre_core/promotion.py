"""Whether a challenger replaces the champion."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from genre_core.evaluation.bootstrap import LEVEL, Interval, interval_rng, resamples_for
from genre_core.evaluation.predictions import (
    SongPredictions,
    as_matrices,
    confusion_by_group,
    recall_of,
)
from genre_core.evaluation.significance import paired_difference, score_intervals
from genre_core.records import counted

FEWEST_VALIDATION_SONGS = 20
"""The first champion that was selected on fewer songs is provisional."""
ROUNDING = 1e-9
"""Rounding error of sums of shares: 0.8 - 0.7 is above 0.1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionConfig:
    """Losses that a challenger is allowed.

    Attributes
    ----------
    margin : float
        Macro F1 that may be lost where the champion's snapshot is stale.
    largest_recall_fall : float
        Recall that any genre may lose.
    stale_share : float
        The champion's snapshot is stale if it lacks this share of the challenger's songs.
    """

    margin: float = 0.02
    largest_recall_fall: float = 0.10
    stale_share: float = 0.2

    def __post_init__(self) -> None:
        for name in ("margin", "largest_recall_fall", "stale_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"promotion.{name} is {getattr(self, name)}; use 0 to 1.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """Predictions of two models for the same songs.

    Attributes
    ----------
    song_set : str
        Names the songs: ``golden 1``, ``validation``.
    champion : SongPredictions or None
        None where there is none to compare with, for the reason in ``no_champion``.
    n_left_out : int
        Songs that one of the two cannot predict; both leave them out.
    staleness : float
        Share of the songs of the challenger's snapshot that the champion's snapshot lacks.
    n_candidates : int
        Models that these very songs chose the challenger among; 1 where other songs chose it.
    n_challenges : int
        Challenges on this frozen set of songs so far, this one included; 0 for other songs.
    is_other_than_head : bool
        The champion is a `head` and the challenger is not: new songs alone do not promote it.
    is_head_over_other : bool
        The challenger is a `head` and the champion is not: it need not be significantly better.
    objection : str
        Why the challenger may not be promoted whatever its score, such as a failed audit.
    """

    name: str
    song_set: str
    genres: Sequence[str]
    challenger: SongPredictions
    champion: SongPredictions | None = None
    champion_name: str = ""
    no_champion: str = "there was no champion"
    n_left_out: int = 0
    staleness: float = 0.0
    n_candidates: int = 1
    n_challenges: int = 0
    is_other_than_head: bool = False
    is_head_over_other: bool = False
    objection: str = ""

    @property
    def level(self) -> float:
        """Confidence level of the gain."""
        return corrected_level(self.n_candidates, self.n_challenges)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Whether the challenger is promoted, why, and the macro F1 of both with their difference."""

    promote: bool
    reason: str
    challenger: Interval
    champion: Interval | None
    gain: Interval | None
    n_songs: int

    def as_columns(self) -> dict[str, Any]:
        """Return scores, gain and number of songs as columns of a promotion."""
        columns: dict[str, Any] = {"n_songs": self.n_songs}
        columns |= self.challenger.as_columns("macro_f1")
        if self.champion and self.gain:
            columns |= self.champion.as_columns("previous_macro_f1") | self.gain.as_columns("gain")
        return columns


def decide(contest: Contest, config: PromotionConfig, seeded_by: str) -> Decision:
    """Decide whether the challenger is promoted.

    It is if there is no objection, no genre's recall falls by more than
    ``config.largest_recall_fall``, and the interval of its gain in macro F1 lies above zero; where
    the champion's snapshot is stale, a gain above ``-config.margin`` is enough. A challenger
    without a champion to compare with is promoted unless there is an objection. What the rules for
    heads ask for (`is_proven_better`) comes in as an objection.

    ``seeded_by`` names the songs: the same name gives the same intervals for the same songs. The
    gain is paired, at the level of `corrected_level`.
    """
    ours = score_intervals(contest.challenger, interval_rng(seeded_by)).macro_f1
    theirs = gain = None
    promote = True
    reason = (
        f"{contest.name} is promoted: {contest.no_champion}; its macro F1 is {ours} on "
        f"{_songs(contest)}."
    )
    if contest.champion is not None:
        theirs = score_intervals(contest.champion, interval_rng(seeded_by)).macro_f1
        gain = gain_of(contest.challenger, contest.champion, contest.level, seeded_by)
        promote, reason = _compare(contest, gain, (ours, theirs), config)
    if contest.objection:
        promote, reason = False, contest.objection
    return Decision(
        promote=promote,
        reason=reason,
        challenger=ours,
        champion=theirs,
        gain=gain,
        n_songs=len(contest.challenger.labels),
    )


def is_proven_better(
    challenger: SongPredictions, head: SongPredictions, n_candidates: int, seeded_by: str
) -> bool:
    """Whether the gain of the best of ``n_candidates`` models over a head is above zero."""
    return gain_of(challenger, head, corrected_level(n_candidates), seeded_by).low > 0


def gain_of(
    challenger: SongPredictions, champion: SongPredictions, level: float, seeded_by: str
) -> Interval:
    """Gain in macro F1 with its interval at a level, from paired resamples."""
    rng, n_resamples = interval_rng(seeded_by), resamples_for(level)
    return paired_difference(challenger, champion, rng, n_resamples, level).macro_f1


def corrected_level(n_candidates: int = 1, n_challenges: int = 0) -> float:
    """Confidence level of the gain: 95 % for one candidate on songs that are not reused.

    Notes
    -----
    The best of c equally good models on the songs that chose it is the luckiest: alpha is divided
    by c (Bonferroni; Dunn, Multiple Comparisons among Means, J. Am. Stat. Assoc. 56, 1961).
    Challenges on one frozen golden set are repeated tests on the same songs. The k-th spends
    alpha_k = alpha * 6 / (pi^2 k^2), which sums to alpha over any number of nights: by the union
    bound, a year of challenges by equally good models promotes one with probability alpha at most
    (alpha spending: Lan and DeMets, Biometrika 70, 1983; this series: Foster and Stine,
    Alpha-Investing, J. R. Stat. Soc. B 70, 2008). A new golden version starts at k = 1.
    """
    spent = 6 / (math.pi * n_challenges) ** 2 if n_challenges else 1
    return 1 - (1 - LEVEL) * spent / max(1, n_candidates)


def _compare(
    contest: Contest, gain: Interval, scores: tuple[Interval, Interval], config: PromotionConfig
) -> tuple[bool, str]:
    """Whether the gain is enough, and a sentence with the numbers."""
    numbers = (
        f"on {_songs(contest)} its macro F1 is {scores[0]} against {scores[1]}, a difference of "
        f"{gain:+.3f}{_level_note(contest)}"
    )
    promoted = f"{contest.name} replaces {contest.champion_name}: {numbers}"
    rejected = f"{contest.name} does not replace {contest.champion_name}: {numbers}"
    if fall := _recall_fall(contest, config.largest_recall_fall):
        return False, f"{rejected}, but {fall}."
    if gain.low > 0:
        return True, f"{promoted}, above zero."
    if gain.value < -config.margin - ROUNDING:
        return False, f"{rejected}, more than the margin of {config.margin:g} lost."
    if contest.is_head_over_other:
        return True, f"{promoted}, within the margin of {config.margin:g}: a head is preferred."
    if contest.is_other_than_head:
        return False, f"{rejected}, not significant; only a gain above zero replaces a head."
    new_songs = f"the champion's snapshot lacks {100 * contest.staleness:.0f} % of the songs"
    if contest.staleness >= config.stale_share:
        return True, f"{promoted}, within the margin of {config.margin:g}, and {new_songs}."
    return False, f"{rejected}, not significant, and {new_songs}."


def _level_note(contest: Contest) -> str:
    """Level of the interval of the gain and why, where it is not the usual one."""
    why = ""
    if contest.n_challenges:
        why = f"challenge {contest.n_challenges} on these songs"
    elif contest.n_candidates > 1:
        why = f"these songs chose it among {contest.n_candidates} models"
    return f" (at {100 * contest.level:.4g} %: {why})" if why else ""


def _songs(contest: Contest) -> str:
    left_out = f", {contest.n_left_out} left out without spectrograms" if contest.n_left_out else ""
    return f"{counted(len(contest.challenger.labels), 'song')} ({contest.song_set}{left_out})"


def _recall_fall(contest: Contest, largest_fall: float) -> str:
    """Describe the genre whose recall falls the most, if that is too much."""
    if contest.champion is None:
        return ""
    ours, theirs = (
        recall_of(as_matrices(confusion_by_group(side).sum(axis=0), side.n_genres)).mean(axis=-2)
        for side in (contest.challenger, contest.champion)
    )
    falls = np.nan_to_num(theirs - ours, nan=0.0)
    worst = int(falls.argmax())
    if falls[worst] <= largest_fall + ROUNDING:
        return ""
    genre, before, after = contest.genres[worst], theirs[worst], ours[worst]
    return f"its recall of {genre} falls from {before:.2f} to {after:.2f}"
