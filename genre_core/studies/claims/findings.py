"""Verdicts on claims: what an interval says of them, and how the parts of a claim add up."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from genre_core.evaluation.bootstrap import Interval
from genre_core.studies.claims.evidence import Evidence, Key

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


THESIS_GENRES, THESIS_S = 6, 3.0

_SAID = {
    Verdict.HOLDS: "the interval of the difference lies above zero",
    Verdict.FAILS: "the interval of the difference lies below zero",
}


def level_part(evidence: Evidence, network: str, level: float) -> Part:
    """Say whether a network reaches a level that the thesis tells, by fragment."""
    says = f"`{network}` reaches {share(level)}"
    score = evidence.scores.get((network, evidence.fragment_s))
    if score is None:
        return untestable(says, missing(evidence, [network]), share(level))
    verdict, why = _level(evidence, score.by_fragment, level)
    return Part(
        says=says,
        verdict=verdict,
        why=f"{_name_trainings(evidence, score.key)}: {why}.",
        ours=percent(score.by_fragment),
        by_song=percent(score.by_song),
        thesis=share(level),
    )


def _level(evidence: Evidence, score: Interval, level: float) -> tuple[Verdict, str]:
    verdict, n_genres = above(score, level), len(evidence.genres)
    task = f"{n_genres} genres and fragments of {evidence.fragment_s:g} s"
    easier = n_genres < THESIS_GENRES or evidence.fragment_s > THESIS_S
    harder = n_genres > THESIS_GENRES or evidence.fragment_s < THESIS_S
    if verdict is Verdict.UNTESTABLE:
        return verdict, f"the interval takes in {share(level)}; {more_songs(evidence)}"
    side = "above" if verdict is Verdict.HOLDS else "below"
    if (verdict is Verdict.HOLDS and easier) or (verdict is Verdict.FAILS and harder):
        kind = "an easier" if verdict is Verdict.HOLDS else "a harder"
        return (
            Verdict.UNTESTABLE,
            f"the interval lies {side} {share(level)}, but {task} are {kind} task than the "
            "thesis's; a library of six genres at 3 s would tell",
        )
    return verdict, f"the whole interval lies {side} {share(level)}, with {task}"


def better_part(
    evidence: Evidence,
    ours: Key,
    theirs: Key,
    thesis: str = "",
    judge: Callable[[Interval], Verdict] = better,
    claimed: str = "is better than",
) -> Part:
    """Say how one training stands to another on the same test songs, by fragment."""
    says = f"`{ours[0]}` {claimed} `{theirs[0]}` at {ours[1]:g} s"
    if ours[0] == theirs[0]:
        says = f"`{ours[0]}`: {ours[1]:g} s {claimed} {theirs[1]:g} s"
    if lacking := [key for key in (ours, theirs) if key not in evidence.scores]:
        return untestable(says, missing_keys(lacking), thesis)
    difference = evidence.differences[ours, theirs]
    if difference.by_fragment is None or difference.by_song is None:
        return untestable(says, difference.fault, thesis)
    verdict = judge(difference.by_fragment)
    return Part(
        says=says,
        verdict=verdict,
        why=_difference_sentence(evidence, verdict, judge, (ours, theirs)),
        ours=points(difference.by_fragment),
        by_song=points(difference.by_song),
        thesis=thesis,
    )


def _difference_sentence(
    evidence: Evidence,
    verdict: Verdict,
    judge: Callable[[Interval], Verdict],
    pair: tuple[Key, Key],
) -> str:
    name = " against ".join(_name_trainings(evidence, key) for key in pair)
    if verdict is Verdict.UNTESTABLE:
        asked = "zero" if judge is better else "both no gain and a gain of three points"
        return f"{name}: the interval takes in {asked}; {more_songs(evidence)}."
    if verdict is Verdict.HOLDS and judge is not better:
        return f"{name}: the interval excludes a gain of three points."
    return f"{name}: {_SAID[verdict]}."


def more_songs(evidence: Evidence) -> str:
    """Say that the library is too small, and how small."""
    return (
        f"{evidence.n_songs} test songs of {evidence.n_groups} artists or groups are too few to "
        "tell. Add songs; more seeds steady the value"
    )


def missing(evidence: Evidence, networks: Iterable[str]) -> str:
    """Say which networks have no run at the compared length, and the command that makes them."""
    return missing_keys([(network, evidence.fragment_s) for network in networks])


def missing_keys(keys: Iterable[Key]) -> str:
    """Say which trainings are missing, and the command that makes them."""
    lacking = list(dict.fromkeys(keys))
    names = ", ".join(map(name_key, lacking))
    networks = " ".join(f"--network {name}" for name in dict.fromkeys(key[0] for key in lacking))
    lengths = " ".join(f"--fragment-s {s:g}" for s in dict.fromkeys(key[1] for key in lacking))
    command = f"genreflow sweep --representation thesis {networks} {lengths}"
    return f"there is no finished run of {names}; `{command}` makes it."


def name_key(key: Key) -> str:
    """Name a training in a sentence."""
    return f"`{key[0]}` at {key[1]:g} s"


def _name_trainings(evidence: Evidence, key: Key) -> str:
    """Name trainings that differ by seed alone, and say how many they are."""
    n_seeds = len(evidence.scores[key].run_ids)
    return f"{name_key(key)} ({n_seeds} {'seed' if n_seeds == 1 else 'seeds'})"
