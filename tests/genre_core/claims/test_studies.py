"""Rules of the claims on kernels, ballads, loudness and votes, with made-up evidence."""

import pytest

from genre_core.studies.claims.evidence import (
    Aggregation,
    Ballad,
    CountedKernels,
    KernelStudy,
    Loudness,
    PrunedNetwork,
)
from genre_core.studies.claims.findings import Finding, Verdict
from genre_core.studies.claims.statements import RULES
from genre_core.studies.kernels.counts import Mean
from tests.genre_core.claims.conftest import MakeEvidence, mean, span

HOLDS, FAILS, OPEN = Verdict.HOLDS, Verdict.FAILS, Verdict.UNTESTABLE
CLAIMED = {4: 0.70, 16: 0.86, 32: 0.87, 64: 0.87}


def counted(n_first: int, best: Mean, *epochs: Mean | None) -> CountedKernels:
    return CountedKernels(
        n_first=n_first, n_second=2 * n_first, best=best, levels=(0.5, 0.6), epochs=epochs
    )


def study(
    best: dict[int, float], slow: Mean, fast: Mean, half: float = 0.005, n_seeds: int = 5
) -> KernelStudy:
    epochs = {max(best): fast}
    counts = [
        counted(n, mean(value, half, n_seeds), epochs.get(n, slow), None)
        for n, value in best.items()
    ]
    return KernelStudy(counts=tuple(counts))


def judge(claim_id: str, make_evidence: MakeEvidence, **found: object) -> Finding:
    evidence = make_evidence(**found)
    return Finding(claim_id=claim_id, parts=tuple(RULES[claim_id](evidence)))


@pytest.mark.parametrize(
    ("slow", "fast", "verdict"),
    [
        (mean(60, 5), mean(20, 5), HOLDS),
        (mean(20, 5), mean(60, 5), FAILS),
        (mean(60, 30), mean(40, 30), OPEN),
    ],
)
def test_more_kernels_are_faster_only_where_the_intervals_lie_apart(
    make_evidence: MakeEvidence, slow: Mean, fast: Mean, verdict: Verdict
) -> None:
    finding = judge("C6", make_evidence, kernels=study(CLAIMED, slow, fast))

    assert finding.verdict is verdict
    assert finding.parts[1].verdict is HOLDS
    assert "to 50 % in" in finding.parts[0].ours


@pytest.mark.parametrize(
    ("best", "half", "verdict"),
    [
        ({**CLAIMED, 64: 0.95}, 0.005, FAILS),
        (CLAIMED, 0.1, OPEN),
        ({4: 0.7, 16: 0.86}, 0.005, OPEN),
    ],
)
def test_the_end_must_be_the_same_from_16_kernels_up(
    make_evidence: MakeEvidence, best: dict[int, float], half: float, verdict: Verdict
) -> None:
    found = study(best, mean(60, 5), mean(20, 5), half)

    finding = judge("C6", make_evidence, kernels=found)

    assert finding.parts[1].verdict is verdict


def test_two_seeds_tell_nothing_of_kernels(make_evidence: MakeEvidence) -> None:
    found = study(CLAIMED, mean(60, 5), mean(20, 5), n_seeds=2)

    finding = judge("C6", make_evidence, kernels=found)

    assert finding.verdict is OPEN
    assert "`genreflow kernels --seed 0 --seed 1 --seed 2" in finding.why


@pytest.mark.parametrize("claim_id", ["C6", "C12"])
def test_without_a_study_of_kernels_its_command_is_named(
    make_evidence: MakeEvidence, claim_id: str
) -> None:
    fault = "there is no study; `genreflow kernels` makes it."

    finding = judge(claim_id, make_evidence, kernels=KernelStudy(fault=fault))

    assert (finding.verdict, finding.why) == (OPEN, fault.replace("there", "There"))


@pytest.mark.parametrize(("change", "verdict"), [(4.8e-7, HOLDS), (0.02, FAILS), (None, OPEN)])
def test_loudness_must_change_nothing_but_rounding(
    make_evidence: MakeEvidence, change: float | None, verdict: Verdict
) -> None:
    loudness = Loudness(largest_change=change, gains_db=(-20.0,), fault="the original is gone")

    assert judge("C10", make_evidence, loudness=loudness).verdict is verdict


def test_loudness_says_what_stays_the_same(make_evidence: MakeEvidence) -> None:
    loudness = Loudness(largest_change=4.8e-7, gains_db=(-20.0, 6.0), fault="")

    finding = judge("C10", make_evidence, loudness=loudness)

    assert (
        finding.why == "At gains of -20, +6 dB the matrices of a song are equal but for rounding."
    )


@pytest.mark.parametrize(("difference", "verdict"), [(0.1, HOLDS), (-0.1, FAILS), (0.0, OPEN)])
def test_many_fragments_must_be_right_more_often_than_one(
    make_evidence: MakeEvidence, difference: float, verdict: Verdict
) -> None:
    voted = Aggregation(
        name="cnn", n_fragments=15, one=span(0.6), many=span(0.7), difference=span(difference)
    )

    assert judge("C11", make_evidence, aggregation=voted).verdict is verdict


def test_without_a_run_nothing_is_said_of_votes(make_evidence: MakeEvidence) -> None:
    finding = judge("C11", make_evidence)

    assert finding.verdict is OPEN
    assert "`genreflow train`" in finding.why


@pytest.mark.parametrize(
    ("ballad", "verdict"),
    [
        (Ballad(difference=span(0.0), n_songs=90), HOLDS),
        (Ballad(difference=span(-0.2), n_songs=90), FAILS),
        (Ballad(difference=span(0.0, 0.2), n_songs=9), OPEN),
        (Ballad(fault="no genre `ballad`"), OPEN),
    ],
)
def test_ballads_must_change_nothing_for_the_others(
    make_evidence: MakeEvidence, ballad: Ballad, verdict: Verdict
) -> None:
    assert judge("C9", make_evidence, ballad=ballad).verdict is verdict


@pytest.mark.parametrize(
    ("n_kept", "accuracies", "verdict"),
    [
        (60, (0.80, 0.81, 0.79), HOLDS),
        (60, (0.70, 0.71, 0.69), FAILS),
        (60, (0.60, 0.90, 0.80), OPEN),
        (60, (0.80, 0.80), OPEN),
        (96, (0.80, 0.80, 0.80), OPEN),
    ],
)
def test_accuracy_must_stay_when_kernels_go(
    make_evidence: MakeEvidence, n_kept: int, accuracies: tuple[float, ...], verdict: Verdict
) -> None:
    pruned = tuple(
        PrunedNetwork(n_whole=96, n_kept=n_kept, accuracy_whole=0.8, accuracy=accuracy)
        for accuracy in accuracies
    )

    finding = judge("C12", make_evidence, kernels=KernelStudy(pruned=pruned))

    assert finding.verdict is verdict
