"""Verdicts on claims: what an interval says of them, and how the parts of a claim add up."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from genre_core.bootstrap import Interval

MARGIN = 0.03
"""Three points, the smallest difference that the thesis calls one (4.7)."""


class Verdict(StrEnum):
    """What the music at hand says of a claim."""

    HOLDS = "holds"
    FAILS = "does not hold"
    UNTESTABLE = "not testable here"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One thing that a claim says, and what was found.

    Attributes
    ----------
    says : str
    verdict : Verdict
    why : str
        One sentence; what would make it testable, where it is not.
    ours, thesis : str
        The figures, with units; empty where there is none.
    by_song : str
        The same by song, where ``ours`` is by fragment.
    """

    says: str
    verdict: Verdict
    why: str
    ours: str = ""
    thesis: str = ""
    by_song: str = ""

    @property
    def sentence(self) -> str:
        """Give the reason with a capital letter, unless it begins with a name."""
        return self.why[:1].upper() + self.why[1:]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found of one claim."""

    claim_id: str
    parts: tuple[Part, ...]

    @property
    def verdict(self) -> Verdict:
        """That of all parts together."""
        return combine([part.verdict for part in self.parts])

    @property
    def why(self) -> str:
        """The sentence of the part that decides."""
        return next(part.sentence for part in self.parts if part.verdict is self.verdict)

    def as_document(self) -> dict[str, object]:
        """Give plain values by name."""
        return {
            "claim": self.claim_id,
            "verdict": str(self.verdict),
            "why": self.why,
            "parts": [
                {
                    "says": part.says,
                    "verdict": str(part.verdict),
                    "why": part.sentence,
                    "ours": part.ours,
                    "by_song": part.by_song,
                    "thesis": part.thesis,
                }
                for part in self.parts
            ],
        }


def say_once(findings: Sequence[Finding], phrase: str) -> tuple[list[Finding], str]:
    """Take a phrase that ends the reasons of several parts out of them, to be said above all.

    Returns
    -------
    list of Finding, str
        The findings without it, and the sentence to say; as they were, and empty, where fewer than
        two parts end so.
    """
    ending = f"; {phrase}."
    if sum(part.why.endswith(ending) for found in findings for part in found.parts) < 2:
        return list(findings), ""
    shortened = [
        replace(
            found,
            parts=tuple(replace(part, why=part.why.replace(ending, ".")) for part in found.parts),
        )
        for found in findings
    ]
    return shortened, f"Where an interval takes in both answers, {phrase}."


def combine(verdicts: Sequence[Verdict]) -> Verdict:
    """Let one part that fails fail the claim; it holds only if every part does."""
    for verdict in (Verdict.FAILS, Verdict.UNTESTABLE):
        if verdict in verdicts:
            return verdict
    return Verdict.HOLDS


def above(score: Interval, level: float) -> Verdict:
    """Say whether a score lies above a level: only if its whole interval does."""
    if score.low > level:
        return Verdict.HOLDS
    return Verdict.FAILS if score.high < level else Verdict.UNTESTABLE


def better(difference: Interval) -> Verdict:
    """Say whether one side is better: only if the interval of the difference excludes zero."""
    return above(difference, 0.0)


def no_better(difference: Interval) -> Verdict:
    """Say whether one side is no better: a gain of three points must be excluded."""
    if difference.high < MARGIN:
        return Verdict.HOLDS
    return Verdict.FAILS if difference.low > 0 else Verdict.UNTESTABLE


def alike(difference: Interval) -> Verdict:
    """Say whether two sides are the same: all of the interval within three points of zero."""
    if difference.low > -MARGIN and difference.high < MARGIN:
        return Verdict.HOLDS
    if difference.low > MARGIN or difference.high < -MARGIN:
        return Verdict.FAILS
    return Verdict.UNTESTABLE


def untestable(says: str, why: str, thesis: str = "") -> Part:
    """Say that a part cannot be tested, and why."""
    return Part(says=says, verdict=Verdict.UNTESTABLE, why=why, thesis=thesis)


def share(level: float) -> str:
    """Show a level: ``42 %``."""
    return f"{100 * level:.0f} %"


def percent(score: Interval) -> str:
    """Show a score: ``53 % [41, 65]``."""
    return f"{100 * score.value:.0f} % [{100 * score.low:.0f}, {100 * score.high:.0f}]"


def points(difference: Interval) -> str:
    """Show a difference of two scores: ``+4 points [-6, +13]``."""
    value, low, high = (100 * end for end in difference.as_list())
    return f"{value:+.0f} points [{low:+.0f}, {high:+.0f}]"
