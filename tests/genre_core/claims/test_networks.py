"""Rules of the claims on networks, with made-up scores, differences and curves."""

from dataclasses import replace

import pytest

from genre_core.studies.claims.evidence import Evidence, Key, compared_pairs
from genre_core.studies.claims.findings import Finding, Verdict
from genre_core.studies.claims.statements import RULES
from tests.genre_core.claims.conftest import MakeEvidence, courses, differing, score, span

HOLDS, FAILS, OPEN = Verdict.HOLDS, Verdict.FAILS, Verdict.UNTESTABLE
LEVELS = {
    **{"dense": 0.50, "rnn_tanh": 0.60, "rnn": 0.82, "gru": 0.60},
    **{"lstm": 0.60, "cnn": 0.90, "combined": 0.95},
}
PARAMETERS = {"lstm": 4000, "gru": 3000, "cnn": 1000, "combined": 2500}
SLOW, FAST = (0.5,) * 99 + (0.9,) * 201, (0.9,) * 300
RIVAL = (0.6,) * 300


def at_three_seconds(level: dict[str, float]) -> dict[Key, object]:
    return {(n, 3.0): score((n, 3.0), span(x), PARAMETERS.get(n, 1000)) for n, x in level.items()}


def judge(claim_id: str, evidence: Evidence) -> Finding:
    return Finding(claim_id=claim_id, parts=tuple(RULES[claim_id](evidence)))


@pytest.fixture
def as_claimed(make_evidence: MakeEvidence) -> Evidence:
    """A library on which all claims on networks hold."""
    at_one = {(n, 1.0): score((n, 1.0), span(0.4)) for n in ("dense", "rnn", "cnn")}
    differences = {pair: differing(span(0.1)) for pair in compared_pairs(3.0)}
    differences[("gru", 3.0), ("rnn_tanh", 3.0)] = differing(span(0.0))
    return make_evidence(
        scores={**at_three_seconds(LEVELS), **at_one},
        differences=differences,
        courses={
            "cnn": courses(*[(0.5,) * 50 + (0.8,) * 50 + (0.9,) * 200] * 3),
            "rnn": courses(*[RIVAL] * 3),
            "combined": courses(*[FAST] * 3),
        },
    )


def with_difference(evidence: Evidence, ours: Key, theirs: Key, value: float) -> Evidence:
    changed = {**evidence.differences, (ours, theirs): differing(span(value))}
    return replace(evidence, differences=changed)


def with_level(evidence: Evidence, network: str, level: float, half: float = 0.01) -> Evidence:
    found = score((network, 3.0), span(level, half), PARAMETERS.get(network, 1000))
    return replace(evidence, scores={**evidence.scores, (network, 3.0): found})


@pytest.mark.parametrize("claim_id", ["C1", "C2", "C3", "C4", "C5", "C7", "C8"])
def test_a_claim_holds_where_everything_is_as_the_thesis_says(
    as_claimed: Evidence, claim_id: str
) -> None:
    assert judge(claim_id, as_claimed).verdict is HOLDS


@pytest.mark.parametrize(
    ("claim_id", "network", "level"),
    [
        *(("C1", "dense", 0.3), ("C2", "rnn_tanh", 0.4), ("C3", "rnn", 0.7)),
        *(("C5", "cnn", 0.8), ("C7", "combined", 0.85)),
    ],
)
def test_a_level_that_is_missed_or_cannot_be_told_decides(
    as_claimed: Evidence, claim_id: str, network: str, level: float
) -> None:
    missed = judge(claim_id, with_level(as_claimed, network, level))
    vague = judge(claim_id, with_level(as_claimed, network, level, half=0.3))

    assert missed.verdict is FAILS
    assert vague.verdict is OPEN
    assert "300 test songs of 100 artists or groups are too few" in vague.why


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
def test_a_difference_the_other_way_fails_and_one_around_zero_tells_nothing(
    as_claimed: Evidence, claim_id: str, ours: Key, theirs: Key
) -> None:
    worse = judge(claim_id, with_difference(as_claimed, ours, theirs, -0.1))
    alike = judge(claim_id, with_difference(as_claimed, ours, theirs, 0.0))

    assert (worse.verdict, alike.verdict) == (FAILS, OPEN)
    assert "takes in zero" in alike.why


def test_a_verdict_says_on_how_many_seeds_it_rests(as_claimed: Evidence) -> None:
    lone, rival = as_claimed.scores["rnn_tanh", 3.0], as_claimed.scores["dense", 3.0]
    scores = {**as_claimed.scores, ("dense", 3.0): replace(rival, run_ids=("one", "two"))}

    better, level = judge("C2", replace(as_claimed, scores=scores)).parts

    assert len(lone.run_ids) == 1
    assert better.why.startswith("`rnn_tanh` at 3 s (1 seed) against `dense` at 3 s (2 seeds): ")
    assert level.why.startswith("`rnn_tanh` at 3 s (1 seed): ")


def test_a_part_on_two_networks_says_at_which_length(as_claimed: Evidence) -> None:
    *longer, at_one = judge("C8", as_claimed).parts

    assert longer[0].says == "`dense`: 3 s is better than 1 s"
    assert at_one.says == "`rnn` is better than `cnn` at 1 s"


def test_scores_at_chance_fail_the_claim_of_dense(as_claimed: Evidence) -> None:
    below = judge("C1", with_level(as_claimed, "dense", 0.15))
    around = judge("C1", with_level(as_claimed, "dense", 0.2))

    assert "takes in 20 %, the share of the largest genre;" in around.parts[0].why
    assert [part.verdict for part in below.parts] == [FAILS, FAILS]
    assert around.parts[0].verdict is OPEN


