"""Rules of the claims, with made-up evidence: a library of six genres at 3 s where all hold."""

from dataclasses import replace

import pytest

from genre_core.evaluation.bootstrap import Interval
from genre_core.studies.claims.evidence import (
    Aggregation,
    Ballad,
    CountedKernels,
    Difference,
    Evidence,
    KernelStudy,
    Key,
    Loudness,
    NetworkScore,
    PrunedNetwork,
    TrainingHistory,
    compared_pairs,
)
from genre_core.studies.claims.findings import FAILS, HOLDS, UNTESTABLE, Finding, TestedClaim
from genre_core.studies.claims.rules import RULES, evaluate_claims
from genre_core.studies.claims.statements import CLAIMS
from genre_core.studies.kernels.counts import Mean

LEVELS = {
    **{"dense": 0.50, "rnn_tanh": 0.60, "rnn": 0.82, "gru": 0.60},
    **{"lstm": 0.60, "cnn": 0.90, "combined": 0.95},
}
PARAMETERS = {"lstm": 4000, "gru": 3000, "cnn": 1000, "combined": 2500}
SLOW, FAST, RIVAL = (0.5,) * 99 + (0.9,) * 201, (0.9,) * 300, (0.6,) * 300
COUNTS = {4: 0.70, 16: 0.86, 32: 0.87, 64: 0.87}


def around(value: float, half: float = 0.01) -> Interval:
    return Interval(value=value, low=value - half, high=value + half)


def mean(value: float, half: float = 0.01, n_seeds: int = 5) -> Mean:
    return Mean(value=value, low=value - half, high=value + half, n_seeds=n_seeds)


def score(key: Key, accuracy: Interval, n_parameters: int | None = None) -> NetworkScore:
    return NetworkScore(
        network=key[0],
        fragment_s=key[1],
        run_ids=("a run",),
        by_fragment=accuracy,
        by_song=accuracy,
        confusion=((1,),),
        n_parameters=n_parameters or PARAMETERS.get(key[0], 1000),
        epoch_s=1.0,
    )


def histories(*curves: tuple[float, ...], max_epochs: int = 300) -> tuple[TrainingHistory, ...]:
    return tuple(
        TrainingHistory(seed=seed, accuracies=curve, max_epochs=max_epochs)
        for seed, curve in enumerate(curves)
    )


def counted(
    best: dict[int, float], slow: Mean, fast: Mean, half: float = 0.005, n_seeds: int = 5
) -> KernelStudy:
    return KernelStudy(
        counts=tuple(
            CountedKernels(
                n_first=n,
                n_second=2 * n,
                best=mean(value, half, n_seeds),
                levels=(0.5, 0.6),
                epochs=(fast if n == max(best) else slow, None),
            )
            for n, value in best.items()
        )
    )


def pruned(n_kept: int, *accuracies: float) -> tuple[PrunedNetwork, ...]:
    return tuple(
        PrunedNetwork(n_full=96, n_kept=n_kept, accuracy_full=0.8, accuracy=accuracy)
        for accuracy in accuracies
    )


def aggregation(difference: float) -> Aggregation:
    return Aggregation(
        name="cnn", n_fragments=15, one=around(0.6), many=around(0.7), difference=around(difference)
    )


@pytest.fixture(scope="module")
def claimed() -> Evidence:
    scores = {(n, 3.0): score((n, 3.0), around(level)) for n, level in LEVELS.items()}
    scores |= {(n, 1.0): score((n, 1.0), around(0.4)) for n in ("dense", "rnn", "cnn")}
    differences = {
        pair: Difference(by_fragment=around(0.1), by_song=around(0.1))
        for pair in compared_pairs(3.0)
    }
    kernels = counted(COUNTS, mean(60, 5), mean(20, 5))
    evidence = Evidence(
        genres=("classical", "hiphop", "house", "jazz", "rock", "techno"),
        largest_share=0.2,
        n_songs=300,
        n_groups=100,
        fragment_s=3.0,
        scores=scores,
        differences=differences,
        histories={
            "cnn": histories(*[(0.5,) * 50 + (0.8,) * 50 + (0.9,) * 200] * 3),
            "rnn": histories(*[RIVAL] * 3),
            "combined": histories(*[FAST] * 3),
        },
        kernels=replace(kernels, pruned=pruned(60, 0.80, 0.81, 0.79)),
        aggregation=aggregation(0.1),
        ballad=Ballad(difference=around(0.0), n_songs=90),
        loudness=Loudness(largest_change=4.8e-7, gains_db=(-20.0, 6.0)),
    )
    return with_difference(evidence, ("gru", 3.0), ("rnn_tanh", 3.0), 0.0)


