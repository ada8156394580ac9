"""Trials of the rungs: accuracy with intervals, on true labels and on permuted ones."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from genre_core.audit.label_permutation import assign_labels, predict_by_song, relabel, select
from genre_core.audit.songs import AuditedSong
from genre_core.evaluation.bootstrap import (
    Float64Array,
    Interval,
    bootstrap,
    interval_rng,
    sum_by_group,
)
from genre_core.examples import Examples, Float32Array, Int64Array
from genre_core.studies.ladder.folds import (
    NEVER_SCORED,
    assign_fragments,
    assign_songs,
    group_songs,
)
from genre_core.studies.ladder.rungs import Axis, Division, Labels, LadderConfig, Rung
from genre_core.training.rules import Learn, fixed_order

TRAINED_SHARE = 0.7
UNITS = ("fragment", "song")


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderTrial:
    """A rung with one seed, on true or random labels: it is trained once."""

    rung: Rung
    labels: Labels
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialCounts:
    """Right and predicted fragments of each song that was scored.

    ``song_right`` is 1 where the mean of the fragments is right; empty where songs are not scored.
    """

    track_ids: tuple[str, ...]
    n_right: tuple[int, ...]
    n_predicted: tuple[int, ...]
    song_right: tuple[int, ...]


def run_trial(
    examples: Examples,
    songs: Sequence[AuditedSong],
    recordings: Mapping[str, str],
    trial: LadderTrial,
    config: LadderConfig,
    learn: Learn,
) -> TrialCounts:
    """Train by the protocol of a rung and count the right predictions of its test examples.

    ``examples`` are of ``songs``, with their true labels, in the representation of the rung;
    ``recordings`` come from `name_recordings`. Each fold is predicted by a network of its own.
    Where the split is drawn anew in each epoch, a fold is as likely as any other to be drawn for
    the last test, so it is scored alike, though it was trained on.
    """
    if trial.rung.axis == Axis.FREQUENCY:
        examples = replace(examples, matrices=examples.matrices.swapaxes(1, 2))
    fold_of_song, folds = _assign(examples, songs, recordings, trial, config)
    if trial.labels == Labels.RANDOM:
        n_genres = len({song.genre for song in songs})
        permuted = permute_labels(recordings, fold_of_song, n_genres, _rng(trial, 1))
        examples = relabel(examples, permuted)
    scored, probabilities = _predict_folds(examples, folds, trial, config, learn)
    return _count(probabilities, select(examples, scored), trial.rung)


def permute_labels(
    recordings: Mapping[str, str],
    fold_of_song: Mapping[str, int],
    n_genres: int,
    rng: np.random.Generator,
) -> dict[str, int]:
    """Assign labels at random to recordings, in equal numbers in each fold.

    So every label is equally probable for each song, and folds are independent: on a fold of whole
    songs no model can be right more often than 1 / n_genres.
    """
    fold_of = {recordings[track_id]: fold for track_id, fold in sorted(fold_of_song.items())}
    folds = sorted(set(fold_of.values()))
    names = [sorted(name for name, own in fold_of.items() if own == fold) for fold in folds]
    labels = assign_labels(names, n_genres, rng)
    return {track_id: labels[recordings[track_id]] for track_id in fold_of_song}


def _rng(trial: LadderTrial, purpose: int) -> np.random.Generator:
    """Return a generator of its own for each purpose; rungs share it, so that they draw alike."""
    return np.random.default_rng([trial.seed, purpose])


def _assign(
    examples: Examples,
    songs: Sequence[AuditedSong],
    recordings: Mapping[str, str],
    trial: LadderTrial,
    config: LadderConfig,
) -> tuple[dict[str, int], Int64Array]:
    """Return the fold of each song, in which labels are permuted, and that of each example."""
    rng = _rng(trial, 0)
    if not trial.rung.by_song:
        folds = assign_fragments(len(examples), config.n_folds, rng)
        return {song.track_id: 0 for song in songs}, folds
    groups = group_songs(songs, recordings, trial.rung.division)
    fold_of_song = assign_songs(songs, groups, config.n_folds, rng)
    return fold_of_song, np.array([fold_of_song[t] for t in examples.track_ids], np.int64)


def _predict_folds(
    examples: Examples, folds: Int64Array, trial: LadderTrial, config: LadderConfig, learn: Learn
) -> tuple[npt.NDArray[np.bool_], Float32Array]:
    """Return which examples were scored, and the probabilities of their genres."""
    rng, is_scored = _rng(trial, 2), np.zeros(len(examples), bool)
    found: dict[int, Float32Array] = {}
    for fold in sorted(set(folds.tolist()) - {NEVER_SCORED}):
        train, scored = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        if not len(train):
            continue
        if trial.rung.division == Division.RESHUFFLED:
            order = reshuffled_order(len(examples), TRAINED_SHARE, config.epochs, rng)
        else:
            order = fixed_order(train, config.epochs, rng)
        probabilities = learn(examples, order, examples.matrices[scored], trial.seed)
        found |= dict(zip(scored.tolist(), probabilities, strict=True))
        is_scored[scored] = True
    return is_scored, np.stack([found[row] for row in sorted(found)])


def reshuffled_order(
    n_examples: int, share: float, n_epochs: int, rng: np.random.Generator
) -> Int64Array:
    """Draw the examples of each epoch from all of them, test ones included: (n_epochs, n_drawn).

    After five epochs of 70 %, 1 - 0.3⁵ = 99.8 % of all examples have been trained on.
    """
    n_drawn = max(1, round(share * n_examples))
    return fixed_order(np.arange(n_examples), n_epochs, rng)[:, :n_drawn]


def _count(probabilities: Float32Array, scored: Examples, rung: Rung) -> TrialCounts:
    right = probabilities.argmax(axis=1) == scored.labels
    names, owner = np.unique(scored.track_ids.astype(str), return_inverse=True)
    song_right: dict[str, int] = {}
    if rung.by_song:
        found, labels, predicted = predict_by_song(probabilities, scored)
        song_right = dict(
            zip(found.tolist(), (labels == predicted).astype(int).tolist(), strict=True)
        )
    return TrialCounts(
        track_ids=tuple(names.tolist()),
        n_right=tuple(np.bincount(owner, right).astype(int).tolist()),
        n_predicted=tuple(np.bincount(owner).tolist()),
        song_right=tuple(song_right[name] for name in names.tolist() if song_right),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RungScore:
    """What a protocol would report on this library, on true and on random labels.

    ``accuracies`` are by labels and unit, ``fragment`` or ``song``, over all seeds; empty where the
    rung cannot be tested. ``largest`` is the share of the largest genre among the scored fragments,
    the score of always predicting it; ``chance`` of random labels is 1 / genres; ``note`` is what
    cannot be tested, or makes the rung weak.
    """

    rung: Rung
    accuracies: Mapping[tuple[Labels, str], Interval]
    largest: float
    chance: float
    n_songs: int
    note: str

    def as_document(self) -> dict[str, object]:
        """Return plain values by name; an interval is value, low, high."""
        by_labels: dict[str, dict[str, list[float] | None] | None] = {}
        for labels in Labels:
            found = {unit: self.accuracies.get((labels, unit)) for unit in UNITS}
            lists = {u: one.as_list() if one else None for u, one in found.items()}
            by_labels[f"{labels}_labels"] = lists if any(found.values()) else None
        return {
            "rung": self.rung.number,
            "change": self.rung.change,
            "fault": self.rung.fault,
            "representation": self.rung.representation,
            "division": str(self.rung.division),
            "softmaxes": self.rung.n_softmaxes,
            "recurrence": str(self.rung.axis),
            **by_labels,
            "largest_genre": self.largest,
            "chance": self.chance,
            "n_songs": self.n_songs,
            "note": self.note,
        }

    def as_metrics(self) -> dict[str, float]:
        """Return all accuracies under names such as ``ladder_6_true_song``, with both ends."""
        metrics: dict[str, float] = {}
        for (labels, unit), interval in self.accuracies.items():
            metrics |= interval.as_columns(f"ladder_{self.rung.number}_{labels}_{unit}")
        return metrics


def measure_accuracy(
    seeds: Sequence[TrialCounts], group_of_song: Mapping[str, str], library_id: str
) -> dict[str, Interval]:
    """Return the accuracy over seeds by fragment and, where whole songs are scored, by song.

    Its interval is by bootstrap of song groups; ``library_id`` seeds it, so that all rungs draw
    alike.
    """
    names = [group_of_song[track_id] for one in seeds for track_id in one.track_ids]
    right = [n for one in seeds for n in one.n_right]
    n_predicted = [n for one in seeds for n in one.n_predicted]
    song_right = [n for one in seeds for n in one.song_right]
    accuracies = {}
    if right:
        accuracies["fragment"] = _accuracy(right, n_predicted, names, library_id)
    if song_right:
        accuracies["song"] = _accuracy(song_right, [1] * len(names), names, library_id)
    return accuracies


def _accuracy(
    right: Sequence[int], n_predicted: Sequence[int], names: Sequence[str], library_id: str
) -> Interval:
    counts = np.stack([right, n_predicted], axis=1).astype(np.float64)
    sums = sum_by_group(counts, names)
    return bootstrap(sums, _share, interval_rng(library_id))[0].within(0, 1)


def _share(sums: Float64Array) -> Float64Array:
    return sums[..., :1] / sums[..., 1:]


def largest_share(seeds: Sequence[TrialCounts], genre_of_song: Mapping[str, str]) -> float:
    """Return the share of the largest genre among the scored fragments."""
    counts = Counter[str]()
    for one in seeds:
        for track_id, n_predicted in zip(one.track_ids, one.n_predicted, strict=True):
            counts[genre_of_song[track_id]] += n_predicted
    return max(counts.values()) / counts.total()
