"""Learners of the audit: those for embeddings, and how results of several are reported.

Permuted labels show a leak only if the learner memorises. The head does not: penalty and prior make
it generalise. On windows of 53 songs a nearest neighbour recovers 0.75 of permuted labels (chance
0.25) and a head 0.65; on windows of 240 songs 0.95 and 0.35 to 0.5. So the nearest neighbour
decides, and the head is reported beside it. Leave-one-source-out tests the head itself.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from genre_core.audit.rules import Check, CheckName, Level
from genre_core.evaluation.bootstrap import Interval
from genre_core.examples import Examples, Float32Array, Int64Array
from genre_core.representations.embeddings import song_examples
from genre_core.training.head import fit_head, fit_scaler
from genre_core.training.songs import one_thread

UNSEEN = -1e3
"""Score of a genre that a ridge was not fitted on; the others are about -1 to 1."""
ROWS_AT_ONCE = 1024
"""Rows whose distances to all known ones are in memory at a time."""

Fit = Callable[[Examples, Examples, int], Float32Array]
"""Trains on the first examples and returns the probabilities of the genres for the second, float32
(n_examples, n_genres); the number is a seed."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Learner:
    """A learner, the examples that it reads, and how many permutations of labels it is fitted on.

    Messages name it: ``a small network``.
    """

    name: str
    fit: Fit
    examples: Examples
    n_draws: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Score of one learner."""

    learner: str
    score: Interval

    def as_document(self) -> dict[str, object]:
        """Return plain values."""
        value, *ends = self.score.as_list()
        return {"learner": self.learner, "value": value, "interval": ends}


def report_measured(
    name: CheckName,
    level: Level,
    measured: Sequence[Measured],
    chance: float,
    message: str,
    details: Mapping[str, object],
) -> Check:
    """Return a check with the score of the first learner, and those of the others beside it."""
    first, others = measured[0], measured[1:]
    if others:
        scores = ", ".join(f"{other.learner} {other.score}" for other in others)
        message = f"{message} Beside it: {scores}."
    return Check(
        name=name,
        level=level,
        value=first.score.value,
        interval=first.score,
        chance=chance,
        message=message,
        details={
            **details,
            "learner": first.learner,
            "beside": [other.as_document() for other in others],
        },
    )


def nearest_neighbour(n_genres: int) -> Fit:
    """Return a learner that memorises: the label of the nearest training example.

    It finds the neighbours of the same examples once, however often their labels are permuted.
    """
    found: dict[str, Float32Array | Int64Array] = {}

    def fit(train: Examples, scored: Examples, _: int) -> Float32Array:
        asked = {"known": train.matrices, "new": scored.matrices}
        if not all(np.array_equal(found.get(name, ()), rows) for name, rows in asked.items()):
            nearest = nearest_rows(_flat(train), _flat(scored))
            found.update(asked, nearest=nearest)
        return np.eye(n_genres, dtype=np.float32)[train.labels[found["nearest"]]]

    return fit


def nearest_rows(known: Float32Array, new: Float32Array) -> Int64Array:
    """Return which of the known rows, (n_known, n_values), is the nearest to each new one."""
    scaler = fit_scaler(known, known.shape[1])
    known = scaler.scale(known)
    squares = np.square(known).sum(axis=1)
    nearest = np.empty(len(new), np.int64)
    with one_thread():
        for start in range(0, len(new), ROWS_AT_ONCE):
            rows = slice(start, start + ROWS_AT_ONCE)
            # |known|^2 - 2 known new ranks like the distance; |new|^2 is the same for all
            distances = squares - 2 * (scaler.scale(new[rows]) @ known.T)
            nearest[rows] = distances.argmin(axis=1)
    return nearest


def ridge(n_genres: int) -> Fit:
    """Return a linear learner: ridge regression on the classes, which weigh the same.

    The penalty is one a feature, of features with variance 1 (Hoerl, Kennard and Baldwin, "Ridge
    regression: some simulations", Communications in Statistics 4(2), 1975, for equal variance of
    signal and noise). What it returns ranks the genres; these probabilities are not calibrated.
    """

    def fit(train: Examples, scored: Examples, _: int) -> Float32Array:
        from scipy.special import softmax
        from sklearn.linear_model import RidgeClassifier

        scaler = fit_scaler(_flat(train), _flat(train).shape[1])
        model = RidgeClassifier(
            alpha=_flat(train).shape[1], class_weight="balanced", solver="cholesky"
        )
        found = np.full((len(scored), n_genres), UNSEEN, np.float32)
        genres = np.unique(train.labels)
        if len(genres) == 1:
            found[:, genres] = 0
            return np.asarray(softmax(found, axis=1), np.float32)
        with one_thread():
            model.fit(scaler.scale(_flat(train)), train.labels)
            scores = model.decision_function(scaler.scale(_flat(scored)))
        found[:, genres] = np.stack([-scores, scores], 1) if scores.ndim == 1 else scores
        return np.asarray(softmax(found, axis=1), np.float32)

    return fit


def head_of_songs(group_of_song: Mapping[str, str], prior: Float32Array, n_genres: int) -> Fit:
    """Return the learner of the pipeline: a head on the means of songs.

    Groups are kept together in the folds that choose the head. ``prior`` is (n_tags, n_genres);
    zeros alone: no prior.
    """

    def fit(train: Examples, scored: Examples, seed: int) -> Float32Array:
        songs, new = song_examples(train), song_examples(scored)
        groups = [group_of_song[track_id] for track_id in songs.track_ids]
        fitted = fit_head(_flat(songs), songs.labels, groups, prior, n_genres, seed)
        rows = np.searchsorted(new.track_ids.astype(str), scored.track_ids.astype(str))
        return fitted.head.probabilities(_flat(new))[rows]

    return fit


def head_of_windows(n_tags: int, n_genres: int) -> Fit:
    """Return a head without prior whose folds divide windows, as a split by fragment does."""
    prior = np.zeros((n_tags, n_genres), np.float32)

    def fit(train: Examples, scored: Examples, seed: int) -> Float32Array:
        groups = [str(row) for row in range(len(train))]
        fitted = fit_head(_flat(train), train.labels, groups, prior, n_genres, seed)
        return fitted.head.probabilities(_flat(scored))

    return fit


def _flat(examples: Examples) -> Float32Array:
    """Matrices as rows, (n_examples, n_values)."""
    return examples.matrices.reshape(len(examples), -1)
