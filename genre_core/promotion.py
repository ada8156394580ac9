"""Whether a challenger takes the place of the champion."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from genre_core.evaluation.bootstrap import (
    LEVEL,
    Float64Array,
    Interval,
    interval_rng,
    resamples_for,
)
from genre_core.evaluation.predictions import Judgements, as_matrices, confusion_by_group, recall_of
from genre_core.evaluation.significance import paired_difference, score_intervals

ROUNDING = 1e-9
"""What sums of shares are off by: 0.8 - 0.7 is above 0.1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionConfig:
    """What a challenger is allowed to lose.

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
    """Two networks on the same songs.

    Attributes
    ----------
    name, champion_name : str
        What people read, such as ``cnn at 3 s`` and ``version 2``.
    judged_on : str
        What people read of the songs: ``golden 1``, ``validation``.
    genres : sequence of str
        All that labels and predictions of both can be.
    challenger : Judgements
    champion : Judgements or None
        None where nobody reigns, or the champion cannot be judged on these songs.
    no_champion : str
        Why there is none to compare with.
    n_left_out : int
        Songs that one of the two cannot judge; they are in neither side.
    staleness : float
        Share of the songs of the challenger's snapshot that the champion's snapshot lacks.
    n_candidates : int
        Networks that the challenger is the best of on these very songs; 1 where other songs chose.
    is_other_than_head : bool
        Whether the champion is a `head` and the challenger is not: then new songs alone, on which
        the champion was not trained, are no reason to promote it.
    is_head_over_other : bool
        Whether the challenger is a `head` and the champion none: then it need not prove better.
    objection : str
        Why the challenger may not be promoted whatever it scores, as where its audit has failed;
        empty if nothing is against it.
    """

    name: str
    judged_on: str
    genres: Sequence[str]
    challenger: Judgements
    champion: Judgements | None = None
    champion_name: str = ""
    no_champion: str = "there was no champion"
    n_left_out: int = 0
    staleness: float = 0.0
    n_candidates: int = 1
    is_other_than_head: bool = False
    is_head_over_other: bool = False
    objection: str = ""

    @property
    def level(self) -> float:
        """Level of the interval of the gain: 95 %, or more where the songs have chosen, too."""
        return corrected_level(self.n_candidates)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Whether the challenger is promoted, why, and the macro F1 of both with their difference."""

    promote: bool
    reason: str
    challenger: Interval
    champion: Interval | None
    gain: Interval | None
    n_songs: int


def decide(contest: Contest, config: PromotionConfig, seeded_by: str) -> Decision:
    """Decide whether the challenger is promoted.

    It is if there is no objection, no genre's recall falls by more than
    ``config.largest_recall_fall``, and the interval of its gain in macro F1 lies above zero; where
    the champion's snapshot is stale, a gain above ``-config.margin`` is enough. One that cannot be
    compared with a champion is promoted unless there is an objection.

    Parameters
    ----------
    contest : Contest
    config : PromotionConfig
    seeded_by : str
        Names the songs: the same name draws the same intervals for the same songs.

    Notes
    -----
    The gain is paired: each resample of the bootstrap draws the same songs for both, whole groups
    of them (`significance.paired_difference`).
    The best of k networks on the songs that judge is the luckiest, too. There the level of the
    gain's interval is 1 - 0.05 / k, so that k equally good networks are promoted by chance in 5 %
    of cases at most (Bonferroni; Dunn, Multiple Comparisons among Means, J. Am. Stat. Assoc. 56,
    1961).
    """
    ours = score_intervals(contest.challenger, interval_rng(seeded_by)).macro_f1
    theirs = gain = None
    promote, reason = True, _alone(contest, ours)
    if contest.champion is not None:
        theirs = score_intervals(contest.champion, interval_rng(seeded_by)).macro_f1
        gain = _gain(contest, contest.champion, interval_rng(seeded_by))
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


