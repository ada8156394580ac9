"""Rules of the claims on kernels, ballads, loudness and votes: C6 and C9 to C12."""

import numpy as np

from genre_core.evaluation.bootstrap import Interval
from genre_core.studies.claims.evidence import CountedKernels, Evidence
from genre_core.studies.claims.findings import (
    Part,
    Verdict,
    alike,
    better,
    combine,
    more_songs,
    percent,
    points,
    share,
    untestable,
)
from genre_core.studies.kernels.counts import FEWEST_SEEDS, Mean, mean_over_seeds

ENOUGH = (16, 32)
ROUNDING = 1e-4
"""On the scale of 0 to 1; single precision gives some 1e-6."""

SEEDS_COMMAND = "`genreflow kernels --seed 0 --seed 1 --seed 2 --seed 3 --seed 4`"


def judge_kernel_counts(evidence: Evidence) -> list[Part]:
    """C6: more kernels learn faster, and from 16 + 32 up they end alike."""
    counts = sorted(evidence.kernels.counts, key=lambda count: count.n_first)
    says = "more kernels learn faster and end the same from 16 + 32 up"
    if evidence.kernels.fault:
        return [untestable(says, evidence.kernels.fault, "figure 4.12")]
    if min(count.best.n_seeds for count in counts) < FEWEST_SEEDS:
        why = f"two seeds have no interval; {SEEDS_COMMAND} trains five."
        return [untestable(says, why, "figure 4.12")]
    return [_speed_part(counts), _end_part(counts)]


def _speed_part(counts: list[CountedKernels]) -> Part:
    fewest, most = counts[0], counts[-1]
    says = f"{most.name} kernels need fewer epochs than {fewest.name}"
    level = _common_level(fewest, most)
    if level is None:
        return untestable(says, "there is no level of accuracy that all their seeds reach.")
    slow, fast = (_epochs_at(count, level) for count in (fewest, most))
    verdict = Verdict.UNTESTABLE
    if fast.high < slow.low:
        verdict = Verdict.HOLDS
    elif fast.low > slow.high:
        verdict = Verdict.FAILS
    why = {
        Verdict.HOLDS: "the intervals of the epochs lie apart.",
        Verdict.FAILS: "they need more, and the intervals lie apart.",
        Verdict.UNTESTABLE: "the intervals of the epochs overlap; more seeds, by `genreflow "
        "kernels --seed …`, would narrow them.",
    }[verdict]
    shown = f"to {share(level)} in {_epochs(fast)} against {_epochs(slow)} epochs"
    return Part(says=says, verdict=verdict, why=why, ours=shown, thesis="faster")


def _common_level(fewest: CountedKernels, most: CountedKernels) -> float | None:
    """Give the highest level that every seed of both reached."""
    levels = zip(fewest.levels, fewest.epochs, most.epochs, strict=True)
    return max((level for level, *reached in levels if all(reached)), default=None)


def _epochs_at(count: CountedKernels, level: float) -> Mean:
    epochs = count.epochs[count.levels.index(level)]
    if epochs is None:
        raise ValueError(f"{count.name} kernels do not reach {share(level)} in every seed.")
    return epochs


def _epochs(mean: Mean) -> str:
    return f"{mean.value:.0f} [{max(mean.low, 1):.0f}, {mean.high:.0f}]"


def _end_part(counts: list[CountedKernels]) -> Part:
    says = "from 16 + 32 kernels up the end result is the same"
    base = next((c for c in counts if (c.n_first, c.n_second) == ENOUGH), None)
    larger = [count for count in counts if count.n_first > ENOUGH[0]]
    if base is None or not larger:
        why = f"the study has no {ENOUGH[0]} + {ENOUGH[1]} kernels with more to compare them to; "
        return untestable(says, f"{why}`genreflow kernels` trains all numbers.", "about 87 % each")
    differences = [_less(count.best, base.best) for count in larger]
    verdict = combine([alike(difference) for difference in differences])
    why = {
        Verdict.HOLDS: "every difference lies within three points.",
        Verdict.FAILS: "a difference lies beyond three points.",
        Verdict.UNTESTABLE: "an interval reaches beyond three points; more seeds, by `genreflow "
        "kernels --seed …`, would narrow it.",
    }[verdict]
    named = zip(larger, differences, strict=True)
    shown = "; ".join(f"{count.name}: {points(difference)}" for count, difference in named)
    return Part(says=says, verdict=verdict, why=why, ours=shown, thesis="about 87 % each")


