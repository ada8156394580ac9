"""What the audit asks, how much it asks, and what it says. Nothing here imports SciPy or Keras."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Level(StrEnum):
    """What a check says, from good to bad."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"


class CheckName(StrEnum):
    """The checks, in the order in which they are shown."""

    OVERLAP = "overlap"
    BY_SONG = "random_labels_by_song"
    BY_FRAGMENT = "random_labels_by_fragment"
    SHORTCUTS = "shortcuts"
    SOURCE_OUT = "source_out"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditConfig:
    """How much the audit asks; the defaults take seconds.

    Attributes
    ----------
    n_draws : int
        Draws of random labels.
    n_folds : int
        Parts that sources are dealt into, each left out once; with fewer sources, one a source.
    n_songs, n_fragments : int
        Most songs of the library, and of each song most fragments, that small networks see.
    max_epochs, batch_size, learning_rate
        Of the small networks (`dense`), which learn by heart what there is to learn by heart.
    shortcut_share : float
        Warn where the file alone gives more than this share of the champion's score above chance.
        At a half, the file explains as much of the score as the music does.
    n_resamples : int
        Of each bootstrap.
    seed : int
    """

    n_draws: int = 5
    n_folds: int = 5
    n_songs: int = 240
    n_fragments: int = 15
    max_epochs: int = 30
    batch_size: int = 32
    learning_rate: float = 0.002
    shortcut_share: float = 0.5
    n_resamples: int = 2000
    seed: int = 0

    def __post_init__(self) -> None:
        least = {"n_draws": 1, "n_folds": 2, "n_songs": 6, "n_fragments": 2, "max_epochs": 1}
        for name, number in (least | {"batch_size": 1, "n_resamples": 100}).items():
            if getattr(self, name) < number:
                raise ValueError(f"audit.{name} is {getattr(self, name)}; use {number} or more.")
        if not 0 < self.shortcut_share <= 1:
            raise ValueError(
                f"audit.shortcut_share is {self.shortcut_share}; use a share above 0, up to 1."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What one check found.

    Attributes
    ----------
    value : float or None
        None where it could not be measured; ``message`` says why.
    interval : (float, float) or None
        95 %.
    chance : float or None
        The value that would be nothing to see.
    details : mapping
        What the value is made of, plain values.
    """

    name: CheckName
    level: Level
    message: str
    value: float | None = None
    interval: tuple[float, float] | None = None
    chance: float | None = None
    details: Mapping[str, object] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether there is nothing to warn of."""
        return self.level is Level.PASS

    def as_row(self) -> dict[str, object]:
        """Give what people read, under the names that the command line prints."""
        return {
            "name": str(self.name),
            "passed": self.passed,
            "value": self.value,
            "interval": list(self.interval) if self.interval else None,
            "chance": self.chance,
            "message": self.message,
        }


def verdict_of(checks: Sequence[Check]) -> Level:
    """Give the worst that a check says."""
    order = list(Level)
    return max((check.level for check in checks), key=order.index, default=Level.PASS)


def untested(name: CheckName, reason: str) -> Check:
    """Say that a check could not be made: that is no pass."""
    return Check(name=name, level=Level.WARN, message=f"cannot be tested: {reason}")
