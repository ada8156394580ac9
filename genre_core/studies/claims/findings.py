"""Findings on claims: what an interval shows, and how sub-claims add up to a claim."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum

from genre_core.evaluation.bootstrap import Interval

MARGIN = 0.03
"""Three points, the smallest difference that the thesis calls one (4.7)."""


class Finding(StrEnum):
    """What the music at hand shows of a claim."""

    HOLDS = "holds"
    FAILS = "does not hold"
    UNTESTABLE = "not testable here"


HOLDS, FAILS, UNTESTABLE = Finding.HOLDS, Finding.FAILS, Finding.UNTESTABLE


class Untestable(Exception):
    """Why a sub-claim cannot be tested, in one sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubClaim:
    """One statement of a claim, and what was found.

    ``reason`` is one sentence, with what would make it testable where it is not; ``ours`` and
    ``thesis`` are figures, with units; ``by_song`` the same by song, where ``ours`` is by fragment.
    """

    finding: Finding
    reason: str
    ours: str = ""
    by_song: str = ""
    statement: str = ""
    thesis: str = ""

    @property
    def sentence(self) -> str:
        """The reason with a capital letter, unless it begins with a name."""
        return self.reason[:1].upper() + self.reason[1:]


@dataclass(frozen=True, slots=True, kw_only=True)
class TestedClaim:
    """A claim with what was found of its sub-claims."""

    __test__ = False
    claim_id: str
    sub_claims: tuple[SubClaim, ...]

    @property
    def finding(self) -> Finding:
        """That of all sub-claims together."""
        return combine([part.finding for part in self.sub_claims])

    @property
    def reason(self) -> str:
        """The sentence of the sub-claim that decides."""
        return next(part.sentence for part in self.sub_claims if part.finding is self.finding)

    def as_document(self) -> dict[str, object]:
        """Return plain values by name."""
        return {
            "claim": self.claim_id,
            "finding": str(self.finding),
            "reason": self.reason,
            "sub_claims": [
                {**asdict(part), "finding": str(part.finding), "reason": part.sentence}
                for part in self.sub_claims
            ],
        }


def combine(findings: Sequence[Finding]) -> Finding:
    """Let one sub-claim that fails fail the claim; it holds only if every sub-claim does."""
    return next((one for one in (FAILS, UNTESTABLE) if one in findings), HOLDS)


def share_reason(claims: Sequence[TestedClaim], phrase: str) -> tuple[list[TestedClaim], str]:
    """Take a phrase that ends several reasons out of them; return also one sentence for all.

    The claims stay as they are, and the sentence is empty, where fewer than two reasons end so.
    """
    ending = f"; {phrase}."
    if sum(part.reason.endswith(ending) for one in claims for part in one.sub_claims) < 2:
        return list(claims), ""
    shortened = []
    for claim in claims:
        parts = (replace(p, reason=p.reason.replace(ending, ".")) for p in claim.sub_claims)
        shortened.append(replace(claim, sub_claims=tuple(parts)))
    return shortened, f"Where an interval includes both answers, {phrase}."


def count_findings(findings: Sequence[Finding]) -> str:
    """Return how many claims have each finding: ``1 claim holds, 2 do not hold, …``."""
    n_hold, n_fail, n_open = (findings.count(finding) for finding in Finding)
    holding = "1 claim holds" if n_hold == 1 else f"{n_hold} claims hold"
    failing = f"{n_fail} {'does' if n_fail == 1 else 'do'} not hold"
    return f"{holding}, {failing}, {n_open} cannot be tested here"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """When the whole interval of a score or a difference shows that a claim holds, or fails.

    ``reasons`` complete "the interval …" for each finding.
    """

    holds: Callable[[Interval], bool]
    fails: Callable[[Interval], bool]
    reasons: Mapping[Finding, str]

    def find(self, interval: Interval) -> Finding:
        """Return the finding of an interval."""
        if self.holds(interval):
            return HOLDS
        return FAILS if self.fails(interval) else UNTESTABLE

    def apply(
        self, interval: Interval, subject: str, remedy: str, ours: str = "", by_song: str = ""
    ) -> SubClaim:
        """Return what an interval shows; ``remedy`` is what would decide where it does not."""
        finding = self.find(interval)
        reason = f"{subject} {self.reasons[finding]}"
        end = f"; {remedy}." if finding is UNTESTABLE else "."
        return SubClaim(finding=finding, reason=f"{reason}{end}", ours=ours, by_song=by_song)


def above(level: float, name: str) -> Rule:
    """Return the rule that a score lies above a level; ``name`` is the level in words."""
    return Rule(
        holds=lambda score: score.low > level,
        fails=lambda score: score.high < level,
        reasons={
            HOLDS: f"lies above {name}",
            FAILS: f"lies below {name}",
            UNTESTABLE: f"includes {name}",
        },
    )


BETTER = above(0.0, "zero")
NO_BETTER = Rule(
    holds=lambda difference: difference.high < MARGIN,
    fails=lambda difference: difference.low > 0,
    reasons={
        HOLDS: "excludes a gain of three points",
        FAILS: "lies above zero",
        UNTESTABLE: "includes both no gain and a gain of three points",
    },
)
SAME = Rule(
    holds=lambda difference: difference.low > -MARGIN and difference.high < MARGIN,
    fails=lambda difference: difference.low > MARGIN or difference.high < -MARGIN,
    reasons={
        HOLDS: "lies within three points",
        FAILS: "lies beyond three points",
        UNTESTABLE: "reaches beyond three points",
    },
)


def share(level: float) -> str:
    """Format a level: ``42 %``."""
    return f"{100 * level:.0f} %"


def percent(score: Interval) -> str:
    """Format a score: ``53 % [41, 65]``."""
    return f"{100 * score.value:.0f} % [{100 * score.low:.0f}, {100 * score.high:.0f}]"


def points(difference: Interval) -> str:
    """Format a difference of two scores: ``+4 points [-6, +13]``."""
    value, low, high = (100 * end for end in difference.as_list())
    return f"{value:+.0f} points [{low:+.0f}, {high:+.0f}]"
