"""Scores of the rungs: accuracy with intervals, on true labels and on random ones."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from genre_core.audit.label_permutation import predict_by_song, relabel, select
from genre_core.audit.songs import AuditedSong
from genre_core.evaluation.bootstrap import (
    Float64Array,
    Interval,
    bootstrap,
    interval_rng,
    sum_by_group,
)
from genre_core.examples import Examples, Float32Array, Int64Array
from genre_core.studies.ladder.rungs import (
    NEVER_SCORED,
    Axis,
    Division,
    Labels,
    LadderConfig,
    Rung,
    deal_fragments,
    deal_songs,
    group_songs,
)

TRAINED_SHARE = 0.7

Learn = Callable[[Examples, Int64Array, Float32Array, int], Float32Array]
"""Trains on examples in an order, int64 (n_epochs, n_drawn) of rows, and gives the probabilities
of the genres for matrices, float32 (n_matrices, n_genres); the number seeds the weights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderCell:
    """A rung with one seed, on true or random labels: it is trained once."""

    rung: Rung
    labels: Labels
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """What came out right of each song.

    Attributes
    ----------
    track_ids : tuple of str
        The songs that were scored.
    n_right, n_judged : tuple of int
        Fragments of each song.
    song_right : tuple of int
        1 where the mean of the fragments is right; empty where no song is scored as a whole.
    """

    track_ids: tuple[str, ...]
    n_right: tuple[int, ...]
    n_judged: tuple[int, ...]
    song_right: tuple[int, ...]


def judge_cell(
    examples: Examples,
    songs: Sequence[AuditedSong],
    recordings: Mapping[str, str],
    cell: LadderCell,
    config: LadderConfig,
    n_genres: int,
    learn: Learn,
) -> Verdicts:
    """Train by the protocol of a rung and score what it calls its test examples.

    Parameters
    ----------
    examples : Examples
        Of ``songs``, with their true labels, in the representation of the rung.
    recordings : mapping
        From `name_recordings`.
    learn : callable

    Returns
    -------
    Verdicts
        Every example once, of a fold each, by a network of its own. Where the split is drawn anew
        in each epoch, a fold is as likely as any other to be drawn for the last test, so it is
        scored alike, though it was trained on.
    """
    if cell.rung.axis == Axis.FREQUENCY:
        examples = replace(examples, matrices=examples.matrices.swapaxes(1, 2))
    fold_of_song, folds = _deal(examples, songs, recordings, cell, config)
    if cell.labels == Labels.RANDOM:
        dealt = permute_labels(recordings, fold_of_song, n_genres, _rng(cell, 1))
        examples = relabel(examples, dealt)
    scored, probabilities = _judge_folds(examples, folds, cell, config, learn)
    return _verdicts(probabilities, select(examples, scored), cell.rung)


def reshuffled_order(
    n_examples: int, share: float, n_epochs: int, rng: np.random.Generator
) -> Int64Array:
    """Draw the examples of each epoch from all of them, test ones included.

    Returns
    -------
    int64 [shape=(n_epochs, n_drawn)]
        An epoch has no example twice.

    Notes
    -----
    After five epochs of 70 %, 1 - 0.3⁵ = 99.8 % of all examples have been trained on.
    """
    n_drawn = max(1, round(share * n_examples))
    return fixed_order(np.arange(n_examples), n_epochs, rng)[:, :n_drawn]


def fixed_order(rows: Int64Array, n_epochs: int, rng: np.random.Generator) -> Int64Array:
    """Put the same examples into an order of their own in each epoch: (n_epochs, n_rows)."""
    return rng.permuted(np.tile(rows, (n_epochs, 1)), axis=1)


def permute_labels(
    recordings: Mapping[str, str],
    fold_of_song: Mapping[str, int],
    n_genres: int,
    rng: np.random.Generator,
) -> dict[str, int]:
    """Deal labels at random to recordings, in equal numbers in each fold.

    So every label is equally probable for each song, and those of one fold say nothing of those
    of another: on a fold of whole songs nobody can be right more often than 1 / n_genres.
    """
    hands: dict[int, list[str]] = {}
    fold_of = {recordings[track_id]: fold for track_id, fold in sorted(fold_of_song.items())}
    for name, fold in sorted(fold_of.items()):
        hands.setdefault(fold, []).append(name)
    dealt: dict[str, int] = {}
    for _, names in sorted(hands.items()):
        genres = rng.permutation(n_genres)[np.arange(len(names)) % n_genres]
        dealt |= dict(zip(names, rng.permutation(genres).tolist(), strict=True))
    return {track_id: dealt[recordings[track_id]] for track_id in fold_of_song}


def _rng(cell: LadderCell, purpose: int) -> np.random.Generator:
    """Give a generator of its own for each purpose; rungs share it, so that they draw alike."""
    return np.random.default_rng([cell.seed, purpose])


def _deal(
    examples: Examples,
    songs: Sequence[AuditedSong],
    recordings: Mapping[str, str],
    cell: LadderCell,
    config: LadderConfig,
) -> tuple[dict[str, int], Int64Array]:
    """Give the fold of each song, in which labels are dealt, and the fold of each example."""
    rng, division = _rng(cell, 0), cell.rung.division
    if division in (Division.RESHUFFLED, Division.FRAGMENT):
        one_hand = {song.track_id: 0 for song in songs}
        return one_hand, deal_fragments(len(examples), config.n_folds, rng)
    groups = group_songs(songs, recordings, division)
    fold_of_song = deal_songs(songs, groups, config.n_folds, rng)
    return fold_of_song, np.array([fold_of_song[t] for t in examples.track_ids], np.int64)


