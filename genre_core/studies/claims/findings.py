"""Findings on claims: what an interval shows, and how sub-claims add up to a claim."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from genre_core.evaluation.bootstrap import Interval
from genre_core.studies.claims.evidence import Evidence, Key

MARGIN = 0.03
"""Three points, the smallest difference that the thesis calls one (4.7)."""

THESIS_GENRES, THESIS_S = 6, 3.0


class Finding(StrEnum):
    """What the music at hand shows of a claim."""

    HOLDS = "holds"
    FAILS = "does not hold"
    UNTESTABLE = "not testable here"


HOLDS, FAILS, UNTESTABLE = Finding
Rule = Callable[[Interval], Finding]


@dataclass(frozen=True, slots=True, kw_only=True)
class SubClaim:
    """One statement of a claim, and what was found.

    Attributes
    ----------
    reason : str
        One sentence; what would make it testable, where it is not.
    ours, thesis : str
        The figures, with units; empty where there is none.
    by_song : str
        The same by song, where ``ours`` is by fragment.
    """

    statement: str
    finding: Finding
    reason: str
    ours: str = ""
    thesis: str = ""
    by_song: str = ""

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
                {
                    "statement": part.statement,
                    "finding": str(part.finding),
                    "reason": part.sentence,
                    "ours": part.ours,
                    "by_song": part.by_song,
                    "thesis": part.thesis,
                }
                for part in self.sub_claims
            ],
        }


def share_reason(claims: Sequence[TestedClaim], phrase: str) -> tuple[list[TestedClaim], str]:
    """Take a phrase that ends several reasons out of them; return also one sentence for all.

    The claims stay as they are, and the sentence is empty, where fewer than two reasons end so.
    """
    ending = f"; {phrase}."
    if sum(part.reason.endswith(ending) for one in claims for part in one.sub_claims) < 2:
        return list(claims), ""
    shortened = [
        replace(
            one,
            sub_claims=tuple(
                replace(part, reason=part.reason.replace(ending, ".")) for part in one.sub_claims
            ),
        )
        for one in claims
    ]
    return shortened, f"Where an interval includes both answers, {phrase}."


def combine(findings: Sequence[Finding]) -> Finding:
    """Let one sub-claim that fails fail the claim; it holds only if every sub-claim does."""
    return next((one for one in (FAILS, UNTESTABLE) if one in findings), HOLDS)


def above(score: Interval, level: float) -> Finding:
    """Whether a score lies above a level: only if its whole interval does."""
    if score.low > level:
        return HOLDS
    return FAILS if score.high < level else UNTESTABLE


def better(difference: Interval) -> Finding:
    """Whether one side is better: only if the interval of the difference excludes zero."""
    return above(difference, 0.0)


def no_better(difference: Interval) -> Finding:
    """Whether one side is no better: a gain of three points must be excluded."""
    if difference.high < MARGIN:
        return HOLDS
    return FAILS if difference.low > 0 else UNTESTABLE


def same(difference: Interval) -> Finding:
    """Whether two sides are the same: all of the interval within three points of zero."""
    if difference.low > -MARGIN and difference.high < MARGIN:
        return HOLDS
    return FAILS if difference.low > MARGIN or difference.high < -MARGIN else UNTESTABLE


def untestable(statement: str, reason: str, thesis: str = "") -> SubClaim:
    """Return a sub-claim that cannot be tested, and why."""
    return SubClaim(statement=statement, finding=UNTESTABLE, reason=reason, thesis=thesis)


def decide(
    statement: str,
    finding: Finding,
    reasons: tuple[str, str, str],
    ours: str = "",
    thesis: str = "",
    by_song: str = "",
) -> SubClaim:
    """Return a sub-claim with the reason of its finding: it holds, fails or is not testable."""
    reason = reasons[list(Finding).index(finding)]
    return SubClaim(
        statement=statement,
        finding=finding,
        reason=f"{reason}.",
        ours=ours,
        thesis=thesis,
        by_song=by_song,
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


def level_claim(evidence: Evidence, network: str, level: float) -> SubClaim:
    """Test whether a network reaches a level of the thesis, by fragment."""
    statement = f"`{network}` reaches {share(level)}"
    score = evidence.scores.get((network, evidence.fragment_s))
    if score is None:
        return untestable(statement, missing(evidence, [network]), share(level))
    finding, reason = _level(evidence, score.by_fragment, level)
    return SubClaim(
        statement=statement,
        finding=finding,
        reason=f"{_name_trainings(evidence, score.key)}: {reason}.",
        ours=percent(score.by_fragment),
        by_song=percent(score.by_song),
        thesis=share(level),
    )


def _level(evidence: Evidence, score: Interval, level: float) -> tuple[Finding, str]:
    finding, n_genres = above(score, level), len(evidence.genres)
    if finding is UNTESTABLE:
        return finding, f"the interval includes {share(level)}; {more_songs(evidence)}"
    side = "above" if finding is HOLDS else "below"
    task = f"{n_genres} genres and fragments of {evidence.fragment_s:g} s"
    easier = n_genres < THESIS_GENRES or evidence.fragment_s > THESIS_S
    harder = n_genres > THESIS_GENRES or evidence.fragment_s < THESIS_S
    if not (easier if finding is HOLDS else harder):
        return finding, f"the whole interval lies {side} {share(level)}, with {task}"
    kind = "an easier" if finding is HOLDS else "a harder"
    return UNTESTABLE, (
        f"the interval lies {side} {share(level)}, but {task} are {kind} task than the "
        "thesis's; a library of six genres at 3 s would be comparable"
    )


def better_claim(
    evidence: Evidence,
    ours: Key,
    theirs: Key,
    thesis: str = "better",
    rule: Rule = better,
    claimed: str = "is better than",
) -> SubClaim:
    """Compare one training with another on the same test songs, by fragment."""
    statement = f"`{ours[0]}` {claimed} `{theirs[0]}` at {ours[1]:g} s"
    if ours[0] == theirs[0]:
        statement = f"`{ours[0]}`: {ours[1]:g} s {claimed} {theirs[1]:g} s"
    if lacking := [key for key in (ours, theirs) if key not in evidence.scores]:
        return untestable(statement, missing_keys(lacking), thesis)
    difference = evidence.differences[ours, theirs]
    if difference.by_fragment is None or difference.by_song is None:
        return untestable(statement, difference.fault, thesis)
    name = " against ".join(_name_trainings(evidence, key) for key in (ours, theirs))
    return decide(
        statement,
        rule(difference.by_fragment),
        _difference_reasons(f"{name}: the interval", rule is better, more_songs(evidence)),
        ours=points(difference.by_fragment),
        by_song=points(difference.by_song),
        thesis=thesis,
    )


def _difference_reasons(subject: str, is_better: bool, more: str) -> tuple[str, str, str]:
    above_zero, below = (f"{subject} of the difference lies {x} zero" for x in ("above", "below"))
    if is_better:
        return above_zero, below, f"{subject} includes zero; {more}"
    both = "both no gain and a gain of three points"
    return f"{subject} excludes a gain of three points", below, f"{subject} includes {both}; {more}"


def more_songs(evidence: Evidence) -> str:
    """Return a sentence on how small the library is."""
    return (
        f"{evidence.n_songs} test songs of {evidence.n_groups} artists or groups are too few to "
        "decide. Add songs; more seeds steady the value"
    )


def missing(evidence: Evidence, networks: Iterable[str]) -> str:
    """Name the networks that have no run at the compared length, and the command for them."""
    return missing_keys([(network, evidence.fragment_s) for network in networks])


def missing_keys(keys: Iterable[Key]) -> str:
    """Name the trainings that are missing, and the command for them."""
    lacking = list(dict.fromkeys(keys))
    names = ", ".join(f"`{key[0]}` at {key[1]:g} s" for key in lacking)
    networks = " ".join(f"--network {name}" for name in dict.fromkeys(key[0] for key in lacking))
    lengths = " ".join(f"--fragment-s {s:g}" for s in dict.fromkeys(key[1] for key in lacking))
    command = f"genreflow sweep --representation thesis {networks} {lengths}"
    return f"there is no finished run of {names}; run `{command}`."


def _name_trainings(evidence: Evidence, key: Key) -> str:
    """Name trainings that differ by seed alone, with their number."""
    n_seeds = len(evidence.scores[key].run_ids)
    return f"`{key[0]}` at {key[1]:g} s ({n_seeds} {'seed' if n_seeds == 1 else 'seeds'})"
