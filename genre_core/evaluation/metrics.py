"""Scores of predicted genres, for each genre and over all."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from genre_core.evaluation.bootstrap import Float64Array
from genre_core.examples import Int64Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scores:
    """Scores of the predictions on one split.

    The macro means go over the genres that occur among the labels (``support`` above 0). Arrays
    are (n_genres,), 0 where undefined; rows of ``confusion`` are true genres, columns predicted
    ones.
    """

    genres: tuple[str, ...]
    accuracy: float
    macro_precision: float
    macro_recall: float
    macro_f1: float
    precision: Float64Array
    recall: Float64Array
    f1: Float64Array
    support: Int64Array
    confusion: Int64Array

    def as_metrics(self, prefix: str) -> dict[str, float]:
        """Return flat names such as ``<prefix>_macro_f1`` and ``<prefix>_f1_jazz``.

        Genres without labels have no scores of their own; ``<prefix>_n_genres`` is the number of
        genres in the macro means.
        """
        overall = ("accuracy", "macro_precision", "macro_recall", "macro_f1")
        metrics = {f"{prefix}_{name}": float(getattr(self, name)) for name in overall}
        metrics[f"{prefix}_n_genres"] = float(np.count_nonzero(self.support))
        names = _metric_names(self.genres)
        for measure in ("precision", "recall", "f1"):
            for index in np.flatnonzero(self.support):
                value = getattr(self, measure)[index]
                metrics[f"{prefix}_{measure}_{names[index]}"] = float(value)
        return metrics


def score_predictions(labels: Int64Array, predicted: Int64Array, genres: Sequence[str]) -> Scores:
    """Score predicted genres against the true ones, both indices into ``genres``, (n,).

    Raises
    ------
    ValueError
        If there is nothing to score, the lengths differ, or an index names no genre.

    Notes
    -----
    The macro means leave out genres without a label. scikit-learn's default averages them in, so
    that the number of genres in the mean, and the comparison of two models, would depend on their
    mistakes. A wrong prediction of such a genre still counts against the true one.
    """
    if not len(labels) or np.shape(labels) != np.shape(predicted):
        raise ValueError(
            f"{len(labels)} labels and {len(predicted)} predictions cannot be scored; "
            "give as many of one as of the other, and at least one."
        )
    both = np.concatenate([labels, predicted])
    if both.min() < 0 or both.max() >= len(genres):
        raise ValueError(
            f"labels and predictions go from {both.min()} to {both.max()}; with {len(genres)} "
            f"genres they must lie in 0..{len(genres) - 1}."
        )
    from sklearn.metrics import (  # takes seconds to import
        confusion_matrix,
        precision_recall_fscore_support,
    )

    indices = np.arange(len(genres))
    precision, recall, f1, support = precision_recall_fscore_support(
        labels, predicted, labels=indices, zero_division=0.0
    )
    present = support > 0
    return Scores(
        genres=tuple(genres),
        accuracy=float(np.mean(labels == predicted)),
        macro_precision=float(precision[present].mean()),
        macro_recall=float(recall[present].mean()),
        macro_f1=float(f1[present].mean()),
        precision=precision,
        recall=recall,
        f1=f1,
        support=support,
        confusion=confusion_matrix(labels, predicted, labels=indices),
    )


def _metric_names(genres: Sequence[str]) -> list[str]:
    """Genre names that MLflow accepts; two that would be equal get their index."""
    spelt = [re.sub(r"[^\w.-]+", "_", genre.lower()) for genre in genres]
    return [
        name if spelt.count(name) == 1 else f"{name}_{index}" for index, name in enumerate(spelt)
    ]


def mean_recall(right: Float64Array, support: Float64Array) -> Float64Array:
    """Average the recall over the genres that have songs: (…, n_genres) to (…)."""
    recall = np.divide(right, support, out=np.zeros_like(right), where=support > 0)
    return recall.sum(axis=-1) / np.count_nonzero(support, axis=-1)
