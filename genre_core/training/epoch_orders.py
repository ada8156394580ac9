"""The order of the examples of each epoch, for trainings that stop by no rule."""

from collections.abc import Callable

import numpy as np

from genre_core.examples import Examples, Float32Array, Int64Array

Learn = Callable[[Examples, Int64Array, Float32Array, int], Float32Array]
"""Trains on examples in an order, int64 (n_epochs, n_drawn) of rows, and returns the probabilities
of the genres for matrices, float32 (n_matrices, n_genres); the number seeds the weights."""


def fixed_order(rows: Int64Array, n_epochs: int, rng: np.random.Generator) -> Int64Array:
    """Put the same examples into an order of their own in each epoch: (n_epochs, n_rows)."""
    return rng.permuted(np.tile(rows, (n_epochs, 1)), axis=1)
