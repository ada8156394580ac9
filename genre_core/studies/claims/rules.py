"""The rule of each claim: which sub-claims it has, and what decides them."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from genre_core.evaluation.bootstrap import Interval
from genre_core.studies.claims.evidence import (
    LENGTH_NETWORKS,
    LENGTHS_S,
    CountedKernels,
    Evidence,
    NetworkScore,
    TrainingHistory,
)
from genre_core.studies.claims.findings import (
    FAILS,
    HOLDS,
    UNTESTABLE,
    SubClaim,
    TestedClaim,
    above,
    better,
    better_claim,
    combine,
    decide,
    level_claim,
    missing,
    missing_keys,
    more_songs,
    no_better,
    percent,
    points,
    same,
    share,
    untestable,
)
from genre_core.studies.kernels.counts import FEWEST_SEEDS, Mean, mean_over_seeds

EARLY_EPOCHS = 100
EARLY_ACCURACY = 0.85
PARAMETER_RATIO = (2.0, 3.0)
"""2.5, as the thesis rounds it."""

ENOUGH = (16, 32)
ROUNDING = 1e-4
"""On the scale of 0 to 1; single precision gives some 1e-6."""

SEEDS_COMMAND = "`genreflow kernels --seed 0 --seed 1 --seed 2 --seed 3 --seed 4`"
MORE_KERNEL_SEEDS = "add seeds with `genreflow kernels --seed …`"

Paired = list[tuple[TrainingHistory, TrainingHistory]]


def check_dense(evidence: Evidence) -> list[SubClaim]:
    """C1: far above chance, and 42 %."""
    statement = "`dense` lies above the share of the largest genre"
    thesis = "42 % against 16.7 %"
    scores, lacking = _scores(evidence, "dense")
    if lacking:
        return [untestable(statement, lacking, thesis)]
    accuracy = scores[0].by_fragment
    largest = f"{share(evidence.largest_share)}, the share of the largest genre"
    reasons = (
        f"the whole interval lies above {largest}",
        f"the whole interval lies below {largest}",
        f"the interval includes {largest}; {more_songs(evidence)}",
    )
    shown = {"ours": percent(accuracy), "by_song": percent(scores[0].by_song), "thesis": thesis}
    chance = decide(statement, above(accuracy, evidence.largest_share), reasons, **shown)
    return [chance, level_claim(evidence, "dense", 0.42)]


def _scores(evidence: Evidence, *networks: str) -> tuple[list[NetworkScore], str]:
    """Return the scores of networks at the compared length, or what is missing of them."""
    keys = [(network, evidence.fragment_s) for network in networks]
    if lacking := [key for key in keys if key not in evidence.scores]:
        return [], missing_keys(lacking)
    return [evidence.scores[key] for key in keys], ""


def check_tanh(evidence: Evidence) -> list[SubClaim]:
    """C2: better than dense layers alone, and 50 %."""
    pair = ("rnn_tanh", evidence.fragment_s), ("dense", evidence.fragment_s)
    return [
        better_claim(evidence, *pair, "almost +10 points"),
        level_claim(evidence, "rnn_tanh", 0.50),
    ]


def check_recurrent(evidence: Evidence) -> list[SubClaim]:
    """C3: better than one layer with tanh, and 78 %."""
    pair = ("rnn", evidence.fragment_s), ("rnn_tanh", evidence.fragment_s)
    return [better_claim(evidence, *pair, "about +28 points"), level_claim(evidence, "rnn", 0.78)]


def check_gated(evidence: Evidence) -> list[SubClaim]:
    """C4: a GRU is no better; an LSTM costs more."""
    pair = ("gru", evidence.fragment_s), ("rnn_tanh", evidence.fragment_s)
    gain = better_claim(evidence, *pair, "no noticeable gain", no_better, "is no better than")
    return [gain, _cost(evidence)]


def _cost(evidence: Evidence) -> SubClaim:
    statement = "`lstm` costs more than `gru` and `rnn_tanh`"
    thesis = "significantly more"
    scores, lacking = _scores(evidence, "lstm", "gru", "rnn_tanh")
    if lacking:
        return untestable(statement, lacking, thesis)
    lstm, *others = scores
    costs_more = lstm.n_parameters > max(other.n_parameters for other in others)
    shown = [
        f"{score.network} {score.n_parameters:,} parameters, {score.epoch_s:.2f} s an epoch"
        for score in scores
    ]
    reasons = "`lstm` has the most parameters", "`lstm` does not have the most parameters", ""
    return decide(statement, HOLDS if costs_more else FAILS, reasons, "; ".join(shown), thesis)


def check_convolutional(evidence: Evidence) -> list[SubClaim]:
    """C5: 87 %, and ahead of the recurrent network within 100 epochs."""
    return [level_claim(evidence, "cnn", 0.87), _early(evidence)]


def _early(evidence: Evidence) -> SubClaim:
    statement = "`cnn` within 100 epochs is above the best of `rnn`"
    paired, fault = _pair_histories(evidence, "cnn", "rnn")
    if fault:
        return untestable(statement, fault)
    difference = _mean_interval(
        [cnn.best_within(EARLY_EPOCHS) - max(rnn.accuracies) for cnn, rnn in paired]
    )
    reasons = (
        "over seeds, the interval of the difference lies above zero",
        "over seeds, the interval of the difference lies below zero",
        f"the interval over {len(paired)} seeds includes zero; train more seeds, such as "
        "`genreflow sweep --network cnn --network rnn --seed 0 … --seed 9`",
    )
    return decide(statement, better(difference), reasons, ours=points(difference))


def _mean_interval(values: Sequence[float]) -> Interval:
    mean = mean_over_seeds(values)
    return Interval(value=mean.value, low=mean.low, high=mean.high)


def _pair_histories(evidence: Evidence, ours: str, theirs: str) -> tuple[Paired, str]:
    """Pair the histories of two networks by seed, or return why they cannot be compared."""
    if lacking := [name for name in (ours, theirs) if not evidence.histories.get(name)]:
        return [], missing(evidence, lacking)
    by_seed = {history.seed: history for history in evidence.histories[theirs]}
    paired = [(h, by_seed[h.seed]) for h in evidence.histories[ours] if h.seed in by_seed]
    if len(paired) < FEWEST_SEEDS:
        seeds = " ".join(f"--seed {seed}" for seed in range(FEWEST_SEEDS))
        command = f"genreflow sweep --network {ours} --network {theirs}"
        return [], (
            f"{len(paired)} seeds of both are too few for an interval over seeds; "
            f"`{command} --fragment-s {evidence.fragment_s:g} {seeds}` trains three."
        )
    if not all(history.covers(EARLY_EPOCHS) for pair in paired for history in pair):
        return [], (
            "trainings were cut off before 100 epochs by `training.max_epochs`; raise it in "
            "genreflow.toml and train again."
        )
    return paired, ""


def check_combined(evidence: Evidence) -> list[SubClaim]:
    """C7: 90 %, better than convolution alone, 2.5 times the parameters, and faster."""
    pair = ("combined", evidence.fragment_s), ("cnn", evidence.fragment_s)
    return [
        level_claim(evidence, "combined", 0.90),
        better_claim(evidence, *pair, "+3 points"),
        _ratio(evidence),
        _race(evidence),
    ]


def _ratio(evidence: Evidence) -> SubClaim:
    statement = "`combined` has 2 to 3 times the parameters of `cnn`"
    scores, lacking = _scores(evidence, "combined", "cnn")
    if lacking:
        return untestable(statement, lacking, "2.5 times")
    combined, cnn = (score.n_parameters for score in scores)
    least, most = PARAMETER_RATIO
    finding = HOLDS if least <= combined / cnn <= most else FAILS
    reason = f"it has {combined / cnn:.1f} times as many"
    shown = f"{combined:,} / {cnn:,} = {combined / cnn:.1f} times"
    return decide(statement, finding, (reason, reason, ""), shown, "2.5 times")


def _race(evidence: Evidence) -> SubClaim:
    statement = "`combined` has 85 % validation accuracy within 100 epochs, `cnn` has not"
    thesis = "within 100, over 250"
    paired, fault = _pair_histories(evidence, "combined", "cnn")
    if fault:
        return untestable(statement, fault, thesis)
    epochs = [[history.first_epoch(EARLY_ACCURACY) for history in pair] for pair in paired]
    early = np.array([[n is not None and n <= EARLY_EPOCHS for n in pair] for pair in epochs])
    won, n_seeds = early[:, 0] & ~early[:, 1], len(early)
    late = "`cnn` is as early" if early[:, 0].any() else "`combined` never is"
    reasons = (
        f"this is so in each of {n_seeds} seeds",
        f"this is so in none of {n_seeds} seeds: {late}",
        f"this is so in {won.sum()} of {n_seeds} seeds; train more seeds",
    )
    finding = HOLDS if won.all() else UNTESTABLE if won.any() else FAILS
    shown = ", ".join(f"{first or 'never'} / {second or 'never'}" for first, second in epochs)
    ours = f"first epoch, combined / cnn, by seed: {shown}"
    return decide(statement, finding, reasons, ours, thesis)


def check_lengths(evidence: Evidence) -> list[SubClaim]:
    """C8: 3 s better than 1 s, and recurrence ahead at 1 s."""
    shortest_s, longest_s = LENGTHS_S
    keys = [(name, length_s) for name in LENGTH_NETWORKS for length_s in LENGTHS_S]
    if lacking := [key for key in keys if key not in evidence.scores]:
        both = "3 s are better than 1 s for `dense`, `rnn` and `cnn`; at 1 s `rnn` beats `cnn`"
        return [untestable(both, missing_keys(lacking), "figure 4.15")]
    return [
        *(better_claim(evidence, (n, longest_s), (n, shortest_s)) for n in LENGTH_NETWORKS),
        better_claim(evidence, ("rnn", shortest_s), ("cnn", shortest_s)),
    ]


def check_kernel_counts(evidence: Evidence) -> list[SubClaim]:
    """C6: more kernels learn faster, and from 16 + 32 up they end alike."""
    counts = sorted(evidence.kernels.counts, key=lambda count: count.n_first)
    statement = "more kernels learn faster and end the same from 16 + 32 up"
    fault = evidence.kernels.fault
    if not fault and min(count.best.n_seeds for count in counts) < FEWEST_SEEDS:
        fault = f"two seeds have no interval; {SEEDS_COMMAND} trains five."
    if fault:
        return [untestable(statement, fault, "figure 4.12")]
    return [_speed(counts), _end(counts)]


def _speed(counts: Sequence[CountedKernels]) -> SubClaim:
    fewest, most = counts[0], counts[-1]
    statement = f"{most.name} kernels need fewer epochs than {fewest.name}"
    reached = [
        (level, slow, fast)
        for level, slow, fast in zip(fewest.levels, fewest.epochs, most.epochs, strict=True)
        if slow and fast
    ]
    if not reached:
        return untestable(statement, "there is no level of accuracy that all their seeds reach.")
    level, slow, fast = max(reached, key=lambda one: one[0])
    finding = HOLDS if fast.high < slow.low else FAILS if fast.low > slow.high else UNTESTABLE
    reasons = (
        "the intervals of the epochs lie apart",
        "they need more, and the intervals lie apart",
        f"the intervals of the epochs overlap; {MORE_KERNEL_SEEDS}",
    )
    shown = f"to {share(level)} in {_epochs(fast)} against {_epochs(slow)} epochs"
    return decide(statement, finding, reasons, shown, "faster")


def _epochs(mean: Mean) -> str:
    return f"{mean.value:.0f} [{max(mean.low, 1):.0f}, {mean.high:.0f}]"


def _end(counts: Sequence[CountedKernels]) -> SubClaim:
    statement, thesis = "from 16 + 32 kernels up the end result is the same", "about 87 % each"
    base = next((c for c in counts if (c.n_first, c.n_second) == ENOUGH), None)
    larger = [count for count in counts if count.n_first > ENOUGH[0]]
    if base is None or not larger:
        fault = "the study lacks 16 + 32 kernels, or more to compare them with; "
        return untestable(statement, f"{fault}`genreflow kernels` trains all numbers.", thesis)
    differences = [_less(count.best, base.best) for count in larger]
    reasons = (
        "every difference lies within three points",
        "a difference lies beyond three points",
        f"an interval reaches beyond three points; {MORE_KERNEL_SEEDS}",
    )
    named = zip(larger, differences, strict=True)
    shown = "; ".join(f"{count.name}: {points(difference)}" for count, difference in named)
    return decide(statement, combine([same(d) for d in differences]), reasons, shown, thesis)


def _less(ours: Mean, theirs: Mean) -> Interval:
    """Return the difference of two independent means; half widths add as squares."""
    half = float(np.hypot(ours.high - ours.value, theirs.high - theirs.value))
    value = ours.value - theirs.value
    return Interval(value=value, low=value - half, high=value + half)


def check_ballad(evidence: Evidence) -> list[SubClaim]:
    """C9: another genre changes nothing for the others."""
    statement, ballad = "`cnn` is the same with and without `ballad`", evidence.ballad
    if ballad.difference is None:
        return [untestable(statement, ballad.fault, "no change")]
    reasons = (
        f"on {ballad.n_songs} songs the difference lies within three points",
        f"on {ballad.n_songs} songs the difference lies beyond three points",
        f"the interval reaches beyond three points; {ballad.n_songs} songs are too few to decide. "
        "Add songs",
    )
    shown = {"by_song": points(ballad.difference), "thesis": "no change"}
    return [decide(statement, same(ballad.difference), reasons, **shown)]


def check_loudness(evidence: Evidence) -> list[SubClaim]:
    """C10: a gain leaves the scaled matrices as they are."""
    statement = "the matrices of a song stay the same at any gain"
    change = evidence.loudness.largest_change
    if change is None:
        return [untestable(statement, evidence.loudness.fault)]
    gains = ", ".join(f"{gain:+.0f}" for gain in evidence.loudness.gains_db)
    subject = f"at gains of {gains} dB the matrices of a song"
    equal, unequal = "are equal but for rounding", "differ by more than rounding"
    reasons = f"{subject} {equal}", f"{subject} {unequal}", ""
    shown = f"largest difference {change:.1e} on a scale of 0 to 1"
    finding = HOLDS if change <= ROUNDING else FAILS
    return [decide(statement, finding, reasons, shown, "independent")]


def check_aggregation(evidence: Evidence) -> list[SubClaim]:
    """C11: many fragments are right more often than one."""
    statement = "all fragments of a song are right more often than one"
    voted = evidence.aggregation
    if voted is None or voted.n_fragments < 2:
        fault = "no finished run has songs of several fragments; `genreflow train` makes one."
        return [untestable(statement, fault)]
    reasons = (
        f"`{voted.name}`: the interval of the difference lies above zero",
        f"`{voted.name}`: the interval of the difference lies below zero",
        f"`{voted.name}`: the interval includes zero; {more_songs(evidence)}",
    )
    shown = f"{percent(voted.many)} with {voted.n_fragments}, {percent(voted.one)} with one"
    by_song = f"{shown}: {points(voted.difference)}"
    return [decide(statement, better(voted.difference), reasons, by_song=by_song)]


def check_pruning(evidence: Evidence) -> list[SubClaim]:
    """C12: accuracy stays without the redundant kernels."""
    statement, pruned = "accuracy stays without redundant kernels", evidence.kernels.pruned
    fault = evidence.kernels.fault
    if not fault and len(pruned) < FEWEST_SEEDS:
        fault = f"{len(pruned)} pruned networks have no interval; {SEEDS_COMMAND} prunes five."
    if fault:
        return [untestable(statement, fault)]
    difference = _mean_interval([network.accuracy - network.accuracy_full for network in pruned])
    none_went = any(network.n_kept == network.n_full for network in pruned)
    vague = f"the interval reaches beyond three points; {MORE_KERNEL_SEEDS}"
    if none_went:
        vague = "in a seed no kernel could go without a loss on validation; train other seeds"
    reasons = (
        "on test fragments the difference lies within three points",
        "on test fragments the difference lies beyond three points",
        vague,
    )
    removed = ", ".join(f"{p.n_full - p.n_kept} of {p.n_full}" for p in pruned)
    shown = f"{points(difference)} with {removed} kernels gone, by seed"
    return [decide(statement, UNTESTABLE if none_went else same(difference), reasons, shown)]


RULES: Mapping[str, Callable[[Evidence], list[SubClaim]]] = MappingProxyType(
    {
        "C1": check_dense,
        "C2": check_tanh,
        "C3": check_recurrent,
        "C4": check_gated,
        "C5": check_convolutional,
        "C6": check_kernel_counts,
        "C7": check_combined,
        "C8": check_lengths,
        "C9": check_ballad,
        "C10": check_loudness,
        "C11": check_aggregation,
        "C12": check_pruning,
    }
)


def evaluate_claims(evidence: Evidence) -> list[TestedClaim]:
    """Test every claim by its rule, in order."""
    return [
        TestedClaim(claim_id=name, sub_claims=tuple(rule(evidence))) for name, rule in RULES.items()
    ]
