"""What the claims are tested on: scores, differences, histories and studies, as plain numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

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
from genre_core.examples import Float32Array
from genre_core.representations.features import FeatureConfig, matrices_of
from genre_core.studies.kernels.counts import Mean

LENGTHS_S = (1.0, 3.0)
"""The shortest and the longest fragment of the thesis."""

LENGTH_NETWORKS = ("dense", "rnn", "cnn")
"""The networks that the thesis trained at every length."""

THESIS_VOTE = "maximum"
GAINS = (0.7, 0.3, 0.1, 0.01)
"""Softer alone: louder music would be cut at full scale, which has nothing to do with scaling."""

Key = tuple[str, float]
"""A network and a fragment length in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkScore:
    """Trainings of one network at one length that differ by seed alone, on the test songs.

    Accuracy is averaged over seeds, by song with the mean of probabilities; the confusion matrix,
    true genres by predicted ones, has the fragments of all seeds.
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
    """Accuracy of one side less that of the other on the same songs, or why there is none."""

    by_fragment: Interval | None = None
    by_song: Interval | None = None
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingHistory:
    """Validation accuracy by fragment of one training, epoch by epoch.

    ``max_epochs`` is what the settings allowed.
    """

    seed: int
    accuracies: tuple[float, ...]
    max_epochs: int

    def best_within(self, n_epochs: int) -> float:
        """Return the highest accuracy of the first epochs."""
        return max(self.accuracies[:n_epochs])

    def covers(self, n_epochs: int) -> bool:
        """Whether it went so far, or ended because nothing improved any more."""
        return len(self.accuracies) >= n_epochs or len(self.accuracies) < self.max_epochs

    def first_epoch(self, level: float) -> int | None:
        """Return the first epoch with a level of accuracy, if there is one."""
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
    """A network before and after its redundant kernels went; accuracy on test fragments."""

    n_full: int
    n_kept: int
    accuracy_full: float
    accuracy: float


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelStudy:
    """Results of `genreflow kernels` on this library, or why there are none."""

    counts: tuple[CountedKernels, ...] = ()
    pruned: tuple[PrunedNetwork, ...] = ()
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregation:
    """Accuracy by song of one fragment, of the maximum vote of all, and the difference."""

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
    """All that the claims are tested on: songs and groups of the test split, and studies.

    ``largest_share`` is the score of always predicting the largest genre; ``fragment_s`` the length
    at which networks are compared, the nearest to 3 s.
    """

    genres: tuple[str, ...]
    largest_share: float
    n_songs: int
    n_groups: int
    fragment_s: float
    scores: Mapping[Key, NetworkScore] = field(default_factory=dict)
    differences: Mapping[tuple[Key, Key], Difference] = field(default_factory=dict)
    histories: Mapping[str, tuple[TrainingHistory, ...]] = field(default_factory=dict)
    kernels: KernelStudy = field(default_factory=KernelStudy)
    aggregation: Aggregation | None = None
    ballad: Ballad = field(default_factory=Ballad)
    loudness: Loudness = field(default_factory=Loudness)


def compared_pairs(fragment_s: float) -> list[tuple[Key, Key]]:
    """Return the pairs of trainings that the claims compare, the one claimed to be better first."""
    networks = (
        *(("rnn_tanh", "dense"), ("rnn", "rnn_tanh")),
        *(("gru", "rnn_tanh"), ("combined", "cnn")),
    )
    shortest_s, longest_s = LENGTHS_S
    return [
        *(((ours, fragment_s), (theirs, fragment_s)) for ours, theirs in networks),
        *(((network, longest_s), (network, shortest_s)) for network in LENGTH_NETWORKS),
        (("rnn", shortest_s), ("cnn", shortest_s)),
    ]


def pool_seeds(seeds: Sequence[SongPredictions]) -> SongPredictions:
    """Put the predictions of several seeds on the same songs together."""
    return replace(seeds[0], predicted=np.concatenate([seed.predicted for seed in seeds]))


def by_fragment(seeds: Sequence[FragmentedSongs]) -> SongPredictions:
    """Return the predictions of single fragments, all seeds together."""
    return pool_seeds([fragment_predictions(songs) for songs in seeds])


def by_song(seeds: Sequence[FragmentedSongs], vote: str = CHOOSING_VOTE) -> SongPredictions:
    """Return the predictions of songs by a vote of their fragments, all seeds together."""
    return pool_seeds([song_predictions(songs, vote) for songs in seeds])


def score_network(
    key: Key,
    seeds: Sequence[FragmentedSongs],
    library_id: str,
    run_ids: Sequence[str],
    n_parameters: int,
    epoch_s: float,
) -> NetworkScore:
    """Score the trainings of one network at one length; ``library_id`` seeds the intervals."""
    fragments = by_fragment(seeds)
    flat = confusion_by_group(fragments).sum(axis=0)
    confusion = flat.reshape(-1, fragments.n_genres, fragments.n_genres).sum(axis=0)
    return NetworkScore(
        network=key[0],
        fragment_s=key[1],
        run_ids=tuple(run_ids),
        by_fragment=_accuracy(fragments, library_id),
        by_song=_accuracy(by_song(seeds), library_id),
        confusion=tuple(tuple(map(int, row)) for row in confusion),
        n_parameters=n_parameters,
        epoch_s=epoch_s,
    )


def _accuracy(predictions: SongPredictions, library_id: str) -> Interval:
    return score_intervals(predictions, interval_rng(library_id)).accuracy


def _difference(ours: SongPredictions, theirs: SongPredictions, library_id: str) -> Interval:
    return paired_difference(ours, theirs, interval_rng(library_id)).accuracy


def accuracy_difference(
    ours: Sequence[FragmentedSongs], theirs: Sequence[FragmentedSongs], library_id: str
) -> Difference:
    """Compare two trainings on the same songs, by fragment and by song."""
    try:
        fragments = _difference(by_fragment(ours), by_fragment(theirs), library_id)
    except ValueError as error:
        return Difference(fault=f"the two cannot be paired: {error}")
    songs = _difference(by_song(ours), by_song(theirs), library_id)
    return Difference(by_fragment=fragments, by_song=songs)


def aggregation_of(seeds: Sequence[FragmentedSongs], name: str, library_id: str) -> Aggregation:
    """Compare the thesis's vote of all fragments of a song with each fragment alone."""
    one = pool_seeds([_one_fragment(songs) for songs in seeds])
    many = by_song(seeds, THESIS_VOTE)
    return Aggregation(
        name=name,
        n_fragments=max(map(len, seeds[0].fragments)),
        one=_accuracy(one, library_id),
        many=_accuracy(many, library_id),
        difference=_difference(many, one, library_id),
    )