def _less(ours: Mean, theirs: Mean) -> Interval:
    """Give the difference of two independent means; half widths add as squares."""
    half = float(np.hypot(ours.high - ours.value, theirs.high - theirs.value))
    value = ours.value - theirs.value
    return Interval(value=value, low=value - half, high=value + half)


def judge_ballad(evidence: Evidence) -> list[Part]:
    """C9: another genre changes nothing for the others."""
    says, ballad = "`cnn` is the same with and without `ballad`", evidence.ballad
    if ballad.difference is None:
        return [untestable(says, ballad.fault, "no change")]
    verdict = alike(ballad.difference)
    why = {
        Verdict.HOLDS: f"on {ballad.n_songs} songs the difference lies within three points.",
        Verdict.FAILS: f"on {ballad.n_songs} songs the difference lies beyond three points.",
        Verdict.UNTESTABLE: f"the interval reaches beyond three points; {ballad.n_songs} songs "
        "are too few to tell. Add songs.",
    }[verdict]
    shown = points(ballad.difference)
    return [Part(says=says, verdict=verdict, why=why, by_song=shown, thesis="no change")]


def judge_loudness(evidence: Evidence) -> list[Part]:
    """C10: a gain leaves the scaled matrices as they are."""
    says, loudness = "the matrices of a song stay the same at any gain", evidence.loudness
    change = loudness.largest_change
    if change is None:
        return [untestable(says, loudness.fault)]
    same = change <= ROUNDING
    gains = ", ".join(f"{gain:+.0f}" for gain in loudness.gains_db)
    return [
        Part(
            says=says,
            verdict=Verdict.HOLDS if same else Verdict.FAILS,
            why=f"at gains of {gains} dB the matrices of a song are equal but for rounding."
            if same
            else f"at gains of {gains} dB the matrices of a song differ by more than rounding.",
            ours=f"largest difference {change:.1e} on a scale of 0 to 1",
            thesis="independent",
        )
    ]


def judge_aggregation(evidence: Evidence) -> list[Part]:
    """C11: many fragments are right more often than one."""
    says, voted = "all fragments of a song are right more often than one", evidence.aggregation
    if voted is None or voted.n_fragments < 2:
        why = "no finished run has songs of several fragments; `genreflow train` makes one."
        return [untestable(says, why)]
    verdict = better(voted.difference)
    why = {
        Verdict.HOLDS: "the interval of the difference lies above zero.",
        Verdict.FAILS: "the interval of the difference lies below zero.",
        Verdict.UNTESTABLE: f"the interval takes in zero; {more_songs(evidence)}.",
    }[verdict]
    shown = f"{percent(voted.many)} with {voted.n_fragments}, {percent(voted.one)} with one"
    by_song = f"{shown}: {points(voted.difference)}"
    return [Part(says=says, verdict=verdict, why=f"`{voted.name}`: {why}", by_song=by_song)]


def judge_pruning(evidence: Evidence) -> list[Part]:
    """C12: accuracy stays without the kernels that are alike."""
    says, pruned = "accuracy stays without kernels that are alike", evidence.kernels.pruned
    if evidence.kernels.fault:
        return [untestable(says, evidence.kernels.fault)]
    if len(pruned) < FEWEST_SEEDS:
        why = f"{len(pruned)} pruned networks have no interval; {SEEDS_COMMAND} prunes five."
        return [untestable(says, why)]
    mean = mean_over_seeds([network.accuracy - network.accuracy_whole for network in pruned])
    difference = Interval(value=mean.value, low=mean.low, high=mean.high)
    none_went = any(network.n_kept == network.n_whole for network in pruned)
    verdict = Verdict.UNTESTABLE if none_went else alike(difference)
    removed = ", ".join(f"{p.n_whole - p.n_kept} of {p.n_whole}" for p in pruned)
    return [
        Part(
            says=says,
            verdict=verdict,
            why=_pruning_sentence(verdict, none_went),
            ours=f"{points(difference)} with {removed} kernels gone, by seed",
        )
    ]


def _pruning_sentence(verdict: Verdict, none_went: bool) -> str:
    if none_went:
        return "in a seed no kernel could go without a loss on validation; train other seeds."
    return {
        Verdict.HOLDS: "on test fragments the difference lies within three points.",
        Verdict.FAILS: "on test fragments the difference lies beyond three points.",
        Verdict.UNTESTABLE: "the interval reaches beyond three points; more seeds, by `genreflow "
        "kernels --seed …`, would narrow it.",
    }[verdict]
