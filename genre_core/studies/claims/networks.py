"""Rules of the claims on networks: C1 to C5, C7 and C8."""

import numpy as np

from genre_core.evaluation.bootstrap import Interval
from genre_core.studies.claims.evidence import LENGTH_NETWORKS, LENGTHS_S, Course, Evidence
from genre_core.studies.claims.findings import (
    Part,
    Verdict,
    above,
    better,
    better_part,
    level_part,
    missing,
    missing_keys,
    more_songs,
    no_better,
    percent,
    points,
    share,
    untestable,
)
from genre_core.studies.kernels.counts import FEWEST_SEEDS, mean_over_seeds

EARLY_EPOCHS = 100
EARLY_ACCURACY = 0.85
PARAMETER_RATIO = (2.0, 3.0)
"""2.5, as the thesis rounds it."""


def judge_dense(evidence: Evidence) -> list[Part]:
    """C1: far above chance, and 42 %."""
    says, thesis = "`dense` lies above the share of the largest genre", "42 % against 16.7 %"
    score = evidence.scores.get(("dense", evidence.fragment_s))
    if score is None:
        return [untestable(says, missing(evidence, ["dense"]), thesis)]
    largest = f"{share(evidence.largest_share)}, the share of the largest genre"
    verdict = above(score.by_fragment, evidence.largest_share)
    why = {
        Verdict.HOLDS: f"the whole interval lies above {largest}.",
        Verdict.FAILS: f"the whole interval lies below {largest}.",
        Verdict.UNTESTABLE: f"the interval takes in {largest}; {more_songs(evidence)}.",
    }[verdict]
    ours, by_song = percent(score.by_fragment), percent(score.by_song)
    chance = Part(says=says, verdict=verdict, why=why, ours=ours, by_song=by_song, thesis=thesis)
    return [chance, level_part(evidence, "dense", 0.42)]


def judge_tanh(evidence: Evidence) -> list[Part]:
    """C2: better than dense layers alone, and 50 %."""
    length_s = evidence.fragment_s
    return [
        better_part(evidence, ("rnn_tanh", length_s), ("dense", length_s), "almost +10 points"),
        level_part(evidence, "rnn_tanh", 0.50),
    ]


def judge_recurrent(evidence: Evidence) -> list[Part]:
    """C3: better than one layer with tanh, and 78 %."""
    length_s = evidence.fragment_s
    return [
        better_part(evidence, ("rnn", length_s), ("rnn_tanh", length_s), "about +28 points"),
        level_part(evidence, "rnn", 0.78),
    ]


def judge_gated(evidence: Evidence) -> list[Part]:
    """C4: a GRU is no better; an LSTM costs more."""
    length_s = evidence.fragment_s
    pair = ("gru", length_s), ("rnn_tanh", length_s)
    gain = better_part(
        evidence, *pair, "no noticeable gain", judge=no_better, claimed="is no better than"
    )
    return [gain, _cost_part(evidence)]


def _cost_part(evidence: Evidence) -> Part:
    says, thesis = "`lstm` costs more than `gru` and `rnn_tanh`", "significantly more"
    names = ("lstm", "gru", "rnn_tanh")
    keys = [(name, evidence.fragment_s) for name in names]
    if lacking := [key for key in keys if key not in evidence.scores]:
        return untestable(says, missing_keys(lacking), thesis)
    lstm, *others = (evidence.scores[key] for key in keys)
    costs_more = lstm.n_parameters > max(other.n_parameters for other in others)
    shown = [
        f"{score.network} {score.n_parameters:,} parameters, {score.epoch_s:.2f} s an epoch"
        for score in (lstm, *others)
    ]
    return Part(
        says=says,
        verdict=Verdict.HOLDS if costs_more else Verdict.FAILS,
        why=f"`lstm` has {'the most' if costs_more else 'not the most'} parameters to compute.",
        ours="; ".join(shown),
        thesis=thesis,
    )


def judge_convolutional(evidence: Evidence) -> list[Part]:
    """C5: 87 %, and ahead of the recurrent network within 100 epochs."""
    return [level_part(evidence, "cnn", 0.87), _early_part(evidence)]


def _early_part(evidence: Evidence) -> Part:
    says = "`cnn` within 100 epochs is above the best of `rnn`"
    paired, why = _paired_courses(evidence, "cnn", "rnn")
    if why:
        return untestable(says, why)
    gains = [cnn.best_within(EARLY_EPOCHS) - max(rnn.accuracies) for cnn, rnn in paired]
    mean = mean_over_seeds(gains)
    difference = Interval(value=mean.value, low=mean.low, high=mean.high)
    verdict = better(difference)
    sentence = {
        Verdict.HOLDS: "over seeds, the interval of the difference lies above zero.",
        Verdict.FAILS: "over seeds, the interval of the difference lies below zero.",
        Verdict.UNTESTABLE: f"the interval over {len(paired)} seeds takes in zero; train more "
        "seeds, such as `genreflow sweep --network cnn --network rnn --seed 0 … --seed 9`.",
    }[verdict]
    return Part(says=says, verdict=verdict, why=sentence, ours=points(difference))


