"""What the claims are judged by: scores, differences, curves and studies, as plain numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from genre_core.evaluation.bootstrap import Interval, interval_rng
from genre_core.evaluation.predictions import SongPredictions, confusion_by_group
from genre_core.evaluation.significance import paired_difference, score_intervals
from genre_core.evaluation.songs import (
    CHOOSING_VOTE,
    FragmentedSongs,
    fragment_predictions,
    song_predictions,
)
from genre_core.examples import Float32Array, Int64Array
from genre_core.representations.features import FeatureConfig, matrices_of
from genre_core.studies.kernels.counts import Mean

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


THESIS_VOTE = "maximum"
GAINS = (0.7, 0.3, 0.1, 0.01)
"""Softer alone: louder music would be cut at full scale, which is no matter of scaling."""


def pool_seeds(judged: Sequence[SongPredictions]) -> SongPredictions:
    """Put what several seeds say of the same songs together."""
    first = judged[0]
    return SongPredictions(
        track_ids=first.track_ids,
        group_ids=first.group_ids,
        labels=first.labels,
        predicted=np.concatenate([said.predicted for said in judged]),
        n_genres=first.n_genres,
    )


def by_fragment(seeds: Sequence[FragmentedSongs]) -> SongPredictions:
    """Judge each fragment by itself, all seeds together."""
    return pool_seeds([fragment_predictions(songs) for songs in seeds])


def by_song(seeds: Sequence[FragmentedSongs], vote: str = CHOOSING_VOTE) -> SongPredictions:
    """Judge songs by a vote of their fragments, all seeds together."""
    return pool_seeds([song_predictions(songs, vote) for songs in seeds])


def confusion_of(judged: SongPredictions) -> tuple[tuple[int, ...], ...]:
    """Give the confusion matrix of all seeds together; rows are true genres."""
    flat = confusion_by_group(judged).sum(axis=0)
    matrix = flat.reshape(-1, judged.n_genres, judged.n_genres).sum(axis=0)
    return tuple(tuple(map(int, row)) for row in matrix)


def accuracy_difference(
    ours: Sequence[FragmentedSongs], theirs: Sequence[FragmentedSongs], library_id: str
) -> Difference:
    """Weigh two trainings on the same songs, by fragment and by song."""
    try:
        fragments = paired_difference(
            by_fragment(ours), by_fragment(theirs), interval_rng(library_id)
        )
    except ValueError as error:
        return Difference(fault=f"the two cannot be paired: {error}")
    songs = paired_difference(by_song(ours), by_song(theirs), interval_rng(library_id))
    return Difference(by_fragment=fragments.accuracy, by_song=songs.accuracy)


def aggregation_of(seeds: Sequence[FragmentedSongs], name: str, library_id: str) -> Aggregation:
    """Weigh the thesis's vote of all fragments of a song against each fragment alone."""
    one = pool_seeds([_one_fragment(songs) for songs in seeds])
    many = by_song(seeds, THESIS_VOTE)
    difference = paired_difference(many, one, interval_rng(library_id))
    return Aggregation(
        name=name,
        n_fragments=max(map(len, seeds[0].fragments)),
        one=_accuracy(one, library_id),
        many=_accuracy(many, library_id),
        difference=difference.accuracy,
    )


def _one_fragment(songs: FragmentedSongs) -> SongPredictions:
    """Let one fragment decide, each in turn as if it were a seed; songs with few take turns."""
    most = max(map(len, songs.fragments))
    rows = [[f[turn % len(f)].argmax() for f in songs.fragments] for turn in range(most)]
    predicted: Int64Array = np.array(rows, np.int64)
    return SongPredictions(
        track_ids=songs.track_ids,
        group_ids=songs.group_ids,
        labels=songs.labels,
        predicted=predicted,
        n_genres=songs.fragments[0].shape[1],
    )


def _accuracy(judged: SongPredictions, library_id: str) -> Interval:
    return score_intervals(judged, interval_rng(library_id)).accuracy


def loudness_of(fragments: Float32Array, features: FeatureConfig) -> Loudness:
    """Give the largest change of the matrices of some fragments when they are made softer.

    Parameters
    ----------
    fragments : float32 [shape=(n_fragments, n_samples)]
        Mono audio at 44.1 kHz.
    features : FeatureConfig
    """
    plain = matrices_of(fragments, features)
    changes = [
        float(np.abs(matrices_of(fragments * np.float32(gain), features) - plain).max())
        for gain in GAINS
    ]
    gains_db = tuple(float(20 * np.log10(gain)) for gain in GAINS)
    return Loudness(largest_change=max(changes), gains_db=gains_db)


def shared_difference(
    ours: SongPredictions, theirs: SongPredictions, library_id: str
) -> tuple[Interval, int]:
    """Weigh two trainings on the songs that both have judged; give also how many those are.

    Raises
    ------
    ValueError
        If they share no song.
    """
    shared = sorted(set(ours.track_ids) & set(theirs.track_ids))
    if not shared:
        raise ValueError("the two have no test song in common.")
    mine, others = (_keep(side, shared) for side in (ours, theirs))
    return paired_difference(mine, others, interval_rng(library_id)).accuracy, len(shared)


def _keep(judged: SongPredictions, track_ids: Sequence[str]) -> SongPredictions:
    kept = np.isin(judged.track_ids.astype(str), list(track_ids))
    return SongPredictions(
        track_ids=judged.track_ids[kept],
        group_ids=judged.group_ids[kept],
        labels=judged.labels[kept],
        predicted=judged.predicted[:, kept],
        n_genres=judged.n_genres,
    )
