"""Batches of examples for a training, drawn from matrices in memory or mapped from a file.

An epoch is drawn window by window, so that memory does not grow with the library.
"""

from collections.abc import Callable, Iterator
from itertools import count

import numpy as np
import tensorflow as tf

from genre_core.examples import Examples, Float32Array, Int64Array
from genre_core.training.augmentation import AugmentationConfig, augment_batch
from genre_core.training.rules import TrainingConfig

WINDOW_BYTES = 1 << 28
"""Matrices that are put in order at once: all of them, up to 190,000 of the thesis's shape."""
BLOCK = 64
"""Examples that lie side by side and come into the same window."""
PIECE_BYTES = 1 << 20
"""Matrices that are handed to TensorFlow at once: few enough for the caches of a processor."""

Batch = tuple[Float32Array, Float32Array]


def training_batches(
    examples: Examples, n_genres: int, config: TrainingConfig, seed: int
) -> tf.data.Dataset:
    """Batch the examples in an order that is drawn anew in each epoch, and augment them.

    Elements are float32 (n, n_bands, n_frames) and shares of the genres, float32 (n, n_genres).
    Batches are augmented one after the other, so that the seed alone decides.
    """
    epochs, n_bytes = count(1), max(1, examples.matrices[:1].nbytes)
    n_window, n_piece = (max(1, limit // n_bytes) for limit in (WINDOW_BYTES, PIECE_BYTES))

    def draw() -> Iterator[Batch]:
        rng = np.random.default_rng([seed, next(epochs)])
        for rows in draw_windows(len(examples), n_window, rng):
            _ = examples.matrices[np.sort(rows), 0, 0]  # a file is read forwards
            for start in range(0, len(rows), n_piece):
                yield _take(examples, rows[start : start + n_piece], n_genres)

    n_batches = -(-len(examples) // config.batch_size)
    batches = (
        _dataset(draw, examples, n_genres)
        .rebatch(config.batch_size)
        .apply(tf.data.experimental.assert_cardinality(n_batches))
        .prefetch(2)
    )
    return _augment(batches, config.augmentation, seed)


def draw_windows(n_examples: int, n_window: int, rng: np.random.Generator) -> Iterator[Int64Array]:
    """Yield all rows in random order, about ``n_window`` at a time.

    Up to one window, every order is equally probable. Beyond, each window has blocks of `BLOCK`
    neighbours from all over the library.
    """
    if n_examples <= n_window:
        yield rng.permutation(n_examples)
        return
    starts = rng.permutation(np.arange(0, n_examples, BLOCK))
    n_blocks = max(1, n_window // BLOCK)
    for first in range(0, len(starts), n_blocks):
        rows = (starts[first : first + n_blocks, None] + np.arange(BLOCK)).ravel()
        yield rng.permutation(rows[rows < n_examples])


def validation_batches(examples: Examples, n_genres: int, size: int) -> tf.data.Dataset:
    """Batch the examples as they come."""

    def read() -> Iterator[Batch]:
        for start in range(0, len(examples), size):
            yield _take(examples, slice(start, start + size), n_genres)

    batches = _dataset(read, examples, n_genres)
    return batches.apply(tf.data.experimental.assert_cardinality(-(-len(examples) // size)))


def _dataset(
    read: Callable[[], Iterator[Batch]], examples: Examples, n_genres: int
) -> tf.data.Dataset:
    """Make a dataset of what a function yields, which is called anew in each iteration.

    ``from_generator`` would have malloc give memory back in every step, and in all that the process
    does later: TensorFlow sets ``M_TRIM_THRESHOLD`` there.
    """
    shapes = ((None, *examples.matrices.shape[1:]), (None, n_genres))
    end = examples.matrices[:0], np.empty((0, n_genres), np.float32)
    under_way: list[Iterator[Batch]] = []

    def take_next(nth: int) -> Batch:
        if nth == 0:
            under_way[:] = [read()]
        return next(under_way[0], end)

    def in_graph(nth: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        taken = tf.numpy_function(take_next, (nth,), (tf.float32, tf.float32))
        return tuple(map(tf.ensure_shape, taken, shapes))

    pieces = tf.data.Dataset.counter().map(in_graph)
    return pieces.take_while(lambda matrices, targets: tf.shape(matrices)[0] > 0)


def _take(examples: Examples, rows: Int64Array | slice, n_genres: int) -> Batch:
    """Return matrices, and targets: 1 at the genre, 0 elsewhere."""
    targets = np.eye(n_genres, dtype=np.float32)[examples.labels[rows]]
    return examples.matrices[rows], targets


def _augment(batches: tf.data.Dataset, config: AugmentationConfig, seed: int) -> tf.data.Dataset:
    if not config.as_document():
        return batches
    rng = np.random.default_rng(seed)

    def augment(matrices: Float32Array, targets: Float32Array) -> Batch:
        return augment_batch(matrices, targets, config, rng)

    def in_graph(matrices: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        changed = tf.numpy_function(augment, (matrices, targets), (tf.float32, tf.float32))
        return tuple(map(tf.ensure_shape, changed, (matrices.shape, targets.shape)))

    return batches.map(in_graph).prefetch(2)
