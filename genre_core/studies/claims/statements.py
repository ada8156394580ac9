"""The twelve claims: what the thesis says, where, and by which rule each is judged."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from genre_core.studies.claims import networks, studies
from genre_core.studies.claims.evidence import Evidence
from genre_core.studies.claims.findings import Finding, Part, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What the thesis says, its section, its figure, and the rule that judges it."""

    claim_id: str
    section: str
    says: str
    figure: str
    rule: str


GENERAL_RULES = (
    "A claim holds only if each of its parts does, and does not hold as soon as one part fails.",
    "A level is reached if the whole 95 % interval lies above it and missed if the whole interval "
    "lies below it. With fewer than six genres, or longer fragments than 3 s, reaching it proves "
    "nothing, because the task is easier than the thesis's; with more genres or shorter "
    "fragments, missing it proves nothing.",
    "One network is better than another if the interval of the difference, on the same test songs, "
    "excludes zero. “No better” and “the same” need an interval that excludes three "
    "points, the smallest difference that the thesis calls one.",
    "Where an interval takes in both answers, or runs are missing, the claim is not testable here.",
    "Intervals draw whole groups of songs (artists) 2,000 times and average the seeds. Those of "
    "epochs, numbers of kernels and pruning are Student's t over seeds, three at least: they tell "
    "what other seeds would change, not what other songs would.",
)
"""What every rule rests on, as the page tells it."""


CLAIMS = (
    Claim(
        claim_id="C1",
        section="4.4",
        says="Dense layers alone reach 42 %, far above chance.",
        figure="42 % by fragment, chance 16.7 %",
        rule="`dense` lies above the share of the largest genre, and reaches 42 %.",
    ),
    Claim(
        claim_id="C2",
        section="4.5",
        says="One recurrent layer with tanh brings about 50 %, almost 10 points more.",
        figure="50 % by fragment",
        rule="`rnn_tanh` is better than `dense`, and reaches 50 %.",
    ),
    Claim(
        claim_id="C3",
        section="4.5, 6.3",
        says="Two recurrent layers with relu bring about 78 to 80 %.",
        figure="78-80 % by fragment",
        rule="`rnn` is better than `rnn_tanh`, and reaches 78 %.",
    ),
    Claim(
        claim_id="C4",
        section="4.5",
        says="A GRU is no better than the simple recurrent layer; an LSTM costs more than both.",
        figure="no noticeable gain; significantly more computations",
        rule="`gru` is no better than `rnn_tanh`; `lstm` has more parameters than both. Time is "
        "shown, but does not decide: it depends on the machine.",
    ),
    Claim(
        claim_id="C5",
        section="4.6, 6.3",
        says="The convolutional network reaches 87 to 89 %, and within 100 epochs it is already "
        "above the recurrent one.",
        figure="87-89 % by fragment",
        rule="`cnn` reaches 87 %, and its best validation accuracy within 100 epochs lies above "
        "the best that `rnn` ever has (seeds in pairs, t interval above zero).",
    ),
    Claim(
        claim_id="C6",
        section="4.6.2",
        says="More kernels learn faster; from 16 + 32 kernels up the end result is the same.",
        figure="about 87 % for the three largest",
        rule="The most kernels need fewer epochs than the fewest to the highest level that all "
        "their seeds reach (t intervals apart), and every number from 16 + 32 up ends within three "
        "points of 16 + 32.",
    ),
    Claim(
        claim_id="C7",
        section="4.7",
        says="Convolution and recurrence combined reach 90 %, 3 points above the convolutional "
        "network with 2.5 times its parameters, and 85 % within 100 epochs where it needs 250.",
        figure="90 %, +3 points, 2.5 times, 85 % in 100 epochs",
        rule="`combined` reaches 90 %, is better than `cnn`, has 2 to 3 times its parameters, and "
        "in every seed has 85 % validation accuracy within 100 epochs while `cnn` has not.",
    ),
    Claim(
        claim_id="C8",
        section="4.8",
        says="Longer fragments, from 1 s to 3 s, are better for every network; at 1 s the "
        "recurrent network beats the convolutional one.",
        figure="figure 4.15",
        rule="For each of `dense`, `rnn` and `cnn`, 3 s are better than 1 s; at 1 s `rnn` is "
        "better than `cnn`.",
    ),
    Claim(
        claim_id="C9",
        section="4.9",
        says="Adding ballad as another genre changes nothing for the convolutional network.",
        figure="no change",
        rule="On the test songs of the other genres, `cnn` trained with `ballad` and `cnn` trained "
        "without it are the same.",
    ),
    Claim(
        claim_id="C10",
        section="2.4.2",
        says="Scaling by minimum and maximum makes the result independent of loudness.",
        figure="stated, not measured",
        rule="The matrices of a song at several gains differ by less than 0.0001 on their scale "
        "of 0 to 1, which is rounding.",
    ),
    Claim(
        claim_id="C11",
        section="2.4",
        says="Deciding over many fragments is more robust than over one.",
        figure="stated, not measured",
        rule="The surest of all fragments of a song (the thesis's vote) is right more often than "
        "one fragment alone, by song.",
    ),
    Claim(
        claim_id="C12",
        section="4.6.2, 6.4",
        says="With kernels removed by their similarity, accuracy stays.",
        figure="proposed, not measured",
        rule="Kernels were removed in every seed, and the pruned networks are the same as the "
        "whole ones on test fragments.",
    ),
)


def count_verdicts(verdicts: tuple[Verdict, ...]) -> str:
    """Say how many claims have each verdict: ``1 claim holds, 2 do not hold, …``."""
    n_hold, n_fail, n_open = (verdicts.count(verdict) for verdict in Verdict)
    holding = "1 claim holds" if n_hold == 1 else f"{n_hold} claims hold"
    failing = f"{n_fail} {'does' if n_fail == 1 else 'do'} not hold"
    return f"{holding}, {failing}, {n_open} cannot be tested here"


RULES: Mapping[str, Callable[[Evidence], list[Part]]] = MappingProxyType(
    {
        "C1": networks.judge_dense,
        "C2": networks.judge_tanh,
        "C3": networks.judge_recurrent,
        "C4": networks.judge_gated,
        "C5": networks.judge_convolutional,
        "C6": studies.judge_kernel_counts,
        "C7": networks.judge_combined,
        "C8": networks.judge_lengths,
        "C9": studies.judge_ballad,
        "C10": studies.judge_loudness,
        "C11": studies.judge_aggregation,
        "C12": studies.judge_pruning,
    }
)


def judge_claims(evidence: Evidence) -> list[Finding]:
    """Judge every claim by its rule, in order."""
    return [
        Finding(claim_id=claim_id, parts=tuple(rule(evidence))) for claim_id, rule in RULES.items()
    ]