def test_easier_tasks_cannot_show_that_a_level_is_reached_but_that_it_is_missed(
    as_claimed: Evidence,
) -> None:
    easier = replace(as_claimed, genres=("jazz", "rock"))

    assert judge("C3", easier).verdict is OPEN
    assert "easier task" in judge("C3", easier).why
    assert judge("C3", with_level(easier, "rnn", 0.6)).verdict is FAILS


def test_harder_tasks_cannot_show_that_a_level_is_missed(as_claimed: Evidence) -> None:
    harder = replace(as_claimed, genres=(*as_claimed.genres, "ballad"))

    missed = judge("C3", with_level(harder, "rnn", 0.6))

    assert judge("C3", harder).verdict is HOLDS
    assert missed.verdict is OPEN
    assert "harder task" in missed.why


def test_a_gated_layer_that_is_better_fails_the_claim(as_claimed: Evidence) -> None:
    gru, simple = ("gru", 3.0), ("rnn_tanh", 3.0)

    assert judge("C4", with_difference(as_claimed, gru, simple, 0.1)).verdict is FAILS
    assert judge("C4", with_difference(as_claimed, gru, simple, -0.1)).verdict is HOLDS


def test_an_lstm_without_the_most_parameters_fails_the_claim(as_claimed: Evidence) -> None:
    small = score(("lstm", 3.0), span(0.6), n_parameters=2000)

    finding = judge("C4", replace(as_claimed, scores={**as_claimed.scores, ("lstm", 3.0): small}))

    assert [part.verdict for part in finding.parts] == [HOLDS, FAILS]


def test_the_convolutional_network_must_lead_within_100_epochs(as_claimed: Evidence) -> None:
    late = replace(as_claimed, courses={**as_claimed.courses, "cnn": courses(*[SLOW] * 3)})
    ahead = {**as_claimed.courses, "rnn": courses(*[(0.85,) * 300] * 3)}

    assert judge("C5", late).parts[1].verdict is HOLDS  # epoch 100 is still within
    assert judge("C5", replace(as_claimed, courses=ahead)).verdict is FAILS


def test_seeds_that_disagree_on_the_early_lead_tell_nothing(as_claimed: Evidence) -> None:
    mixed = {**as_claimed.courses, "rnn": courses(RIVAL, (0.95,) * 300, (0.8,) * 300)}

    finding = judge("C5", replace(as_claimed, courses=mixed))

    assert finding.verdict is OPEN
    assert "3 seeds takes in zero" in finding.why


def test_two_seeds_are_too_few_for_claims_on_epochs(as_claimed: Evidence) -> None:
    few = {network: found[:2] for network, found in as_claimed.courses.items()}

    finding = judge("C5", replace(as_claimed, courses=few))

    assert finding.verdict is OPEN
    assert "genreflow sweep --network cnn --network rnn --fragment-s 3 --seed 0" in finding.why


@pytest.mark.parametrize(("most_epochs", "verdict"), [(20, OPEN), (300, HOLDS)])
def test_trainings_cut_off_early_tell_nothing_of_100_epochs(
    as_claimed: Evidence, most_epochs: int, verdict: Verdict
) -> None:
    cut = courses(*[(0.9,) * 20] * 3, most_epochs=most_epochs)

    finding = judge("C5", replace(as_claimed, courses={**as_claimed.courses, "cnn": cut}))

    assert finding.verdict is verdict


def test_a_ratio_of_parameters_far_from_the_thesis_fails(as_claimed: Evidence) -> None:
    combined = score(("combined", 3.0), span(0.95), n_parameters=4000)

    finding = judge(
        "C7", replace(as_claimed, scores={**as_claimed.scores, ("combined", 3.0): combined})
    )

    assert [part.verdict for part in finding.parts] == [HOLDS, HOLDS, FAILS, HOLDS]
    assert finding.why == "It has 4.0 times as many."


@pytest.mark.parametrize(
    ("combined", "verdict"),
    [
        (courses(FAST, FAST, FAST), HOLDS),
        (courses(RIVAL, RIVAL, RIVAL), FAILS),
        (courses(FAST, RIVAL, FAST), OPEN),
    ],
)
def test_the_combined_network_must_win_the_race_in_every_seed(
    as_claimed: Evidence, combined: tuple[object, ...], verdict: Verdict
) -> None:
    raced = replace(as_claimed, courses={**as_claimed.courses, "combined": combined})

    assert judge("C7", raced).parts[3].verdict is verdict


@pytest.mark.parametrize(
    ("claim_id", "command"),
    [
        ("C1", "--network dense --fragment-s 3"),
        ("C2", "--network rnn_tanh --network dense --fragment-s 3"),
        ("C3", "--network rnn --network rnn_tanh --fragment-s 3"),
        ("C4", "--network gru --network rnn_tanh --fragment-s 3"),
        ("C5", "--network cnn --fragment-s 3"),
        ("C7", "--network combined --fragment-s 3"),
        (
            "C8",
            "--network dense --network rnn --network cnn --fragment-s 1 --fragment-s 3",
        ),
    ],
)
def test_without_runs_a_claim_names_the_command_that_makes_them(
    make_evidence: MakeEvidence, claim_id: str, command: str
) -> None:
    finding = judge(claim_id, make_evidence())

    assert finding.verdict is OPEN
    assert f"`genreflow sweep --representation thesis {command}`" in finding.why


def test_sides_that_cannot_be_paired_say_why(as_claimed: Evidence) -> None:
    pair = ("rnn", 3.0), ("rnn_tanh", 3.0)
    apart = replace(differing(span(0.1)), by_fragment=None, fault="other fragments.")

    finding = judge("C3", replace(as_claimed, differences={**as_claimed.differences, pair: apart}))

    assert (finding.verdict, finding.why) == (OPEN, "Other fragments.")
