"""Settings and results of the audit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from genre_core.evaluation.bootstrap import Interval


class Level(StrEnum):
    """Result of a check, from good to bad; that of an audit is the worst of them.

    ``inconclusive``: the data allow both answers that the docstring of the check names. Only
    ``fail`` stops a promotion.
    """

    PASS = "pass"
    INCONCLUSIVE = "inconclusive"
    WARN = "warn"
    FAIL = "fail"


class CheckName(StrEnum):
    """The checks, in the order in which they are shown."""

    OVERLAP = "overlap"
    BY_SONG = "random_labels_by_song"
    BY_FRAGMENT = "random_labels_by_fragment"
    SHORTCUTS = "shortcuts"
    METADATA = "metadata"
    LEAVE_ONE_SOURCE_OUT = "source_out"
    PRETRAINING = "pretraining"
    GROUP_LEAK = "group_leak"
    PERMUTED = "permuted_labels"
    TABLE_SOURCES = "leave_one_source_out"
    """The last three are of feature tables alone, `genre_core.audit.table_checks`."""


_LEAST = {
    "n_draws": 1,
    "n_embedding_draws": 1,
    "n_folds": 2,
    "n_songs": 6,
    "n_fragments": 2,
    "max_epochs": 1,
    "batch_size": 1,
    "n_resamples": 100,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditConfig:
    """Size of the audit; the defaults take seconds.

    Attributes
    ----------
    n_draws, n_embedding_draws : int
        Permutations of the labels: of networks and heads, and of the nearest neighbour on
        embeddings, which costs milliseconds.
    leak_share : float
        Share of scored songs with a duplicate in training that the permutation of labels by song
        must exclude; it is inconclusive otherwise.
    n_folds : int
        Folds of sources or artists, each left out once; with fewer sources, one a source.
    n_songs, n_fragments : int
        Most songs of the library, and most fragments of a song, that the learners see.
    max_epochs, batch_size, learning_rate
        Of the small networks (`dense`), which memorise what can be memorised.
    shortcut_share : float
        Warn where file or metadata alone explain more than this share of what the audited run
        scores above chance.
    n_resamples : int
        Of each bootstrap.
    seed : int
    """

    n_draws: int = 5
    n_embedding_draws: int = 100
    leak_share: float = 0.1
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
        for name, number in _LEAST.items():
            if getattr(self, name) < number:
                raise ValueError(f"audit.{name} is {getattr(self, name)}; use {number} or more.")
        for name in ("shortcut_share", "leak_share"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(
                    f"audit.{name} is {getattr(self, name)}; use a share above 0, up to 1."
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Result of one check; ``chance`` is the value without any effect.

    ``value`` is None where it could not be measured, for the reason in ``message``.
    """

    name: CheckName
    level: Level
    message: str
    value: float | None = None
    interval: Interval | None = None
    chance: float | None = None
    details: Mapping[str, object] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether the check was made and found nothing wrong."""
        return self.level is Level.PASS

    def as_row(self) -> dict[str, object]:
        """Return the check as in the JSON of `audit`."""
        return {
            "name": str(self.name),
            "level": str(self.level),
            "passed": self.passed,
            "value": self.value,
            "interval": self.interval.as_list()[1:] if self.interval else None,
            "chance": self.chance,
            "message": self.message,
        }


def worst_level(checks: Sequence[Check]) -> Level:
    """Return the worst level: fail, then warn, inconclusive, pass."""
    order = list(Level)
    return max((check.level for check in checks), key=order.index, default=Level.PASS)


def untested(name: CheckName, reason: str) -> Check:
    """Return an inconclusive check that could not be made."""
    return Check(name=name, level=Level.INCONCLUSIVE, message=f"cannot be tested: {reason}")
