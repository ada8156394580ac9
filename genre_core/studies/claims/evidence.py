"""What the claims are tested on: scores, differences, histories and studies, as plain numbers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from genre_core.evaluation.bootstrap import Interval, interval_rng
from genre_core.evaluation.predictions import SongPredictions, as_matrices, confusion_by_group
from genre_core.evaluation.significance import paired_difference, score_intervals
from genre_core.evaluation.songs import (
    CHOOSING_VOTE,
    FragmentedSongs,
    fragment_predictions,
    song_predictions,
)
from genre_core.examples import Float32Array
from genre_core.representations.features import FeatureConfig, matrices_of
from genre_core.studies.claims.findings import Untestable
from genre_core.studies.kernels.counts import Mean

SHORTEST_S, LONGEST_S = 1.0, 3.0
"""The shortest and the longest fragment of the thesis."""

LENGTH_NETWORKS = ("dense", "rnn", "cnn")
"""The networks that the thesis trained at every length."""

THESIS_VOTE = "maximum"
GAINS_DB = (-3, -10, -20, -40)
"""Softer alone: louder music would be cut at full scale, which has nothing to do with scaling."""

Key = tuple[str, float]
"""A network and a fragment length in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkScore:
    """Test scores of one network at one length, whose trainings differ by seed alone.

    Accuracy is averaged over seeds, by song with the mean of probabilities; the confusion matrix,
    true genres by predicted ones, counts the fragments of all seeds.
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

    @property
    def seeds(self) -> str:
        """``1 seed`` or ``3 seeds``."""
        return f"{len(self.run_ids)} {'seed' if len(self.run_ids) == 1 else 'seeds'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Accuracy of one side less that of the other on the same songs."""

    by_fragment: Interval
    by_song: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingHistory:
    """Validation accuracy by fragment of one training, epoch by epoch.

    ``max_epochs`` is what the settings allowed.
    """

    seed: int
    accuracies: tuple[float, ...]
    max_epochs: int

    def best_within(self, n_epochs: int) -> float:
        """Highest accuracy of the first epochs."""
        return max(self.accuracies[:n_epochs])

    def covers(self, n_epochs: int) -> bool:
        """Whether it lasted so long, or ended because nothing improved any more."""
        return len(self.accuracies) >= n_epochs or len(self.accuracies) < self.max_epochs

    def first_epoch(self, level: float) -> int | None:
        """First epoch with a level of accuracy, if there is one."""
        reached = (n for n, value in enumerate(self.accuracies, start=1) if value >= level)
        return next(reached, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedKernels:
    """A network of the kernel study: its kernels, its best accuracy, and its epochs.

    ``epochs`` are those to each level of accuracy that all seeds reach.
    """

    n_first: int
    n_second: int
    best: Mean
    epochs: Mapping[float, Mean]

    @property
    def name(self) -> str:
        """``16 + 32``."""
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
    """Results of `genreflow kernels` on this library."""

    counts: tuple[CountedKernels, ...]
    pruned: tuple[PrunedNetwork, ...]


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
    """`cnn` with ballad less `cnn` without it, on the songs of the other genres."""

    difference: Interval
    n_songs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that the claims are tested on: songs and groups of the test split, and studies.

    ``largest_share`` is the score of always predicting the largest genre; ``fragment_s`` the length
    at which networks are compared, the nearest to 3 s; ``loudness`` the largest difference between
    matrices of one song at `GAINS_DB`. A text in place of a value is the reason why it is missing.
    """

    genres: tuple[str, ...]
    largest_share: float
    n_songs: int
    n_groups: int
    fragment_s: float
    scores: Mapping[Key, NetworkScore]
    differences: Mapping[tuple[Key, Key], Difference | str]
    histories: Mapping[str, Sequence[TrainingHistory]]
    kernels: KernelStudy | str
    aggregation: Aggregation | str
    ballad: Ballad | str
    loudness: float | str

    def require(self, *keys: Key) -> list[NetworkScore]:
        """Return the scores of some trainings, or raise `Untestable` with the command for them."""
        if lacking := [key for key in keys if key not in self.scores]:
            raise Untestable(missing_runs(lacking))
        return [self.scores[key] for key in keys]

    @property
    def too_few(self) -> str:
        """The end of the reason where an interval includes both answers."""
        return (
            f"{self.n_songs} test songs of {self.n_groups} artists or groups are too few to "
            "decide. Add songs; more seeds steady the value"
        )


def missing_runs(keys: Iterable[Key]) -> str:
    """Name the trainings that are missing, and the command for them."""
    lacking = list(dict.fromkeys(keys))
    names = ", ".join(f"`{network}` at {length_s:g} s" for network, length_s in lacking)
    networks = " ".join(f"--network {name}" for name in dict.fromkeys(key[0] for key in lacking))
    lengths = " ".join(f"--fragment-s {s:g}" for s in dict.fromkeys(key[1] for key in lacking))
    command = f"genreflow sweep --representation thesis {networks} {lengths}"
    return f"there is no finished run of {names}; run `{command}`."


def compared_pairs(fragment_s: float) -> list[tuple[Key, Key]]:
    """Return the pairs of trainings that the claims compare, the one claimed to be better first."""
    networks = (
        *(("rnn_tanh", "dense"), ("rnn", "rnn_tanh")),
        *(("gru", "rnn_tanh"), ("combined", "cnn")),
    )
    return [
        *(((ours, fragment_s), (theirs, fragment_s)) for ours, theirs in networks),
        *(((network, LONGEST_S), (network, SHORTEST_S)) for network in LENGTH_NETWORKS),
        (("rnn", SHORTEST_S), ("cnn", SHORTEST_S)),
    ]


def score_network(
    key: Key,
    seeds: Sequence[FragmentedSongs],
    library_id: str,
    run_ids: Sequence[str],
    n_parameters: int,
    epoch_s: float,
) -> NetworkScore:
    """Score the trainings of one network at one length; ``library_id`` seeds the intervals."""
    fragments = _by_fragment(seeds)
    flat = confusion_by_group(fragments).sum(axis=0)
    confusion = as_matrices(flat, fragments.n_genres).sum(axis=0)
    return NetworkScore(
        network=key[0],
        fragment_s=key[1],
        run_ids=tuple(run_ids),
        by_fragment=_accuracy(fragments, library_id),
        by_song=_accuracy(_by_song(seeds), library_id),
        confusion=tuple(tuple(map(int, row)) for row in confusion),
        n_parameters=n_parameters,
        epoch_s=epoch_s,
    )


def accuracy_difference(
    ours: Sequence[FragmentedSongs], theirs: Sequence[FragmentedSongs], library_id: str
) -> Difference | str:
    """Compare two trainings on the same songs, by fragment and by song."""
    try:
        fragments = _difference(_by_fragment(ours), _by_fragment(theirs), library_id)
    except ValueError as error:
        return f"the two cannot be paired: {error}"
    songs = _difference(_by_song(ours), _by_song(theirs), library_id)
    return Difference(by_fragment=fragments, by_song=songs)


def aggregation_of(seeds: Sequence[FragmentedSongs], name: str, library_id: str) -> Aggregation:
    """Compare the thesis's vote of all fragments of a song with each fragment alone."""
    one, many = _pool(map(_one_fragment, seeds)), _by_song(seeds, THESIS_VOTE)
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


def _by_fragment(seeds: Sequence[FragmentedSongs]) -> SongPredictions:
    return _pool(map(fragment_predictions, seeds))


def _by_song(seeds: Sequence[FragmentedSongs], vote: str = CHOOSING_VOTE) -> SongPredictions:
    return _pool(song_predictions(songs, vote) for songs in seeds)


def _pool(predictions: Iterable[SongPredictions]) -> SongPredictions:
    seeds = list(predictions)
    return replace(seeds[0], predicted=np.concatenate([seed.predicted for seed in seeds]))


def _accuracy(predictions: SongPredictions, library_id: str) -> Interval:
    return score_intervals(predictions, interval_rng(library_id)).accuracy


def _difference(ours: SongPredictions, theirs: SongPredictions, library_id: str) -> Interval:
    return paired_difference(ours, theirs, interval_rng(library_id)).accuracy


def loudness_of(fragments: Float32Array, features: FeatureConfig) -> float:
    """Return the largest change of matrices when their fragments are made softer.

    Fragments are mono audio at 44.1 kHz, (n_fragments, n_samples).
    """
    plain = matrices_of(fragments, features)
    gains = np.float32(10) ** (np.array(GAINS_DB, np.float32) / 20)
    return max(
        float(np.abs(matrices_of(fragments * gain, features) - plain).max()) for gain in gains
    )


def ballad_difference(
    ours: SongPredictions, theirs: SongPredictions, library_id: str
) -> Ballad | str:
    """Compare trainings with ballad and without on the songs that both have predicted."""
    shared = np.intersect1d(ours.track_ids.astype(str), theirs.track_ids.astype(str))
    if not len(shared):
        return "the two cannot be paired: they have no test song in common."
    try:
        difference = _difference(_keep(ours, shared), _keep(theirs, shared), library_id)
    except ValueError as error:
        return f"the two cannot be paired: {error}"
    return Ballad(difference=difference, n_songs=len(shared))


def _keep(predictions: SongPredictions, track_ids: npt.NDArray[np.str_]) -> SongPredictions:
    kept = np.isin(predictions.track_ids.astype(str), track_ids)
    return replace(
        predictions,
        track_ids=predictions.track_ids[kept],
        group_ids=predictions.group_ids[kept],
        labels=predictions.labels[kept],
        predicted=predictions.predicted[:, kept],
    )
