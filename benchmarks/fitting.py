"""Examples a second in training, against a hand-written loop over the same network.

``python -m benchmarks.fitting``

The loop takes batches from memory and does one step each in a ``tf.function``: no metrics, no
callbacks, no validation, nothing shuffled. Both are timed in turn, after a first epoch of each.
"""

import statistics
import time

import numpy as np

from benchmarks.bars import Bar
from benchmarks.tables import print_bars
from genre_core.examples import Examples
from genre_core.training.rules import EpochScores, TrainingConfig

NETWORKS, BATCHES = ("dense", "cnn", "rnn", "combined"), (32, 128)
N_EXAMPLES, N_VALIDATION, SHAPE, N_GENRES = 4_096, 256, (12, 29), 6
N_EPOCHS, N_TURNS = 4, 2


def measure() -> list[Bar]:
    """Time both on made-up matrices of the thesis's shape."""
    return [_measure(network, batch) for network in NETWORKS for batch in BATCHES]


def _measure(network: str, batch: int) -> Bar:
    ours_s: list[float] = []
    loop_s: list[float] = []
    for _ in range(N_TURNS):
        ours_s += _epochs_of_ours(network, batch)
        loop_s += _epochs_of_loop(network, batch)
    rate = N_EXAMPLES / statistics.median(ours_s)
    return Bar(
        name=f"training {network}, batch {batch}, against a tf.function loop",
        measured=statistics.median(loop_s) / statistics.median(ours_s),
        bar=0.9,
        unit="×",
        at_least=True,
        note=f"{rate:,.0f} examples a second; {N_VALIDATION} are validated after each epoch",
    )


def _epochs_of_ours(network: str, batch: int) -> list[float]:
    """Return the seconds of each epoch but the first, which traces the graph."""
    from genre_core.training.fit import fit_network, seeded_network

    ends: list[float] = []

    def on_epoch(scores: EpochScores) -> None:
        ends.append(time.perf_counter())

    config = TrainingConfig(batch_size=batch, max_epochs=N_EPOCHS + 1)
    model = seeded_network(network, SHAPE, N_GENRES, 0)
    fit_network(model, _examples(N_EXAMPLES), _examples(N_VALIDATION), config, 0, on_epoch)
    return np.diff(ends).tolist()


def _epochs_of_loop(network: str, batch: int) -> list[float]:
    """The same network, loss and optimiser, a step a batch."""
    import keras
    import tensorflow as tf

    from genre_core.training.fit import seeded_network

    model = seeded_network(network, SHAPE, N_GENRES, 0)
    optimizer, loss = keras.optimizers.Adam(0.001), keras.losses.CategoricalCrossentropy()
    optimizer.build(model.trainable_variables)
    examples = _examples(N_EXAMPLES)
    matrices = tf.constant(examples.matrices)
    targets = tf.one_hot(examples.labels, N_GENRES)

    @tf.function
    def step(start: tf.Tensor) -> None:
        rows = slice(start, start + batch)
        with tf.GradientTape() as tape:
            cost = loss(targets[rows], model(matrices[rows], training=True))
        gradients = tape.gradient(cost, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    seconds = []
    for _ in range(N_EPOCHS + 1):
        begin = time.perf_counter()
        for start in range(0, N_EXAMPLES, batch):
            step(tf.constant(start))
        seconds.append(time.perf_counter() - begin)
    return seconds[1:]


def _examples(n_examples: int) -> Examples:
    rng = np.random.default_rng(0)
    return Examples(
        matrices=rng.random((n_examples, *SHAPE), np.float32) ** 4,
        labels=rng.integers(0, N_GENRES, n_examples),
        track_ids=np.arange(n_examples).astype(str).astype(object),
    )


if __name__ == "__main__":
    print_bars(measure())
