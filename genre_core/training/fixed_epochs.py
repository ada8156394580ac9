"""Training without any rule: fixed epochs in a given order, with one softmax or with two."""

from collections.abc import Callable
from functools import lru_cache, partial

import keras
import numpy as np
import tensorflow as tf

from genre_core.examples import Examples, Float32Array, Int64Array
from genre_core.training.fit import predict_genres, seeded_network
from genre_core.training.rules import Learn

Loss = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
"""From targets and probabilities, both (batch, n_genres), to losses (batch,)."""


def double_softmax_loss(targets: tf.Tensor, probabilities: tf.Tensor) -> tf.Tensor:
    """Return the cross-entropy after another softmax over probabilities.

    The fault of the published program: a softmax output, and a loss that takes it for logits.
    Written out, because Keras undoes a second softmax where it finds one. Its lower bound is
    log(1 + (n_genres - 1) / e): 1.04 for six genres.
    """
    return -tf.reduce_sum(targets * tf.nn.log_softmax(probabilities), axis=-1)


LOSSES: dict[int, Loss] = {1: keras.losses.categorical_crossentropy, 2: double_softmax_loss}


def make_learner(
    network: str, n_genres: int, batch_size: int, learning_rate: float, n_softmaxes: int = 1
) -> Learn:
    """Return a training from fresh weights: no validation, no stop, no best epoch."""

    def learn(
        examples: Examples, order: Int64Array, matrices: Float32Array, seed: int
    ) -> Float32Array:
        shape = examples.matrices.shape[1:]
        trainer = _trainer(network, shape, n_genres, n_softmaxes, learning_rate)
        model = trainer.start(seed)
        trainer.train(examples, order, batch_size)
        return predict_genres(model, matrices)

    return learn


class Trainer:
    """One network that is trained again and again from fresh weights: it is traced only once."""

    def __init__(
        self,
        network: str,
        shape: tuple[int, int],
        n_genres: int,
        n_softmaxes: int,
        learning_rate: float,
    ) -> None:
        self._fresh = partial(seeded_network, network, shape, n_genres)
        self._model = self._fresh(seed=0)
        self._n_genres, self._loss = n_genres, LOSSES[n_softmaxes]
        self._optimizer = keras.optimizers.Adam(learning_rate)
        self._optimizer.build(self._model.trainable_variables)
        self._unused = [np.array(variable) for variable in self._optimizer.variables]
        self._epoch = tf.function(self._train_epoch, reduce_retracing=True)

    def start(self, seed: int) -> keras.Model:
        """Return the network with fresh weights, and reset the optimiser."""
        self._model.set_weights(self._fresh(seed=seed).get_weights())
        for variable, value in zip(self._optimizer.variables, self._unused, strict=True):
            variable.assign(value)
        return self._model

    def train(self, examples: Examples, order: Int64Array, batch_size: int) -> list[float]:
        """Train one epoch a row of the order; return the mean loss of each."""
        matrices = tf.constant(examples.matrices)
        targets = tf.one_hot(examples.labels, self._n_genres)
        size = tf.constant(batch_size, tf.int32)
        return [
            float(self._epoch(matrices, targets, tf.constant(rows, tf.int32), size))
            for rows in order
        ]

    def _train_epoch(
        self, matrices: tf.Tensor, targets: tf.Tensor, rows: tf.Tensor, batch_size: tf.Tensor
    ) -> tf.Tensor:
        total = tf.constant(0.0)
        for start in tf.range(0, tf.shape(rows)[0], batch_size):
            batch = rows[start : start + batch_size]
            with tf.GradientTape() as tape:
                probabilities = self._model(tf.gather(matrices, batch), training=True)
                losses = self._loss(tf.gather(targets, batch), probabilities)
                mean = tf.reduce_mean(losses)
            weights = self._model.trainable_variables
            self._optimizer.apply(tape.gradient(mean, weights), weights)
            total += tf.reduce_sum(losses)
        return total / tf.cast(tf.shape(rows)[0], tf.float32)


_trainer = lru_cache(maxsize=8)(Trainer)