def _paired_courses(
    evidence: Evidence, ours: str, theirs: str
) -> tuple[list[tuple[Course, Course]], str]:
    """Pair the curves of two networks by seed; say why, where they cannot be compared."""
    lacking = [name for name in (ours, theirs) if not evidence.courses.get(name)]
    if lacking:
        return [], missing(evidence, lacking)
    by_seed = {course.seed: course for course in evidence.courses[theirs]}
    paired = [(c, by_seed[c.seed]) for c in evidence.courses[ours] if c.seed in by_seed]
    if len(paired) < FEWEST_SEEDS:
        seeds = " ".join(f"--seed {seed}" for seed in range(FEWEST_SEEDS))
        command = f"genreflow sweep --network {ours} --network {theirs}"
        return [], (
            f"{len(paired)} seeds of both are too few for an interval over seeds; "
            f"`{command} --fragment-s {evidence.fragment_s:g} {seeds}` trains three."
        )
    if not all(course.lasts(EARLY_EPOCHS) for pair in paired for course in pair):
        return [], (
            "trainings were cut off before 100 epochs by `training.max_epochs`; raise it in "
            "genreflow.toml and train again."
        )
    return paired, ""


def judge_combined(evidence: Evidence) -> list[Part]:
    """C7: 90 %, better than convolution alone, 2.5 times the parameters, and faster."""
    combined, cnn = ("combined", evidence.fragment_s), ("cnn", evidence.fragment_s)
    return [
        level_part(evidence, "combined", 0.90),
        better_part(evidence, combined, cnn, "+3 points"),
        _ratio_part(evidence),
        _race_part(evidence),
    ]


def _ratio_part(evidence: Evidence) -> Part:
    says, thesis = "`combined` has 2 to 3 times the parameters of `cnn`", "2.5 times"
    keys = [(name, evidence.fragment_s) for name in ("combined", "cnn")]
    if lacking := [key for key in keys if key not in evidence.scores]:
        return untestable(says, missing_keys(lacking), thesis)
    combined, cnn = (evidence.scores[key].n_parameters for key in keys)
    least, most = PARAMETER_RATIO
    within = least <= combined / cnn <= most
    return Part(
        says=says,
        verdict=Verdict.HOLDS if within else Verdict.FAILS,
        why=f"it has {combined / cnn:.1f} times as many.",
        ours=f"{combined:,} / {cnn:,} = {combined / cnn:.1f} times",
        thesis=thesis,
    )


def _race_part(evidence: Evidence) -> Part:
    says = "`combined` has 85 % validation accuracy within 100 epochs, `cnn` has not"
    thesis = "within 100, over 250"
    paired, why = _paired_courses(evidence, "combined", "cnn")
    if why:
        return untestable(says, why, thesis)
    epochs = [[c.first_epoch(EARLY_ACCURACY) for c in pair] for pair in paired]
    early = np.array([[n is not None and n <= EARLY_EPOCHS for n in pair] for pair in epochs])
    verdict, sentence = _race(early)
    shown = (f"{first or 'never'} / {second or 'never'}" for first, second in epochs)
    return Part(
        says=says,
        verdict=verdict,
        why=sentence,
        ours=f"first epoch, combined / cnn, by seed: {', '.join(shown)}",
        thesis=thesis,
    )


def _race(early: np.ndarray[tuple[int, int], np.dtype[np.bool_]]) -> tuple[Verdict, str]:
    """Judge who is early, a row a seed: `combined`, then `cnn`."""
    won, n_seeds = early[:, 0] & ~early[:, 1], len(early)
    if won.all():
        return Verdict.HOLDS, f"so it is in each of {n_seeds} seeds."
    if not won.any():
        reason = "`combined` never is" if not early[:, 0].any() else "`cnn` is as early"
        return Verdict.FAILS, f"so it is in none of {n_seeds} seeds: {reason}."
    return Verdict.UNTESTABLE, f"so it is in {won.sum()} of {n_seeds} seeds; train more seeds."


def judge_lengths(evidence: Evidence) -> list[Part]:
    """C8: 3 s better than 1 s, and recurrence ahead at 1 s."""
    shortest_s, longest_s = LENGTHS_S
    keys = [(name, length_s) for name in LENGTH_NETWORKS for length_s in LENGTHS_S]
    if lacking := [key for key in keys if key not in evidence.scores]:
        says = "3 s are better than 1 s for `dense`, `rnn` and `cnn`; at 1 s `rnn` beats `cnn`"
        return [untestable(says, missing_keys(lacking), "figure 4.15")]
    longer = [
        better_part(evidence, (name, longest_s), (name, shortest_s), "better")
        for name in LENGTH_NETWORKS
    ]
    return [*longer, better_part(evidence, ("rnn", shortest_s), ("cnn", shortest_s), "better")]