def check(claim_id: str, evidence: Evidence, **changes: object) -> TestedClaim:
    changed = replace(evidence, **changes)  # type: ignore[arg-type]
    return TestedClaim(claim_id=claim_id, sub_claims=tuple(RULES[claim_id](changed)))


def with_difference(evidence: Evidence, ours: Key, theirs: Key, value: float) -> Evidence:
    found = Difference(by_fragment=around(value), by_song=around(value))
    return replace(evidence, differences={**evidence.differences, (ours, theirs): found})


def with_level(evidence: Evidence, network: str, level: float, half: float = 0.01) -> Evidence:
    key = network, 3.0
    changed = {**evidence.scores, key: score(key, around(level, half))}
    return replace(evidence, scores=changed)


def with_parameters(evidence: Evidence, network: str, n_parameters: int) -> Evidence:
    key = network, 3.0
    changed = {**evidence.scores, key: score(key, around(LEVELS[network]), n_parameters)}
    return replace(evidence, scores=changed)


def with_history(evidence: Evidence, network: str, *curves: tuple[float, ...]) -> Evidence:
    return replace(evidence, histories={**evidence.histories, network: histories(*curves)})


def test_every_claim_holds_where_everything_is_as_the_thesis_claims(claimed: Evidence) -> None:
    tested = evaluate_claims(claimed)

    assert [claim.claim_id for claim in tested] == [claim.claim_id for claim in CLAIMS]
    assert {claim.finding for claim in tested} == {HOLDS}
    assert tested[9].reason == (
        "At gains of -20, +6 dB the matrices of a song are equal but for rounding."
    )


@pytest.mark.parametrize(
    ("claim_id", "network", "level"),
    [
        *(("C1", "dense", 0.3), ("C2", "rnn_tanh", 0.4), ("C3", "rnn", 0.7)),
        *(("C5", "cnn", 0.8), ("C7", "combined", 0.85)),
    ],
)
def test_a_level_that_is_missed_or_undecided_decides(
    claimed: Evidence, claim_id: str, network: str, level: float
) -> None:
    missed = check(claim_id, with_level(claimed, network, level))
    vague = check(claim_id, with_level(claimed, network, level, half=0.3))

    assert (missed.finding, vague.finding) == (FAILS, UNTESTABLE)
    assert "300 test songs of 100 artists or groups are too few" in vague.reason


@pytest.mark.parametrize(
    ("claim_id", "ours", "theirs"),
    [
        ("C2", ("rnn_tanh", 3.0), ("dense", 3.0)),
        ("C3", ("rnn", 3.0), ("rnn_tanh", 3.0)),
        ("C7", ("combined", 3.0), ("cnn", 3.0)),
        ("C8", ("dense", 3.0), ("dense", 1.0)),
        ("C8", ("cnn", 3.0), ("cnn", 1.0)),
        ("C8", ("rnn", 1.0), ("cnn", 1.0)),
    ],
)
def test_a_difference_the_other_way_fails_and_one_around_zero_is_undecided(
    claimed: Evidence, claim_id: str, ours: Key, theirs: Key
) -> None:
    worse = check(claim_id, with_difference(claimed, ours, theirs, -0.1))
    alike = check(claim_id, with_difference(claimed, ours, theirs, 0.0))

    assert (worse.finding, alike.finding) == (FAILS, UNTESTABLE)
    assert "includes zero" in alike.reason


def test_a_sub_claim_names_networks_lengths_and_seeds(claimed: Evidence) -> None:
    dense = replace(claimed.scores["dense", 3.0], run_ids=("one", "two"))

    better, level = check(
        "C2", claimed, scores={**claimed.scores, ("dense", 3.0): dense}
    ).sub_claims
    *longer, at_one = check("C8", claimed).sub_claims

    assert better.reason.startswith("`rnn_tanh` at 3 s (1 seed) against `dense` at 3 s (2 seeds): ")
    assert level.reason.startswith("`rnn_tanh` at 3 s (1 seed): ")
    assert longer[0].statement == "`dense`: 3 s is better than 1 s"
    assert at_one.statement == "`rnn` is better than `cnn` at 1 s"


