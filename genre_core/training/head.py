"""Fit a head: scaling, ridge and prior, chosen by grouped cross-validation.

A head is softmax((a S + X W + b) / T): ``X`` are the features of a song, scaled, ``S`` the mean
scaled logit of each genre's tags, ``a`` the strength of this prior and ``T`` a temperature.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genre_core.examples import Float32Array, Int64Array
from genre_core.training.folds import Fold, grouped_folds
from genre_core.training.songs import one_thread

Float64Array = npt.NDArray[np.float64]
Groups = Sequence[str] | npt.NDArray[np.object_]

HEAD_VERSION = 1
"""Part of the settings of a run: raise it when a head comes to be fitted in another way."""
CLIP = 3.0
"""Deviations from the mean beyond which a scaled value is cut."""
DEVIATION_FLOOR = 0.5
"""Share of the median deviation below which no value is scaled up: it would be noise."""
N_FOLDS = 5
STRENGTHS = (0.0, 0.5, 1.0, 2.0)
PENALTIES = (0.1, 0.3, 1.0, 3.0)
DEFAULT_STRENGTH, DEFAULT_PENALTY, DEFAULT_TEMPERATURE = 1.0, 0.3, 0.5
"""Used where songs are too few to choose, and kept unless another choice is clearly better."""
TEMPERATURES = np.geomspace(0.03, 3.0, 60)
SMALLEST = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scaler:
    """``clip((values - mean) / deviation)``; mean and deviation are float32 (n_values,)."""

    mean: Float32Array
    deviation: Float32Array

    def scale(self, values: Float32Array) -> Float32Array:
        """Scale values, (n, n_values)."""
        return np.clip((values - self.mean) / self.deviation, -CLIP, CLIP).astype(np.float32)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Head:
    """softmax of ``scaler.scale(values) @ weights + bias``.

    ``weights``, float32 (n_values, n_genres), are those of the features, then those of the tag
    logits; divided by the temperature, as the bias is.
    """

    scaler: Scaler
    weights: Float32Array
    bias: Float32Array

    def probabilities(self, values: Float32Array) -> Float32Array:
        """Probability of each genre, float32 (n, n_values) to (n, n_genres)."""
        return softmax(self.scaler.scale(values) @ self.weights + self.bias).astype(np.float32)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FittedHead:
    """A head, how it was chosen, and what it predicts for its own training songs out of fold.

    ``strength``, ``penalty`` and ``temperature`` are ``a``, the ridge penalty a feature, and ``T``.
    Each row of ``out_of_fold``, (n_songs, n_genres), is from a head that was fitted, and tempered,
    without the group of the song: NaN where the genre of the song has no other group.
    """

    head: Head
    strength: float
    penalty: float
    temperature: float
    out_of_fold: Float32Array

    @property
    def is_scored(self) -> npt.NDArray[np.bool_]:
        """Which songs have an out-of-fold prediction, (n_songs,)."""
        return np.asarray(np.isfinite(self.out_of_fold).all(axis=1))


def fit_head(
    values: Float32Array,
    labels: Int64Array,
    groups: Groups,
    prior: Float32Array,
    n_genres: int,
    seed: int = 0,
) -> FittedHead:
    """Fit a head on the means of songs: features, then tag logits, float32 (n_songs, n_values).

    Songs of one group (artist) are never on both sides of a fold. ``prior``, (n_tags, n_genres), is
    from `tag_prior.prior_matrix`; zeros alone are no prior. The seed orders groups before they are
    assigned to folds.

    Strength and penalty minimise the log loss of out-of-fold predictions; the defaults stay
    unless another pair is better by more than the standard error of the difference (Breiman et
    al., Classification and Regression Trees, 1984, section 3.4.3): with few songs the best of many
    pairs is the luckiest. The temperature is fitted on the same predictions (Guo et al., On
    Calibration of Modern Neural Networks, ICML 2017).
    """
    with one_thread():
        folds = _folds(labels, np.asarray(groups, object), n_genres, seed)
        strength, penalty, logits = _cross_validate(values, labels, folds, prior)
        temperature = _fit_temperature(logits, labels) if folds else DEFAULT_TEMPERATURE
        return FittedHead(
            head=_fit(values, labels, prior, strength, penalty, temperature),
            strength=strength,
            penalty=penalty,
            temperature=temperature,
            out_of_fold=_temper_by_fold(logits, labels, folds),
        )


def predict_out_of_fold(
    values: Float32Array,
    labels: Int64Array,
    groups: Groups,
    prior: Float32Array,
    trusted: npt.NDArray[np.bool_],
    seed: int = 0,
) -> Float32Array:
    """Predict each song by a head that was fitted on trusted songs of other groups.

    All songs choose strength, penalty and temperature, so that the probabilities are those of the
    labels as they are given: NaN where no trusted song of the genre is in another group. If all
    songs are trusted (bool, (n_songs,)), these are the predictions of `fit_head`.
    """
    folds = _folds(labels, np.asarray(groups, object), prior.shape[1], seed)
    pruned = [(fitted[trusted[fitted]], held) for fitted, held in folds]
    _, _, logits = _cross_validate(values, labels, pruned, prior)
    return _temper_by_fold(logits, labels, folds)


def softmax(logits: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Softmax over the last axis."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def fit_scaler(values: Float32Array, n_features: int) -> Scaler:
    """Mean and deviation of each value; features and logits have a floor each."""
    mean, deviation = values.mean(axis=0), values.std(axis=0)
    floors = np.zeros_like(deviation)
    for part in (slice(0, n_features), slice(n_features, None)):
        if deviation[part].size:
            floors[part] = max(DEVIATION_FLOOR * float(np.median(deviation[part])), SMALLEST)
    return Scaler(
        mean=mean.astype(np.float32),
        deviation=np.maximum(deviation, floors).astype(np.float32),
    )


def _fit(
    values: Float32Array,
    labels: Int64Array,
    prior: Float32Array,
    strength: float,
    penalty: float,
    temperature: float,
) -> Head:
    n_features, n_genres = values.shape[1] - len(prior), prior.shape[1]
    scaler = fit_scaler(values, n_features)
    weights, bias = _ridge(scaler.scale(values)[:, :n_features], labels, n_genres, penalty)
    both = np.vstack([weights, strength * prior]) / temperature
    return Head(
        scaler=scaler,
        weights=both.astype(np.float32),
        bias=(bias / temperature).astype(np.float32),
    )


def _ridge(
    features: Float32Array, labels: Int64Array, n_genres: int, penalty: float
) -> tuple[Float64Array, Float64Array]:
    """Regress the genres, 1 or 0, on scaled features: (n_features, n_genres) and (n_genres,).

    Ridge regression with an intercept that is not penalised, by the smaller of the two systems of
    equations (Hastie et al., The Elements of Statistical Learning, 2nd ed., section 18.3.5).
    """
    x, y = features.astype(np.float64), np.eye(n_genres)[labels]
    centre, shares = x.mean(axis=0), y.mean(axis=0)
    x, y = x - centre, y - shares
    strength = penalty * x.shape[1]
    if x.shape[1] > len(x):
        weights = x.T @ np.linalg.solve(x @ x.T + strength * np.eye(len(x)), y)
    else:
        weights = np.linalg.solve(x.T @ x + strength * np.eye(x.shape[1]), x.T @ y)
    return weights, shares - centre @ weights


def _folds(
    labels: Int64Array, groups: npt.NDArray[np.object_], n_genres: int, seed: int
) -> list[Fold]:
    """Songs to fit on and songs held out; nothing where no genre has two songs."""
    counts = np.bincount(labels, minlength=n_genres)
    n_folds = min(N_FOLDS, int(counts.max()), len(set(groups.tolist())))
    if n_folds < 2:
        return []
    folds = grouped_folds(labels, groups.astype(str), n_folds, seed)
    return [(fitted, held) for fitted, held in folds if len(fitted) and len(held)]


def _cross_validate(
    values: Float32Array, labels: Int64Array, folds: Sequence[Fold], prior: Float32Array
) -> tuple[float, float, Float64Array]:
    """Choose strength and penalty; return them and the logits out of fold, (n_songs, n_genres)."""
    n_features, n_genres = values.shape[1] - len(prior), prior.shape[1]
    by_tags = np.full((len(labels), n_genres), np.nan)  # S
    linear = {penalty: by_tags.copy() for penalty in PENALTIES}  # X W + b
    for fitted, held in folds:
        scaler = fit_scaler(values[fitted], n_features)
        known = held[np.isin(labels[held], labels[fitted])]
        if not len(known):
            continue
        inside, outside = scaler.scale(values[fitted]), scaler.scale(values[known])
        by_tags[known] = outside[:, n_features:] @ prior
        for penalty in PENALTIES:
            weights, bias = _ridge(inside[:, :n_features], labels[fitted], n_genres, penalty)
            linear[penalty][known] = outside[:, :n_features] @ weights + bias
    strengths = STRENGTHS if prior.any() else (0.0,)
    logits = {(s, p): s * by_tags + linear[p] for s in strengths for p in PENALTIES}
    chosen = _choose(logits, labels, (DEFAULT_STRENGTH if prior.any() else 0.0, DEFAULT_PENALTY))
    return *chosen, logits[chosen]


def _choose(
    logits: Mapping[tuple[float, float], Float64Array],
    labels: Int64Array,
    default: tuple[float, float],
) -> tuple[float, float]:
    """Strength and penalty; the defaults unless others are better by a standard error."""
    is_known = np.isfinite(logits[default]).all(axis=1)
    if not is_known.any():
        return default
    labels = labels[is_known]
    losses = {}
    for pair, rows in logits.items():
        known = rows[is_known]
        losses[pair] = _log_loss(known / _fit_temperature(known, labels), labels)
    best = min(losses, key=lambda pair: float(losses[pair].mean()))
    gain = losses[default] - losses[best]
    error = float(gain.std()) / np.sqrt(len(gain))
    return best if float(gain.mean()) > error else default


def _log_loss(logits: Float64Array, labels: Int64Array) -> Float64Array:
    chosen = softmax(logits)[np.arange(len(labels)), labels]
    return -np.log(np.maximum(chosen, SMALLEST))


def _fit_temperature(logits: Float64Array, labels: Int64Array) -> float:
    is_known = np.isfinite(logits).all(axis=1)
    if not is_known.any():
        return DEFAULT_TEMPERATURE
    logits, labels = logits[is_known], labels[is_known]
    losses = [float(_log_loss(logits / t, labels).mean()) for t in TEMPERATURES]
    return float(TEMPERATURES[int(np.argmin(losses))])


def _temper_by_fold(
    logits: Float64Array, labels: Int64Array, folds: Sequence[Fold]
) -> Float32Array:
    """Probabilities out of fold, each fold at the temperature of the others."""
    tempered = np.full(logits.shape, np.nan, np.float32)
    for fitted, held in folds:
        tempered[held] = softmax(logits[held] / _fit_temperature(logits[fitted], labels[fitted]))
    return tempered
