"""The twelve claims: what the thesis states, where, and how each is tested."""

from dataclasses import dataclass, replace
from functools import partial
from itertools import product

from genre_core.studies.claims import checks
from genre_core.studies.claims.evidence import LENGTH_NETWORKS, LONGEST_S, SHORTEST_S, Evidence
from genre_core.studies.claims.findings import (
    NO_BETTER,
    UNTESTABLE,
    SubClaim,
    TestedClaim,
    Untestable,
    share,
)

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
"""The basis of every rule, as the page shows it."""

LENGTH_KEYS = tuple(product(LENGTH_NETWORKS, (SHORTEST_S, LONGEST_S)))


@dataclass(frozen=True, slots=True)
class Statement:
    """A sub-claim: a statement, the check that tests it, and the figure of the thesis."""

    text: str
    check: checks.Check
    thesis: str = ""

    def test(self, evidence: Evidence) -> SubClaim:
        """Return what the evidence shows of it."""
        try:
            found = self.check(evidence)
        except Untestable as error:
            found = SubClaim(finding=UNTESTABLE, reason=str(error))
        return replace(found, statement=self.text, thesis=self.thesis)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A claim of the thesis, its section and figure, and its sub-claims.

    ``note`` describes for people what the statements of the sub-claims leave open.
    """

    claim_id: str
    section: str
    statement: str
    figure: str
    sub_claims: tuple[Statement, ...]
    note: str = ""

    @property
    def rule(self) -> str:
        """How it is tested, for people."""
        return f"{'; '.join(statement.text for statement in self.sub_claims)}. {self.note}".strip()

    def test(self, evidence: Evidence) -> TestedClaim:
        """Return what the evidence shows of its sub-claims."""
        tested = tuple(statement.test(evidence) for statement in self.sub_claims)
        return TestedClaim(claim_id=self.claim_id, sub_claims=tested)


def evaluate_claims(evidence: Evidence) -> list[TestedClaim]:
    """Test every claim, in order."""
    return [claim.test(evidence) for claim in CLAIMS]


def _level(network: str, level: float) -> Statement:
    check = partial(checks.reached_level, network=network, level=level)
    return Statement(f"`{network}` reaches {share(level)}", check, share(level))


def _better(ours: str, theirs: str, thesis: str) -> Statement:
    check = partial(checks.better_network, ours=ours, theirs=theirs)
    return Statement(f"`{ours}` is better than `{theirs}`", check, thesis)


def _longer(network: str) -> Statement:
    ours, theirs = (network, LONGEST_S), (network, SHORTEST_S)
    check = partial(checks.better_length, ours=ours, theirs=theirs, wanted=LENGTH_KEYS)
    return Statement(f"`{network}`: 3 s is better than 1 s", check, "better")


CLAIMS = (
    Claim(
        claim_id="C1",
        section="4.4",
        statement="Dense layers alone reach 42 %, far above chance.",
        figure="42 % by fragment, chance 16.7 %",
        sub_claims=(
            Statement(
                "`dense` lies above the share of the largest genre",
                checks.above_chance,
                "42 % against 16.7 %",
            ),
            _level("dense", 0.42),
        ),
    ),
    Claim(
        claim_id="C2",
        section="4.5",
        statement="One recurrent layer with tanh brings about 50 %, almost 10 points more.",
        figure="50 % by fragment",
        sub_claims=(_better("rnn_tanh", "dense", "almost +10 points"), _level("rnn_tanh", 0.50)),
    ),
    Claim(
        claim_id="C3",
        section="4.5, 6.3",
        statement="Two recurrent layers with relu bring about 78 to 80 %.",
        figure="78-80 % by fragment",
        sub_claims=(_better("rnn", "rnn_tanh", "about +28 points"), _level("rnn", 0.78)),
    ),
    Claim(
        claim_id="C4",
        section="4.5",
        statement="A GRU is no better than the simple recurrent layer; an LSTM costs more than "
        "both.",
        figure="no noticeable gain; significantly more computations",
        sub_claims=(
            Statement(
                "`gru` is no better than `rnn_tanh`",
                partial(checks.better_network, ours="gru", theirs="rnn_tanh", rule=NO_BETTER),
                "no noticeable gain",
            ),
            Statement(
                "`lstm` costs more than `gru` and `rnn_tanh`",
                checks.most_parameters,
                "significantly more",
            ),
        ),
        note="Time is shown and does not decide: it depends on the machine.",
    ),
    Claim(
        claim_id="C5",
        section="4.6, 6.3",
        statement="The convolutional network reaches 87 to 89 %, and within 100 epochs it is "
        "already above the recurrent one.",
        figure="87-89 % by fragment",
        sub_claims=(
            _level("cnn", 0.87),
            Statement("`cnn` within 100 epochs is above the best of `rnn`", checks.early_lead),
        ),
        note="Best validation accuracies, seeds in pairs: the t interval must lie above zero.",
    ),
    Claim(
        claim_id="C6",
        section="4.6.2",
        statement="More kernels learn faster; from 16 + 32 kernels up the end result is the same.",
        figure="about 87 % for the three largest",
        sub_claims=(
            Statement(
                "the most kernels need fewer epochs than the fewest",
                checks.learning_speed,
                "faster",
            ),
            Statement(
                "from 16 + 32 kernels up the end result is the same",
                checks.same_end,
                "about 87 % each",
            ),
        ),
        note="Epochs are those to the highest level that all seeds of both reach, and t intervals "
        "must not overlap; the same is within three points of 16 + 32.",
    ),
    Claim(
        claim_id="C7",
        section="4.7",
        statement="Convolution and recurrence combined reach 90 %, 3 points above the "
        "convolutional network with 2.5 times its parameters, and 85 % within 100 epochs where it "
        "needs 250.",
        figure="90 %, +3 points, 2.5 times, 85 % in 100 epochs",
        sub_claims=(
            _level("combined", 0.90),
            _better("combined", "cnn", "+3 points"),
            Statement(
                "`combined` has 2 to 3 times the parameters of `cnn`",
                checks.parameter_ratio,
                "2.5 times",
            ),
            Statement(
                "`combined` has 85 % validation accuracy within 100 epochs, `cnn` has not",
                checks.race,
                "within 100, over 250",
            ),
        ),
        note="The race must be so in every seed.",
    ),
    Claim(
        claim_id="C8",
        section="4.8",
        statement="Longer fragments, from 1 s to 3 s, are better for every network; at 1 s the "
        "recurrent network beats the convolutional one.",
        figure="figure 4.15",
        sub_claims=(
            *map(_longer, LENGTH_NETWORKS),
            Statement(
                "`rnn` is better than `cnn` at 1 s",
                partial(
                    checks.better_length,
                    ours=("rnn", SHORTEST_S),
                    theirs=("cnn", SHORTEST_S),
                    wanted=LENGTH_KEYS,
                ),
                "better",
            ),
        ),
    ),
    Claim(
        claim_id="C9",
        section="4.9",
        statement="Adding ballad as another genre changes nothing for the convolutional network.",
        figure="no change",
        sub_claims=(
            Statement("`cnn` is the same with and without `ballad`", checks.ballad, "no change"),
        ),
        note="On the test songs of the other genres.",
    ),
    Claim(
        claim_id="C10",
        section="2.4.2",
        statement="Scaling by minimum and maximum makes the result independent of loudness.",
        figure="stated, not measured",
        sub_claims=(
            Statement(
                "the matrices of a song stay the same at any gain", checks.loudness, "independent"
            ),
        ),
        note="They differ by less than 0.0001 on their scale of 0 to 1, which is rounding.",
    ),
    Claim(
        claim_id="C11",
        section="2.4",
        statement="Deciding over many fragments is more robust than over one.",
        figure="stated, not measured",
        sub_claims=(
            Statement("all fragments of a song are right more often than one", checks.aggregation),
        ),
        note="By song: the most confident of all fragments decides (the vote of the thesis).",
    ),
    Claim(
        claim_id="C12",
        section="4.6.2, 6.4",
        statement="With kernels removed by their similarity, accuracy stays.",
        figure="proposed, not measured",
        sub_claims=(Statement("accuracy stays without redundant kernels", checks.pruning),),
        note="Kernels were removed in every seed, and accuracy is that on test fragments.",
    ),
)