def test_scores_at_chance_fail_the_claim_of_dense(claimed: Evidence) -> None:
    below = check("C1", with_level(claimed, "dense", 0.15)).sub_claims
    around_chance = check("C1", with_level(claimed, "dense", 0.2)).sub_claims

    assert [part.finding for part in below] == [FAILS, FAILS]
    assert around_chance[0].finding is UNTESTABLE


@pytest.mark.parametrize(
    ("genres", "level", "finding", "task"),
    [
        (("jazz", "rock"), 0.82, UNTESTABLE, "easier task"),
        (("jazz", "rock"), 0.6, FAILS, "2 genres"),
        (tuple("abcdefg"), 0.82, HOLDS, ""),
        (tuple("abcdefg"), 0.6, UNTESTABLE, "harder task"),
    ],
)
def test_easier_tasks_cannot_show_that_a_level_is_reached_nor_harder_ones_that_it_is_missed(
    claimed: Evidence, genres: tuple[str, ...], level: float, finding: Finding, task: str
) -> None:
    tested = check("C3", with_level(claimed, "rnn", level), genres=genres)

    assert tested.finding is finding
    assert task in tested.reason


@pytest.mark.parametrize(("gain", "finding"), [(0.1, FAILS), (-0.1, HOLDS)])
def test_a_gated_layer_that_is_better_fails_the_claim(
    claimed: Evidence, gain: float, finding: Finding
) -> None:
    changed = with_difference(claimed, ("gru", 3.0), ("rnn_tanh", 3.0), gain)

    assert check("C4", changed).finding is finding


@pytest.mark.parametrize(
    ("claim_id", "network", "n_parameters", "findings"),
    [
        ("C4", "lstm", 2000, [HOLDS, FAILS]),
        ("C7", "combined", 4000, [HOLDS, HOLDS, FAILS, HOLDS]),
    ],
)
def test_other_numbers_of_parameters_fail_a_claim(
    claimed: Evidence, claim_id: str, network: str, n_parameters: int, findings: list[Finding]
) -> None:
    tested = check(claim_id, with_parameters(claimed, network, n_parameters))

    assert [part.finding for part in tested.sub_claims] == findings


@pytest.mark.parametrize(
    ("network", "curves", "finding"),
    [
        ("cnn", [SLOW] * 3, HOLDS),  # epoch 100 is still within
        ("rnn", [(0.85,) * 300] * 3, FAILS),
        ("rnn", [RIVAL, (0.95,) * 300, (0.8,) * 300], UNTESTABLE),
    ],
)
def test_the_convolutional_network_must_lead_within_100_epochs(
    claimed: Evidence, network: str, curves: list[tuple[float, ...]], finding: Finding
) -> None:
    early = check("C5", with_history(claimed, network, *curves)).sub_claims[1]

    assert early.finding is finding


def test_two_seeds_are_too_few_for_claims_on_epochs(claimed: Evidence) -> None:
    few = {network: found[:2] for network, found in claimed.histories.items()}

    tested = check("C5", claimed, histories=few)

    assert tested.finding is UNTESTABLE
    assert "genreflow sweep --network cnn --network rnn --fragment-s 3 --seed 0" in tested.reason


@pytest.mark.parametrize(("max_epochs", "finding"), [(20, UNTESTABLE), (300, HOLDS)])
def test_trainings_cut_off_early_cannot_decide_on_100_epochs(
    claimed: Evidence, max_epochs: int, finding: Finding
) -> None:
    cut = histories(*[(0.9,) * 20] * 3, max_epochs=max_epochs)

    assert check("C5", claimed, histories={**claimed.histories, "cnn": cut}).finding is finding


@pytest.mark.parametrize(
    ("curves", "finding"),
    [([FAST] * 3, HOLDS), ([RIVAL] * 3, FAILS), ([FAST, RIVAL, FAST], UNTESTABLE)],
)
def test_the_combined_network_must_win_the_race_in_every_seed(
    claimed: Evidence, curves: list[tuple[float, ...]], finding: Finding
) -> None:
    race = check("C7", with_history(claimed, "combined", *curves)).sub_claims[3]

    assert race.finding is finding


