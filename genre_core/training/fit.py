"""Training: fit a network to examples, and let it predict.

With ``networks/`` the only place that imports Keras.
"""

from collections.abc import Callable, Mapping

import keras
import numpy as np
import tensorflow as tf

from genre_core.examples import Examples, Float32Array
from genre_core.networks.registry import build_network
from genre_core.training.batches import training_batches, validation_batches
from genre_core.training.rules import (
    EpochScores,
    TrainingConfig,
    best_epoch,
    is_stalled,
    require_finite,
)

PREDICTION_BATCH = 1024
"""Examples that a network predicts at once; bounds memory, the result does not depend on it."""


def seeded_network(
    name: str, input_shape: tuple[int, int], n_genres: int, seed: int
) -> keras.Model:
    """Build a network whose fresh weights depend on the seed alone.

    Left to themselves, Keras's layers draw their seeds from the generator of the whole process,
    which other threads use, too: so each is given a seed of its own.
    """
    config = build_network(name, input_shape, n_genres).get_config()
    return keras.Model.from_config(_with_seeds(config, np.random.default_rng(seed)))


def _with_seeds(part: object, rng: np.random.Generator) -> object:
    """Return the configuration of a network with every open seed filled, in the order of layers."""
    if isinstance(part, Mapping):
        return {
            key: int(rng.integers(2**31)) if key == "seed" else _with_seeds(value, rng)
            for key, value in part.items()
        }
    if isinstance(part, list | tuple):
        return type(part)(_with_seeds(member, rng) for member in part)
    return part


def fit_network(
    model: keras.Model,
    train: Examples,
    validation: Examples,
    config: TrainingConfig,
    seed: int,
    on_epoch: Callable[[EpochScores], None],
) -> list[EpochScores]:
    """Train a network until it stalls, and leave it with the weights of its best epoch.

    The model is from `seeded_network`; the seed orders the examples, anew in each epoch.
    ``on_epoch`` is given the scores after each epoch; what it raises ends the training. An empty
    split is a ``ValueError``, a loss that is no longer finite `TrainingDiverged`.

    Thesis section 4.3. Each epoch is one execution: XLA and single steps are slower on a CPU.
    With mixup, the training accuracy counts the genre that has the larger share of an example.
    """
    for name, examples in (("train", train), ("validation", validation)):
        if not len(examples):
            raise ValueError(f"the {name} split has no examples. Add songs to the library.")
    keras.utils.set_random_seed(seed)
    model.compile(
        optimizer=keras.optimizers.Adam(config.learning_rate),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=False,
        steps_per_execution=-(-len(train) // config.batch_size),
    )
    history = _History(config, on_epoch)
    plateau = keras.callbacks.ReduceLROnPlateau(
        monitor="loss",
        mode="min",
        factor=config.plateau_factor,
        patience=config.plateau_epochs,
        min_delta=config.plateau_fall,
    )
    n_genres = model.output_shape[-1]
    model.fit(
        training_batches(train, n_genres, config, seed),
        validation_data=validation_batches(validation, n_genres, PREDICTION_BATCH),
        epochs=config.max_epochs,
        callbacks=[history, plateau],
        shuffle=False,
        verbose=0,
    )
    return history.scores


def predict_genres(model: keras.Model, matrices: Float32Array) -> Float32Array:
    """Return the probability of each genre for each matrix, float32 (n_examples, n_genres)."""
    probabilities = np.empty((len(matrices), model.output_shape[-1]), np.float32)
    for start in range(0, len(matrices), PREDICTION_BATCH):
        rows = slice(start, start + PREDICTION_BATCH)
        probabilities[rows] = keras.ops.convert_to_numpy(model(matrices[rows], training=False))
    return probabilities


def describe_backend() -> dict[str, str]:
    """Return the versions, the precision and the device that networks are trained with."""
    return {
        "keras": f"{keras.__version__} on {keras.config.backend()} {tf.__version__}",
        "numpy": np.__version__,
        "precision": f"{keras.config.floatx()}, {keras.config.image_data_format()}",
        "device": "gpu" if tf.config.list_physical_devices("GPU") else "cpu",
    }


class _History(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Keeps the scores and the best weights, and applies the stop rule."""

    def __init__(self, config: TrainingConfig, on_epoch: Callable[[EpochScores], None]) -> None:
        super().__init__()
        self.scores: list[EpochScores] = []
        self._config = config
        self._on_epoch = on_epoch
        self._best_weights: list[Float32Array] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        """Record the epoch, keep its weights if it is the best, stop if there is no rise."""
        scores = EpochScores(
            epoch=epoch + 1,
            loss=float(logs["loss"]),
            accuracy=float(logs["accuracy"]),
            validation_loss=float(logs["val_loss"]),
            validation_accuracy=float(logs["val_accuracy"]),
            learning_rate=float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)),
        )
        require_finite(scores, self.model.name)
        self.scores.append(scores)
        if best_epoch(self.scores) is scores:
            self._best_weights = self.model.get_weights()
        self._on_epoch(scores)
        self.model.stop_training = is_stalled(self.scores, self._config)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Restore the best weights; those of Keras's rule can be ``min_rise`` below the best."""
        self.model.set_weights(self._best_weights)