def proves_better(
    challenger: Judgements, head: Judgements, n_candidates: int, seeded_by: str
) -> bool:
    """Whether the gain of a challenger over a head on the same songs is above zero.

    ``n_candidates`` is the number of networks that it is the best of on these songs: the level of
    the interval is that of `Contest.level`.
    """
    level = corrected_level(n_candidates)
    rng = interval_rng(seeded_by)
    gain = paired_difference(challenger, head, rng, resamples_for(level), level)
    return gain.macro_f1.low > 0


def corrected_level(n_candidates: int) -> float:
    """Level of an interval for the best of several networks on the same songs (Bonferroni)."""
    return 1 - (1 - LEVEL) / max(1, n_candidates)


def _gain(contest: Contest, champion: Judgements, rng: np.random.Generator) -> Interval:
    n_resamples = resamples_for(contest.level)
    return paired_difference(contest.challenger, champion, rng, n_resamples, contest.level).macro_f1


def _alone(contest: Contest, ours: Interval) -> str:
    return (
        f"{contest.name} is promoted: {contest.no_champion}; its macro F1 is {ours} on "
        f"{_songs(contest)}."
    )


def _compare(
    contest: Contest, gain: Interval, scores: tuple[Interval, Interval], config: PromotionConfig
) -> tuple[bool, str]:
    """Say whether what was gained and lost is enough, in a sentence with the numbers."""
    numbers = (
        f"on {_songs(contest)} its macro F1 is {scores[0]} against {scores[1]}, a difference of "
        f"{gain.value:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]{_widening(contest)}"
    )
    ahead = f"{contest.name} takes the place of {contest.champion_name}: {numbers}"
    stays = f"{contest.champion_name} stays before {contest.name}: {numbers}"
    if fall := _recall_fall(contest, config.largest_recall_fall):
        return False, f"{stays}, but {fall}."
    if gain.low > 0:
        return True, f"{ahead}, above zero."
    if gain.value < -config.margin - ROUNDING:
        return False, f"{stays}, more than the margin of {config.margin:g} lost."
    if contest.is_head_over_other:
        return True, f"{ahead}, within the margin of {config.margin:g}: a head is preferred."
    if contest.is_other_than_head:
        return False, f"{stays}, which may be chance; a head gives way to a gain above zero alone."
    new_songs = f"the champion's snapshot lacks {100 * contest.staleness:.0f} % of the songs"
    if contest.staleness >= config.stale_share:
        return True, f"{ahead}, within the margin of {config.margin:g}, and {new_songs}."
    return False, f"{stays}, which may be chance, and {new_songs}."


def _widening(contest: Contest) -> str:
    """Say at which level the interval of the gain is, where it is not at the usual one."""
    if contest.n_candidates < 2:
        return ""
    return (
        f" (at {100 * contest.level:.1f} %, because these songs chose it among "
        f"{contest.n_candidates} networks)"
    )


def _songs(contest: Contest) -> str:
    left_out = f", {contest.n_left_out} left out without spectrograms" if contest.n_left_out else ""
    return f"{len(contest.challenger.labels)} songs ({contest.judged_on}{left_out})"


def _recall_fall(contest: Contest, largest_fall: float) -> str:
    """Name the genre whose recall falls the most, if that is more than may be."""
    if contest.champion is None:
        return ""
    ours, theirs = (_recall(side) for side in (contest.challenger, contest.champion))
    falls = np.nan_to_num(theirs - ours, nan=0.0)
    worst = int(falls.argmax())
    if falls[worst] <= largest_fall + ROUNDING:
        return ""
    genre, before, after = contest.genres[worst], theirs[worst], ours[worst]
    return f"its recall of {genre} falls from {before:.2f} to {after:.2f}"


def _recall(judgements: Judgements) -> Float64Array:
    """Give the recall of each genre, no number where it has no song."""
    summed = confusion_by_group(judgements).sum(axis=0)
    return recall_of(as_matrices(summed, judgements.n_genres)).mean(axis=-2)
