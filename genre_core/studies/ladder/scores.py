"""Trials of the rungs: accuracy with intervals, on true labels and on permuted ones."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

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

    So every label is equally probable for each song, and those of one fold say nothing of those
    of another: on a fold of whole songs no model can be right more often than 1 / n_genres.
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
) -> tuple[np.ndarray[tuple[int], np.dtype[np.bool_]], Float32Array]:
    """Return which examples were scored, and the probabilities of their genres."""
    rng = _rng(trial, 2)
    found: dict[int, Float32Array] = {}
    for train, scored in _turns(folds):
        if trial.rung.division == Division.RESHUFFLED:
            order = reshuffled_order(len(examples), TRAINED_SHARE, config.epochs, rng)
        else:
            order = fixed_order(train, config.epochs, rng)
        probabilities = learn(examples, order, examples.matrices[scored], trial.seed)
        found |= dict(zip(scored.tolist(), probabilities, strict=True))
    rows = np.zeros(len(examples), bool)
    rows[list(found)] = True
    return rows, np.stack([found[row] for row in sorted(found)])


def reshuffled_order(
    n_examples: int, share: float, n_epochs: int, rng: np.random.Generator
) -> Int64Array:
    """Draw the examples of each epoch from all of them, test ones included: (n_epochs, n_drawn).

    After five epochs of 70 %, 1 - 0.3⁵ = 99.8 % of all examples have been trained on.
    """
    n_drawn = max(1, round(share * n_examples))
    return fixed_order(np.arange(n_examples), n_epochs, rng)[:, :n_drawn]


def _turns(folds: Int64Array) -> Iterator[tuple[Int64Array, Int64Array]]:
    """Yield the rows to train on and those to score, fold after fold."""
    for fold in sorted(set(folds.tolist()) - {NEVER_SCORED}):
        train = np.flatnonzero(folds != fold)
        if len(train):
            yield train, np.flatnonzero(folds == fold)


def _count(probabilities: Float32Array, scored: Examples, rung: Rung) -> TrialCounts:
    right = probabilities.argmax(axis=1) == scored.labels
    names, owner = np.unique(scored.track_ids.astype(str), return_inverse=True)
    song_right: tuple[int, ...] = ()
    if rung.by_song:
        found, labels, predicted = predict_by_song(probabilities, scored)
        right_of = dict(
            zip(found.tolist(), (labels == predicted).astype(int).tolist(), strict=True)
        )
        song_right = tuple(right_of[name] for name in names.tolist())
    return TrialCounts(
        track_ids=tuple(names.tolist()),
        n_right=tuple(np.bincount(owner, right).astype(int).tolist()),
        n_predicted=tuple(np.bincount(owner).tolist()),
        song_right=song_right,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """Accuracy over all seeds, by fragment and, where whole songs are scored, by song."""

    fragment: Interval
    song: Interval | None

    def as_document(self) -> dict[str, object]:
        """Return plain values; an interval is value, low, high."""
        song = self.song.as_list() if self.song else None
        return {"fragment": self.fragment.as_list(), "song": song}


@dataclass(frozen=True, slots=True, kw_only=True)
class RungScore:
    """What a protocol would report on this library, on true and on random labels.

    Attributes
    ----------
    true, random : Accuracy or None
        None where the rung cannot be tested.
    largest : float
        Share of the largest genre among the scored fragments: the score of always predicting it.
    chance : float
        Of random labels: 1 / genres.
    note : str
        What cannot be tested, or makes the rung weak.
    """

    rung: Rung
    true: Accuracy | None
    random: Accuracy | None
    largest: float
    chance: float
    n_songs: int
    note: str

    def as_document(self) -> dict[str, object]:
        """Return plain values by name."""
        return {
            "rung": self.rung.number,
            "change": self.rung.change,
            "fault": self.rung.fault,
            "representation": self.rung.representation,
            "division": str(self.rung.division),
            "softmaxes": self.rung.n_softmaxes,
            "recurrence": str(self.rung.axis),
            "true_labels": self.true.as_document() if self.true else None,
            "random_labels": self.random.as_document() if self.random else None,
            "largest_genre": self.largest,
            "chance": self.chance,
            "n_songs": self.n_songs,
            "note": self.note,
        }

    def as_metrics(self) -> dict[str, float]:
        """Return all accuracies under names such as ``ladder_6_true_song``, with both ends."""
        metrics: dict[str, float] = {}
        for labels in Labels:
            for unit in ("fragment", "song"):
                if interval := getattr(getattr(self, labels), unit, None):
                    name = f"ladder_{self.rung.number}_{labels}_{unit}"
                    metrics |= interval.as_columns(name)
        return metrics


def measure_accuracy(
    seeds: Sequence[TrialCounts], group_of_song: Mapping[str, str], library_id: str
) -> Accuracy:
    """Return the accuracy over seeds with its interval by bootstrap of song groups.

    ``library_id`` seeds the bootstrap, so that all rungs draw alike.
    """
    fragments = [(one.track_ids, one.n_right, one.n_predicted) for one in seeds]
    by_song = None
    if all(one.song_right for one in seeds):
        songs = [(one.track_ids, one.song_right, (1,) * len(one.track_ids)) for one in seeds]
        by_song = _accuracy(songs, group_of_song, library_id)
    return Accuracy(fragment=_accuracy(fragments, group_of_song, library_id), song=by_song)


Counts = tuple[tuple[str, ...], tuple[int, ...], tuple[int, ...]]


def _accuracy(
    counts: Sequence[Counts], group_of_song: Mapping[str, str], library_id: str
) -> Interval:
    names = [group_of_song[track_id] for track_ids, _, _ in counts for track_id in track_ids]
    pairs = [pair for _, right, n in counts for pair in zip(right, n, strict=True)]
    sums = sum_by_group(np.array(pairs, np.float64), names)
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
