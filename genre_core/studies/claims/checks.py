"""How the sub-claims are tested: each check returns what it found, or raises `Untestable`."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from genre_core.evaluation.bootstrap import Interval
from genre_core.studies.claims.evidence import (
    GAINS_DB,
    CountedKernels,
    Evidence,
    Key,
    NetworkScore,
    TrainingHistory,
    missing_runs,
)
from genre_core.studies.claims.findings import (
    BETTER,
    FAILS,
    HOLDS,
    SAME,
    UNTESTABLE,
    Rule,
    SubClaim,
    Untestable,
    above,
    combine,
    percent,
    points,
    share,
)
from genre_core.studies.kernels.counts import FEWEST_SEEDS, Mean, mean_over_seeds

THESIS_GENRES, THESIS_S = 6, 3.0
EARLY_EPOCHS, EARLY_ACCURACY = 100, 0.85
PARAMETER_RATIO = (2.0, 3.0)
"""2.5, as the thesis rounds it."""

ENOUGH = "16 + 32"
ROUNDING = 1e-4
"""On the scale of 0 to 1; single precision gives some 1e-6."""

SEEDS_COMMAND = "`genreflow kernels --seed 0 --seed 1 --seed 2 --seed 3 --seed 4`"
MORE_KERNEL_SEEDS = "add seeds with `genreflow kernels --seed …`"

NO_FRAGMENTS = "no finished run has songs of several fragments; `genreflow train` makes one."

Check = Callable[[Evidence], SubClaim]
T = TypeVar("T")


def reached_level(evidence: Evidence, network: str, level: float) -> SubClaim:
    """Test whether a network reaches a level, by fragment.

    A task easier than the thesis's proves nothing by reaching it, a harder one by missing it.
    """
    (score,) = _scores(evidence, network)
    subject = f"{_trainings(score)}: the whole interval"
    shown = {"ours": percent(score.by_fragment), "by_song": percent(score.by_song)}
    found = above(level, share(level)).apply(score.by_fragment, subject, evidence.too_few, **shown)
    n_genres, fragment_s = len(evidence.genres), evidence.fragment_s
    is_easier = n_genres < THESIS_GENRES or fragment_s > THESIS_S
    is_harder = n_genres > THESIS_GENRES or fragment_s < THESIS_S
    if not (found.finding is HOLDS and is_easier) and not (found.finding is FAILS and is_harder):
        return found
    reason = (
        f"{found.reason.removesuffix('.')}, but {n_genres} genres and fragments of {fragment_s:g} "
        f"s are {'an easier' if found.finding is HOLDS else 'a harder'} task than the thesis's; a "
        "library of six genres at 3 s would be comparable."
    )
    return SubClaim(finding=UNTESTABLE, reason=reason, **shown)


def better_network(evidence: Evidence, ours: str, theirs: str, rule: Rule = BETTER) -> SubClaim:
    """Compare two networks at the compared length, by fragment."""
    return _compare(evidence, (ours, evidence.fragment_s), (theirs, evidence.fragment_s), rule)


def better_length(evidence: Evidence, ours: Key, theirs: Key, wanted: Sequence[Key]) -> SubClaim:
    """Compare trainings of any length, by fragment; one command trains what is ``wanted``."""
    if not evidence.scores.keys() >= {ours, theirs}:
        raise Untestable(missing_runs(key for key in wanted if key not in evidence.scores))
    return _compare(evidence, ours, theirs, BETTER)


def _compare(evidence: Evidence, ours: Key, theirs: Key, rule: Rule) -> SubClaim:
    named = " against ".join(map(_trainings, evidence.require(ours, theirs)))
    difference = available(evidence.differences[ours, theirs])
    return rule.apply(
        difference.by_fragment,
        f"{named}: the interval of the difference",
        evidence.too_few,
        ours=points(difference.by_fragment),
        by_song=points(difference.by_song),
    )


def above_chance(evidence: Evidence) -> SubClaim:
    """Test whether `dense` is better than always predicting the largest genre."""
    (score,) = _scores(evidence, "dense")
    largest = evidence.largest_share
    return above(largest, f"{share(largest)}, the share of the largest genre").apply(
        score.by_fragment,
        "the whole interval",
        evidence.too_few,
        ours=percent(score.by_fragment),
        by_song=percent(score.by_song),
    )


def most_parameters(evidence: Evidence) -> SubClaim:
    """Test whether `lstm` has more parameters than the other recurrent layers."""
    scores = _scores(evidence, "lstm", "gru", "rnn_tanh")
    costs_more = scores[0].n_parameters > max(score.n_parameters for score in scores[1:])
    shown = [
        f"{score.network} {score.n_parameters:,} parameters, {score.epoch_s:.2f} s an epoch"
        for score in scores
    ]
    reason = f"`lstm` {'has' if costs_more else 'does not have'} the most parameters."
    return SubClaim(finding=HOLDS if costs_more else FAILS, reason=reason, ours="; ".join(shown))


def parameter_ratio(evidence: Evidence) -> SubClaim:
    """Test whether `combined` has 2 to 3 times the parameters of `cnn`."""
    combined, cnn = (score.n_parameters for score in _scores(evidence, "combined", "cnn"))
    least, most = PARAMETER_RATIO
    return SubClaim(
        finding=HOLDS if least <= combined / cnn <= most else FAILS,
        reason=f"it has {combined / cnn:.1f} times as many.",
        ours=f"{combined:,} / {cnn:,} = {combined / cnn:.1f} times",
    )


def early_lead(evidence: Evidence) -> SubClaim:
    """Test whether `cnn` within 100 epochs has a higher accuracy than `rnn` ever has."""
    paired = _pair_histories(evidence, "cnn", "rnn")
    difference = mean_over_seeds(
        [cnn.best_within(EARLY_EPOCHS) - max(rnn.accuracies) for cnn, rnn in paired]
    )
    subject = f"over {len(paired)} seeds, the interval of the difference"
    command = "genreflow sweep --network cnn --network rnn --seed 0 … --seed 9"
    remedy = f"train more seeds, such as `{command}`"
    return BETTER.apply(difference, subject, remedy, ours=points(difference))


def race(evidence: Evidence) -> SubClaim:
    """Test whether `combined` within 100 epochs has an accuracy that `cnn` has not."""
    paired = _pair_histories(evidence, "combined", "cnn")
    epochs = [[history.first_epoch(EARLY_ACCURACY) for history in pair] for pair in paired]
    early = np.array([[n is not None and n <= EARLY_EPOCHS for n in pair] for pair in epochs])
    n_won, n_seeds = np.count_nonzero(early[:, 0] & ~early[:, 1]), len(early)
    shown = ", ".join(f"{first or 'never'} / {second or 'never'}" for first, second in epochs)
    ours = f"first epoch, combined / cnn, by seed: {shown}"
    if n_won == n_seeds:
        reason = f"this is so in each of {n_seeds} seeds."
        return SubClaim(finding=HOLDS, reason=reason, ours=ours)
    if n_won:
        reason = f"this is so in {n_won} of {n_seeds} seeds; train more seeds."
        return SubClaim(finding=UNTESTABLE, reason=reason, ours=ours)
    late = "`cnn` is as early" if early[:, 0].any() else "`combined` never is"
    reason = f"this is so in none of {n_seeds} seeds: {late}."
    return SubClaim(finding=FAILS, reason=reason, ours=ours)


def learning_speed(evidence: Evidence) -> SubClaim:
    """Test whether the most kernels reach an accuracy in fewer epochs than the fewest."""
    counts = _counted(evidence)
    fewest, most = counts[0], counts[-1]
    shared = fewest.epochs.keys() & most.epochs.keys()
    if not shared:
        raise Untestable("there is no level of accuracy that all their seeds reach.")
    slow, fast = fewest.epochs[max(shared)], most.epochs[max(shared)]
    ours = f"to {share(max(shared))}: {_epochs(most, fast)} against {_epochs(fewest, slow)}"
    if fast.high < slow.low:
        return SubClaim(
            finding=HOLDS, reason="the intervals of the epochs do not overlap.", ours=ours
        )
    if fast.low > slow.high:
        reason = "they need more, and the intervals do not overlap."
        return SubClaim(finding=FAILS, reason=reason, ours=ours)
    reason = f"the intervals of the epochs overlap; {MORE_KERNEL_SEEDS}."
    return SubClaim(finding=UNTESTABLE, reason=reason, ours=ours)


def _epochs(kernels: CountedKernels, mean: Mean) -> str:
    interval = f"[{max(mean.low, 1):.0f}, {mean.high:.0f}]"
    return f"{mean.value:.0f} {interval} epochs with {kernels.name}"


def same_end(evidence: Evidence) -> SubClaim:
    """Test whether more kernels than 16 + 32 end as these do."""
    counts = _counted(evidence)
    base = next((count.best for count in counts if count.name == ENOUGH), None)
    larger = [count for count in counts if count.n_first > 16]
    if base is None or not larger:
        raise Untestable(
            "the study lacks 16 + 32 kernels, or more to compare them with; `genreflow kernels` "
            "trains all numbers."
        )
    differences = {count.name: _less(count.best, base) for count in larger}
    finding = combine([SAME.find(difference) for difference in differences.values()])
    reasons = {
        HOLDS: "every difference lies within three points.",
        FAILS: "a difference lies beyond three points.",
        UNTESTABLE: f"an interval reaches beyond three points; {MORE_KERNEL_SEEDS}.",
    }
    shown = "; ".join(f"{name}: {points(one)}" for name, one in differences.items())
    return SubClaim(finding=finding, reason=reasons[finding], ours=shown)


def pruning(evidence: Evidence) -> SubClaim:
    """Test whether accuracy stays without the redundant kernels."""
    pruned = available(evidence.kernels).pruned
    if len(pruned) < FEWEST_SEEDS:
        few = f"{len(pruned)} pruned networks have no interval"
        raise Untestable(f"{few}; {SEEDS_COMMAND} prunes five.")
    difference = mean_over_seeds([network.accuracy - network.accuracy_full for network in pruned])
    removed = ", ".join(f"{p.n_full - p.n_kept} of {p.n_full}" for p in pruned)
    ours = f"{points(difference)} with {removed} kernels gone, by seed"
    if any(network.n_kept == network.n_full for network in pruned):
        reason = "in a seed no kernel could go without a loss on validation; train other seeds."
        return SubClaim(finding=UNTESTABLE, reason=reason, ours=ours)
    subject = "on test fragments the interval of the difference"
    return SAME.apply(difference, subject, MORE_KERNEL_SEEDS, ours=ours)


def ballad(evidence: Evidence) -> SubClaim:
    """Test whether another genre changes nothing for the others."""
    ballad = available(evidence.ballad)
    subject = f"on {ballad.n_songs} songs the interval of the difference"
    remedy = "these songs are too few to decide. Add songs"
    return SAME.apply(ballad.difference, subject, remedy, by_song=points(ballad.difference))


def loudness(evidence: Evidence) -> SubClaim:
    """Test whether a gain leaves the scaled matrices as they are."""
    change = available(evidence.loudness)
    gains = ", ".join(f"{gain:+.0f}" for gain in GAINS_DB)
    is_equal = change <= ROUNDING
    differ = "are equal but for rounding" if is_equal else "differ by more than rounding"
    return SubClaim(
        finding=HOLDS if is_equal else FAILS,
        reason=f"at gains of {gains} dB the matrices of a song {differ}.",
        ours=f"largest difference {change:.1e} on a scale of 0 to 1",
    )


def aggregation(evidence: Evidence) -> SubClaim:
    """Test whether many fragments are right more often than one."""
    voted = available(evidence.aggregation)
    if voted.n_fragments < 2:
        raise Untestable(NO_FRAGMENTS)
    shown = f"{percent(voted.many)} with {voted.n_fragments}, {percent(voted.one)} with one"
    subject = f"`{voted.name}`: the interval of the difference"
    by_song = f"{shown}: {points(voted.difference)}"
    return BETTER.apply(voted.difference, subject, evidence.too_few, by_song=by_song)


def available(value: T | str) -> T:
    """Return a part of the evidence, or raise `Untestable` with the reason why it is missing."""
    if isinstance(value, str):
        raise Untestable(value)
    return value


def _scores(evidence: Evidence, *networks: str) -> list[NetworkScore]:
    return evidence.require(*((network, evidence.fragment_s) for network in networks))


def _trainings(score: NetworkScore) -> str:
    """Name trainings that differ by seed alone, with their number."""
    return f"`{score.network}` at {score.fragment_s:g} s ({score.seeds})"


def _pair_histories(
    evidence: Evidence, ours: str, theirs: str
) -> list[tuple[TrainingHistory, TrainingHistory]]:
    """Pair the histories of two networks by seed."""
    if lacking := [name for name in (ours, theirs) if not evidence.histories.get(name)]:
        raise Untestable(missing_runs((name, evidence.fragment_s) for name in lacking))
    by_seed = {history.seed: history for history in evidence.histories[theirs]}
    paired = [(h, by_seed[h.seed]) for h in evidence.histories[ours] if h.seed in by_seed]
    if len(paired) < FEWEST_SEEDS:
        seeds = " ".join(f"--seed {seed}" for seed in range(FEWEST_SEEDS))
        command = f"genreflow sweep --network {ours} --network {theirs}"
        raise Untestable(
            f"{len(paired)} seeds of both are too few for an interval over seeds; "
            f"`{command} --fragment-s {evidence.fragment_s:g} {seeds}` trains three."
        )
    if not all(history.covers(EARLY_EPOCHS) for pair in paired for history in pair):
        raise Untestable(
            "trainings were cut off before 100 epochs by `training.max_epochs`; raise it in "
            "genreflow.toml and train again."
        )
    return paired


def _counted(evidence: Evidence) -> list[CountedKernels]:
    """Return the networks of the kernel study, from few kernels to many."""
    counts = available(evidence.kernels).counts
    if min(count.best.n_seeds for count in counts) < FEWEST_SEEDS:
        raise Untestable(f"two seeds have no interval; {SEEDS_COMMAND} trains five.")
    return sorted(counts, key=lambda count: count.n_first)


def _less(ours: Mean, theirs: Mean) -> Interval:
    """Difference of two independent means; half widths add as squares."""
    half = float(np.hypot(ours.high - ours.value, theirs.high - theirs.value))
    value = ours.value - theirs.value
    return Interval(value=value, low=value - half, high=value + half)