def _one_fragment(songs: FragmentedSongs) -> SongPredictions:
    """Let one fragment decide, each in turn as if it were a seed; songs with few take turns."""
    most = max(map(len, songs.fragments))
    rows = [[f[turn % len(f)].argmax() for f in songs.fragments] for turn in range(most)]
    return replace(song_predictions(songs, THESIS_VOTE), predicted=np.array(rows, np.int64))


def loudness_of(fragments: Float32Array, features: FeatureConfig) -> Loudness:
    """Return the largest change of matrices when their fragments are made softer.

    Fragments are mono audio at 44.1 kHz, (n_fragments, n_samples).
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
    """Compare two trainings on the songs that both have predicted; return also how many.

    ValueError if there is none.
    """
    shared = sorted(set(ours.track_ids) & set(theirs.track_ids))
    if not shared:
        raise ValueError("the two have no test song in common.")
    mine, others = (_keep(side, shared) for side in (ours, theirs))
    return _difference(mine, others, library_id), len(shared)


def _keep(predictions: SongPredictions, track_ids: Sequence[str]) -> SongPredictions:
    kept = np.isin(predictions.track_ids.astype(str), list(track_ids))
    return replace(
        predictions,
        track_ids=predictions.track_ids[kept],
        group_ids=predictions.group_ids[kept],
        labels=predictions.labels[kept],
        predicted=predictions.predicted[:, kept],
    )