@pytest.mark.parametrize(
    ("claim_id", "command"),
    [
        ("C1", "--network dense --fragment-s 3"),
        ("C2", "--network rnn_tanh --network dense --fragment-s 3"),
        ("C3", "--network rnn --network rnn_tanh --fragment-s 3"),
        ("C4", "--network gru --network rnn_tanh --fragment-s 3"),
        ("C5", "--network cnn --fragment-s 3"),
        ("C7", "--network combined --fragment-s 3"),
        ("C8", "--network dense --network rnn --network cnn --fragment-s 1 --fragment-s 3"),
    ],
)
def test_without_runs_a_claim_names_the_command_for_them(
    claimed: Evidence, claim_id: str, command: str
) -> None:
    tested = check(claim_id, claimed, scores={}, differences={}, histories={})

    assert tested.finding is UNTESTABLE
    assert f"`genreflow sweep --representation thesis {command}`" in tested.reason


def test_sides_that_cannot_be_paired_have_their_reason(claimed: Evidence) -> None:
    pair = ("rnn", 3.0), ("rnn_tanh", 3.0)
    unpaired = {**claimed.differences, pair: Difference(fault="other fragments.")}

    tested = check("C3", claimed, differences=unpaired)

    assert (tested.finding, tested.reason) == (UNTESTABLE, "Other fragments.")


@pytest.mark.parametrize(
    ("slow", "fast", "finding"),
    [
        (mean(60, 5), mean(20, 5), HOLDS),
        (mean(20, 5), mean(60, 5), FAILS),
        (mean(60, 30), mean(40, 30), UNTESTABLE),
    ],
)
def test_more_kernels_are_faster_only_where_the_intervals_lie_apart(
    claimed: Evidence, slow: Mean, fast: Mean, finding: Finding
) -> None:
    tested = check("C6", claimed, kernels=counted(COUNTS, slow, fast))

    assert tested.finding is finding
    assert tested.sub_claims[1].finding is HOLDS
    assert "to 50 % in" in tested.sub_claims[0].ours


@pytest.mark.parametrize(
    ("best", "half", "finding"),
    [
        ({**COUNTS, 64: 0.95}, 0.005, FAILS),
        (COUNTS, 0.1, UNTESTABLE),
        ({4: 0.7, 16: 0.86}, 0.005, UNTESTABLE),
    ],
)
def test_the_end_must_be_the_same_from_16_kernels_up(
    claimed: Evidence, best: dict[int, float], half: float, finding: Finding
) -> None:
    kernels = counted(best, mean(60, 5), mean(20, 5), half)

    assert check("C6", claimed, kernels=kernels).sub_claims[1].finding is finding


@pytest.mark.parametrize(
    ("claim_id", "change", "finding"),
    [
        ("C6", {"kernels": counted(COUNTS, mean(60), mean(20), n_seeds=2)}, UNTESTABLE),
        ("C6", {"kernels": KernelStudy(fault="no study.")}, UNTESTABLE),
        ("C9", {"ballad": Ballad(difference=around(-0.2), n_songs=90)}, FAILS),
        ("C9", {"ballad": Ballad(difference=around(0.0, 0.2), n_songs=9)}, UNTESTABLE),
        ("C9", {"ballad": Ballad(fault="no genre.")}, UNTESTABLE),
        ("C10", {"loudness": Loudness(largest_change=0.02, gains_db=(-20.0,))}, FAILS),
        ("C10", {"loudness": Loudness(fault="no original.")}, UNTESTABLE),
        ("C11", {"aggregation": aggregation(-0.1)}, FAILS),
        ("C11", {"aggregation": aggregation(0.0)}, UNTESTABLE),
        ("C11", {"aggregation": None}, UNTESTABLE),
        ("C12", {"kernels": KernelStudy(pruned=pruned(60, 0.70, 0.71, 0.69))}, FAILS),
        ("C12", {"kernels": KernelStudy(pruned=pruned(60, 0.60, 0.90, 0.80))}, UNTESTABLE),
        ("C12", {"kernels": KernelStudy(pruned=pruned(60, 0.80, 0.80))}, UNTESTABLE),
        ("C12", {"kernels": KernelStudy(pruned=pruned(96, 0.80, 0.80, 0.80))}, UNTESTABLE),
        ("C12", {"kernels": KernelStudy(fault="no study.")}, UNTESTABLE),
    ],
)
def test_claims_on_studies_follow_their_numbers(
    claimed: Evidence, claim_id: str, change: dict[str, object], finding: Finding
) -> None:
    assert check(claim_id, claimed, **change).finding is finding
