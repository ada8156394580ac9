"""Folds and ridge regression against scikit-learn."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge
from sklearn.model_selection import StratifiedGroupKFold

from genre_core.training.folds import grouped_folds
from genre_core.training.head import _ridge


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**31), st.integers(2, 5), st.integers(2, 7), st.integers(5, 60))
def test_folds_are_those_of_scikit_learn(
    seed: int, n_folds: int, n_genres: int, n_songs: int
) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, n_genres, n_songs)
    labels[:n_folds] = 0  # a genre with as many songs as folds, each of a group of its own
    groups = np.array([f"group {n}" for n in rng.integers(0, n_songs, n_songs)])
    groups[:n_folds] = [f"own {n}" for n in range(n_folds)]
    splitter = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)

    found = grouped_folds(labels, groups, n_folds, seed)

    with warnings.catch_warnings(action="ignore"):
        expected = list(splitter.split(labels, labels, groups))
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours[0], theirs[0])
        np.testing.assert_array_equal(ours[1], theirs[1])


@pytest.mark.parametrize("n_features", [5, 80])
def test_the_regression_is_that_of_scikit_learn(n_features: int) -> None:
    rng = np.random.default_rng(1)
    features = rng.normal(size=(40, n_features)).astype(np.float32)
    labels = rng.integers(0, 3, 40)
    expected = Ridge(alpha=0.3 * n_features).fit(features.astype(np.float64), np.eye(3)[labels])

    weights, bias = _ridge(features, labels, 3, 0.3)

    np.testing.assert_allclose(weights, expected.coef_.T, atol=1e-12)
    np.testing.assert_allclose(bias, expected.intercept_, atol=1e-12)
