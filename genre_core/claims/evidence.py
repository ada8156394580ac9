"""What the claims are judged by: scores, differences, curves and studies, as plain numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from genre_core.bootstrap import Interval
from genre_core.kernels.counts import Mean

LENGTHS_S = (1.0, 3.0)
"""The shortest and the longest fragment of the thesis."""

LENGTH_NETWORKS = ("dense", "rnn", "cnn")
"""The networks that the thesis trained at every length."""

Key = tuple[str, float]
"""A network and a fragment length in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkScore:
    """Trainings of one network at one length that differ by seed alone, on the test songs.

    Attributes
    ----------
    by_fragment, by_song : Interval
        Accuracy, averaged over seeds; by song with the mean of probabilities.
    confusion : tuple of tuple of int
        Rows are true genres, columns predicted ones; fragments of all seeds together.
    epoch_s : float
        Seconds an epoch, mean over seeds.
    """

    network: str
    fragment_s: float
    run_ids: tuple[str, ...]
    by_fragment: Interval
    by_song: Interval
    confusion: tuple[tuple[int, ...], ...]
    n_parameters: int
    epoch_s: float

    @property
    def key(self) -> Key:
        """Network and length."""
        return self.network, self.fragment_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One side's accuracy less the other's on the same songs; ``fault`` where they have none."""

    by_fragment: Interval | None = None
    by_song: Interval | None = None
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """Validation accuracy by fragment of one training, epoch by epoch.

    ``most_epochs`` is what the settings allowed.
    """

    seed: int
    accuracies: tuple[float, ...]
    most_epochs: int

    def best_within(self, n_epochs: int) -> float:
        """Give the highest accuracy of the first epochs."""
        return max(self.accuracies[:n_epochs])

    def lasts(self, n_epochs: int) -> bool:
        """Whether it went so far, or ended by the rule that nothing improved any more."""
        return len(self.accuracies) >= n_epochs or len(self.accuracies) < self.most_epochs

    def first_epoch(self, level: float) -> int | None:
        """Give the first epoch with a level of accuracy, if there is one."""
        reached = (n for n, value in enumerate(self.accuracies, start=1) if value >= level)
        return next(reached, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedKernels:
    """A network of the kernel study: its kernels, its best accuracy, epochs to each level.

    ``epochs`` has one entry a level, None where a seed did not reach it.
    """

    n_first: int
    n_second: int
    best: Mean
    levels: tuple[float, ...]
    epochs: tuple[Mean | None, ...]

    @property
    def name(self) -> str:
        """What people read: ``16 + 32``."""
        return f"{self.n_first} + {self.n_second}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PrunedNetwork:
    """A network before and after its needless kernels went; accuracy on test fragments."""

    n_whole: int
    n_kept: int
    accuracy_whole: float
    accuracy: float


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelStudy:
    """What `genreflow kernels` found on this library; ``fault`` where it found nothing."""

    counts: tuple[CountedKernels, ...] = ()
    pruned: tuple[PrunedNetwork, ...] = ()
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregation:
    """By song, with the surest fragment: one fragment, all of them, and the difference."""

    name: str
    n_fragments: int
    one: Interval
    many: Interval
    difference: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Ballad:
    """`cnn` with ballad less `cnn` without it, on songs of the other genres."""

    difference: Interval | None = None
    n_songs: int = 0
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loudness:
    """Largest difference between matrices of one song at several gains."""

    largest_change: float | None = None
    gains_db: tuple[float, ...] = ()
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that the claims are judged by.

    Attributes
    ----------
    genres : tuple of str
    largest_share : float
        Share of the largest genre among the test songs: what naming it always would score.
    n_songs, n_groups : int
        Of the test split.
    fragment_s : float
        The length at which networks are compared: that nearest to 3 s.
    """

    genres: tuple[str, ...]
    largest_share: float
    n_songs: int
    n_groups: int
    fragment_s: float
    scores: Mapping[Key, NetworkScore] = field(default_factory=dict)
    differences: Mapping[tuple[Key, Key], Difference] = field(default_factory=dict)
    courses: Mapping[str, tuple[Course, ...]] = field(default_factory=dict)
    kernels: KernelStudy = field(default_factory=KernelStudy)
    aggregation: Aggregation | None = None
    ballad: Ballad = field(default_factory=Ballad)
    loudness: Loudness = field(default_factory=Loudness)


def compared_pairs(fragment_s: float) -> list[tuple[Key, Key]]:
    """Give the pairs of trainings that the claims compare, the one said to be better first."""
    networks = (
        ("rnn_tanh", "dense"),
        ("rnn", "rnn_tanh"),
        ("gru", "rnn_tanh"),
        ("combined", "cnn"),
    )
    shortest_s, longest_s = LENGTHS_S
    return [
        *(((ours, fragment_s), (theirs, fragment_s)) for ours, theirs in networks),
        *(((network, longest_s), (network, shortest_s)) for network in LENGTH_NETWORKS),
        (("rnn", shortest_s), ("cnn", shortest_s)),
    ]
