"""The rungs: each fixes one fault more of the published protocol."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import accumulate
from typing import Any

from genre_core.errors import UsageError
from genre_core.networks.registry import NETWORKS

RECURRENT = ("rnn", "rnn_tanh", "gru", "lstm")
"""Networks that recur and nothing else: only they can be made to recur over frequency."""

FEWEST_FOLDS = 2


class Division(StrEnum):
    """What separates the examples that are trained on from those that are scored."""

    RESHUFFLED = "reshuffled"
    FRAGMENT = "fragment"
    SONG = "song"
    ARTIST = "artist"
    SOURCE = "source"


class Axis(StrEnum):
    """What a recurrent network recurs over."""

    FREQUENCY = "frequency"
    TIME = "time"


class Labels(StrEnum):
    """Which labels are learned: those of the library, or a permutation of them over songs."""

    TRUE = "true"
    RANDOM = "random"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """A protocol, and what it changes of the one above it; number 0 is the published one.

    ``fault`` is, in one word, what was wrong before. With two softmaxes, the loss applies softmax
    to the output of a softmax.
    """

    number: int
    change: str
    fault: str
    representation: str
    division: Division
    n_softmaxes: int
    axis: Axis

    @property
    def by_song(self) -> bool:
        """Whether whole songs are scored, so that there is a score by song."""
        return self.division in (Division.SONG, Division.ARTIST, Division.SOURCE)


_PUBLISHED = Rung(
    number=0,
    change="nothing: as published",
    fault="everything",
    representation="getec_int16",
    division=Division.RESHUFFLED,
    n_softmaxes=2,
    axis=Axis.FREQUENCY,
)


def _fix(change: str, fault: str, **fixed: Any) -> Callable[[Rung], Rung]:  # noqa: ANN401
    return lambda rung: replace(rung, number=rung.number + 1, change=change, fault=fault, **fixed)


_FIXES = (
    _fix("split drawn once, by fragment", "contamination", division=Division.FRAGMENT),
    _fix("one softmax", "saturation", n_softmaxes=1),
    _fix("recurrence over time", "axis", axis=Axis.TIME),
    _fix("float32, not int16", "overflow", representation="getec"),
    _fix("12 bands by maximum", "dominance", representation="thesis"),
    _fix("split by song", "overlap", division=Division.SONG),
    _fix("split by artist", "artist", division=Division.ARTIST),
    _fix("whole sources held out", "origin", division=Division.SOURCE),
)
RUNGS = tuple(accumulate(_FIXES, lambda rung, fix: fix(rung), initial=_PUBLISHED))


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderConfig:
    """How each rung is measured; the same on all, so that one thing changes at a time.

    Each seed draws its own weights, folds and random labels, and scores are averaged over seeds.
    All epochs are trained; none is chosen. Examples are scored by the network that was trained on
    the other folds. ``n_songs`` at most are used, drawn at random.
    """

    network: str = "rnn"
    seeds: tuple[int, ...] = (0, 1)
    epochs: int = 30
    n_folds: int = 5
    n_songs: int = 240
    batch_size: int = 32
    learning_rate: float = 0.001
    rungs: tuple[Rung, ...] = field(init=False)

    def __post_init__(self) -> None:
        if self.network not in NETWORKS:
            raise UsageError(
                f"There is no network {self.network!r}. Choose among: {', '.join(NETWORKS)}."
            )
        if not self.seeds or min(self.seeds) < 0 or self.epochs < 1:
            raise UsageError("Name a seed of 0 or more, and at least one epoch.")
        if self.n_folds < FEWEST_FOLDS or self.n_songs < FEWEST_FOLDS:
            raise UsageError("The ladder needs two folds and two songs at least.")
        rungs = RUNGS
        if self.network not in RECURRENT:  # the axis changes nothing
            rungs = tuple(replace(rung, axis=Axis.TIME) for rung in RUNGS if rung.fault != "axis")
        object.__setattr__(self, "rungs", rungs)