def _judge_folds(
    examples: Examples, folds: Int64Array, cell: LadderCell, config: LadderConfig, learn: Learn
) -> tuple[np.ndarray[tuple[int], np.dtype[np.bool_]], Float32Array]:
    """Give which examples were scored, and the probabilities of their genres."""
    rng = _rng(cell, 2)
    found: dict[int, Float32Array] = {}
    for train, scored in _turns(folds):
        order = _order(train, len(examples), cell.rung, config, rng)
        probabilities = learn(examples, order, examples.matrices[scored], cell.seed)
        found |= dict(zip(scored.tolist(), probabilities, strict=True))
    rows = np.zeros(len(examples), bool)
    rows[list(found)] = True
    return rows, np.stack([found[row] for row in sorted(found)])


def _order(
    train: Int64Array, n_examples: int, rung: Rung, config: LadderConfig, rng: np.random.Generator
) -> Int64Array:
    """Give what is trained on in each epoch: what is left of the folds, or anything."""
    if rung.division == Division.RESHUFFLED:
        return reshuffled_order(n_examples, TRAINED_SHARE, config.epochs, rng)
    return fixed_order(train, config.epochs, rng)


def _turns(folds: Int64Array) -> Iterator[tuple[Int64Array, Int64Array]]:
    """Give the rows to train on and those to score, fold after fold."""
    for fold in sorted(set(folds.tolist()) - {NEVER_SCORED}):
        train = np.flatnonzero(folds != fold)
        if len(train):
            yield train, np.flatnonzero(folds == fold)


def _verdicts(probabilities: Float32Array, scored: Examples, rung: Rung) -> Verdicts:
    right = probabilities.argmax(axis=1) == scored.labels
    names, owner = np.unique(scored.track_ids.astype(str), return_inverse=True)
    song_right: tuple[int, ...] = ()
    if rung.by_song:
        found, labels, chosen = predict_by_song(probabilities, scored)
        right_of = dict(zip(found.tolist(), (labels == chosen).astype(int).tolist(), strict=True))
        song_right = tuple(right_of[name] for name in names.tolist())
    return Verdicts(
        track_ids=tuple(names.tolist()),
        n_right=tuple(np.bincount(owner, right).astype(int).tolist()),
        n_judged=tuple(np.bincount(owner).tolist()),
        song_right=song_right,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """Accuracy over all seeds, by fragment and, where whole songs are scored, by song."""

    fragment: Interval
    song: Interval | None

    def as_document(self) -> dict[str, object]:
        """Give plain values; an interval is value, low, high."""
        return {
            "fragment": self.fragment.as_list(),
            "song": self.song.as_list() if self.song else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RungScore:
    """What a protocol would report on this library.

    Attributes
    ----------
    rung : Rung
    true, random : Accuracy or None
        None where the rung cannot be tested.
    largest : float
        Share of the largest genre among the fragments that are scored: what one gets by always
        naming it.
    chance : float
        Of random labels: 1 / genres.
    n_songs : int
        Songs that were scored.
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
        """Give plain values by name."""
        return {
            "rung": self.rung.number,
            "mended": self.rung.mended,
            "fault": self.rung.why,
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


def measure_accuracy(
    verdicts: Sequence[Verdicts], group_of_song: Mapping[str, str], library_id: str
) -> Accuracy:
    """Give the accuracy over seeds with its interval by bootstrap of song groups.

    Parameters
    ----------
    verdicts : sequence of Verdicts
        One a seed.
    group_of_song : mapping
        Songs of one group are drawn together.
    library_id : str
        Seeds the bootstrap, so that all rungs draw alike.
    """
    by_song = None
    if all(one.song_right for one in verdicts):
        whole = [(v.track_ids, v.song_right, (1,) * len(v.track_ids)) for v in verdicts]
        by_song = _accuracy(whole, group_of_song, library_id)
    fragments = [(v.track_ids, v.n_right, v.n_judged) for v in verdicts]
    return Accuracy(fragment=_accuracy(fragments, group_of_song, library_id), song=by_song)


def largest_share(verdicts: Sequence[Verdicts], genre_of_song: Mapping[str, str]) -> float:
    """Give the share of the scored fragments that the largest genre has."""
    counts: dict[str, int] = {}
    for one in verdicts:
        for track_id, n_judged in zip(one.track_ids, one.n_judged, strict=True):
            genre = genre_of_song[track_id]
            counts[genre] = counts.get(genre, 0) + n_judged
    return max(counts.values()) / sum(counts.values())


Counts = tuple[tuple[str, ...], tuple[int, ...], tuple[int, ...]]


def _accuracy(
    counts: Sequence[Counts], group_of_song: Mapping[str, str], library_id: str
) -> Interval:
    names = [group_of_song[track_id] for track_ids, _, _ in counts for track_id in track_ids]
    pairs = [pair for _, right, judged in counts for pair in zip(right, judged, strict=True)]
    sums = sum_by_group(np.array(pairs, np.float64), names)
    return bootstrap(sums, _share, interval_rng(library_id))[0].within(0, 1)


def _share(sums: Float64Array) -> Float64Array:
    return sums[..., :1] / sums[..., 1:]
