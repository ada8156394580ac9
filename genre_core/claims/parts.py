"""Parts that several claims share: a level that is reached, one network better than another."""

from collections.abc import Callable, Iterable

from genre_core.bootstrap import Interval
from genre_core.claims.evidence import Evidence, Key
from genre_core.claims.findings import (
    Part,
    Verdict,
    above,
    better,
    percent,
    points,
    share,
    untestable,
)

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
