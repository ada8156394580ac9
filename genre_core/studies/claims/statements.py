"""The twelve claims: what the thesis states, where, and by which rule each is tested."""

from collections.abc import Sequence
from dataclasses import dataclass

from genre_core.studies.claims.findings import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A statement of the thesis, its section, its figure, and the rule that tests it."""

    claim_id: str
    section: str
    statement: str
    figure: str
    rule: str


GENERAL_RULES = (
    "A claim holds only if each of its sub-claims does, and does not hold as soon as one fails.",
    "A level is reached if the whole 95 % interval lies above it and missed if the whole interval "
    "lies below it. With fewer than six genres, or longer fragments than 3 s, reaching it proves "
    "nothing, because the task is easier than the thesis's; with more genres or shorter "
    "fragments, missing it proves nothing.",
    "One network is better than another if the interval of the difference, on the same test songs, "
    "excludes zero. “No better” and “the same” need an interval that excludes three points, the "
    "smallest difference that the thesis calls one.",
    "Where an interval includes both answers, or runs are missing, the claim is not testable here.",
    "Intervals draw whole groups of songs (artists) 2,000 times and average the seeds. Those of "
    "epochs, numbers of kernels and pruning are Student's t over seeds, three at least: they show "
    "what other seeds would change, not what other songs would.",
)
"""The basis of every rule, as the page prints it."""


def count_findings(findings: Sequence[Finding]) -> str:
    """Return how many claims have each finding: ``1 claim holds, 2 do not hold, …``."""
    n_hold, n_fail, n_open = (findings.count(finding) for finding in Finding)
    holding = "1 claim holds" if n_hold == 1 else f"{n_hold} claims hold"
    failing = f"{n_fail} {'does' if n_fail == 1 else 'do'} not hold"
    return f"{holding}, {failing}, {n_open} cannot be tested here"


CLAIMS = (
    Claim(
        claim_id="C1",
        section="4.4",
        statement="Dense layers alone reach 42 %, far above chance.",
        figure="42 % by fragment, chance 16.7 %",
        rule="`dense` lies above the share of the largest genre, and reaches 42 %.",
    ),
    Claim(
        claim_id="C2",
        section="4.5",
        statement="One recurrent layer with tanh brings about 50 %, almost 10 points more.",
        figure="50 % by fragment",
        rule="`rnn_tanh` is better than `dense`, and reaches 50 %.",
    ),
    Claim(
        claim_id="C3",
        section="4.5, 6.3",
        statement="Two recurrent layers with relu bring about 78 to 80 %.",
        figure="78-80 % by fragment",
        rule="`rnn` is better than `rnn_tanh`, and reaches 78 %.",
    ),
    Claim(
        claim_id="C4",
        section="4.5",
        statement="A GRU is no better than the simple recurrent layer; an LSTM costs more than "
        "both.",
        figure="no noticeable gain; significantly more computations",
        rule="`gru` is no better than `rnn_tanh`; `lstm` has more parameters than both. Time is "
        "shown and does not decide: it depends on the machine.",
    ),
    Claim(
        claim_id="C5",
        section="4.6, 6.3",
        statement="The convolutional network reaches 87 to 89 %, and within 100 epochs it is "
        "already above the recurrent one.",
        figure="87-89 % by fragment",
        rule="`cnn` reaches 87 %, and its best validation accuracy within 100 epochs lies above "
        "the best that `rnn` ever has (seeds in pairs, t interval above zero).",
    ),
    Claim(
        claim_id="C6",
        section="4.6.2",
        statement="More kernels learn faster; from 16 + 32 kernels up the end result is the same.",
        figure="about 87 % for the three largest",
        rule="The most kernels need fewer epochs than the fewest to the highest level that all "
        "their seeds reach (t intervals apart), and every number from 16 + 32 up ends within three "
        "points of 16 + 32.",
    ),
    Claim(
        claim_id="C7",
        section="4.7",
        statement="Convolution and recurrence combined reach 90 %, 3 points above the "
        "convolutional network with 2.5 times its parameters, and 85 % within 100 epochs where it "
        "needs 250.",
        figure="90 %, +3 points, 2.5 times, 85 % in 100 epochs",
        rule="`combined` reaches 90 %, is better than `cnn`, has 2 to 3 times its parameters, and "
        "in every seed has 85 % validation accuracy within 100 epochs while `cnn` has not.",
    ),
    Claim(
        claim_id="C8",
        section="4.8",
        statement="Longer fragments, from 1 s to 3 s, are better for every network; at 1 s the "
        "recurrent network beats the convolutional one.",
        figure="figure 4.15",
        rule="For each of `dense`, `rnn` and `cnn`, 3 s are better than 1 s; at 1 s `rnn` is "
        "better than `cnn`.",
    ),
    Claim(
        claim_id="C9",
        section="4.9",
        statement="Adding ballad as another genre changes nothing for the convolutional network.",
        figure="no change",
        rule="On the test songs of the other genres, `cnn` trained with `ballad` and `cnn` trained "
        "without it are the same.",
    ),
    Claim(
        claim_id="C10",
        section="2.4.2",
        statement="Scaling by minimum and maximum makes the result independent of loudness.",
        figure="stated, not measured",
        rule="The matrices of a song at several gains differ by less than 0.0001 on their scale "
        "of 0 to 1, which is rounding.",
    ),
    Claim(
        claim_id="C11",
        section="2.4",
        statement="Deciding over many fragments is more robust than over one.",
        figure="stated, not measured",
        rule="The most confident of all fragments of a song (the vote of the thesis) is right more "
        "often than one fragment alone, by song.",
    ),
    Claim(
        claim_id="C12",
        section="4.6.2, 6.4",
        statement="With kernels removed by their similarity, accuracy stays.",
        figure="proposed, not measured",
        rule="Kernels were removed in every seed, and the pruned networks are the same as the "
        "full ones on test fragments.",
    ),
)
