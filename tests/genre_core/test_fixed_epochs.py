"""Training of fixed epochs with one softmax and with two, from fresh weights each time."""

import math
from typing import Any

import numpy as np
import pytest

from genre_core.examples import Examples

pytestmark = pytest.mark.keras

N_GENRES = 6
FLOOR = math.log(1 + (N_GENRES - 1) / math.e)


@pytest.fixture(autouse=True)
def keras_ready() -> None:
    from tasks.keras_import import import_training

    import_training()


def clear_examples() -> Examples:
    """Examples that are easy to tell apart: the bright value is at the genre."""
    labels = np.arange(60) % N_GENRES
    return Examples(
        matrices=np.eye(N_GENRES, dtype=np.float32)[labels].reshape(60, 2, 3),
        labels=labels.astype(np.int64),
        track_ids=np.array([f"t{n}" for n in range(60)], object),
    )


def order(n_epochs: int) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    return np.tile(np.arange(60), (n_epochs, 1))


def make_trainer(n_softmaxes: int) -> Any:  # noqa: ANN401 - imports Keras
    from genre_core.training.fixed_epochs import Trainer

    return Trainer("dense", (2, 3), N_GENRES, n_softmaxes, learning_rate=0.003)


def test_a_second_softmax_has_a_floor_of_1_04_for_six_genres() -> None:
    from genre_core.training.fixed_epochs import double_softmax_loss

    perfect = np.eye(N_GENRES, dtype=np.float32)

    assert pytest.approx(1.0436, abs=1e-4) == FLOOR
    assert np.array(double_softmax_loss(perfect, perfect)) == pytest.approx(FLOOR, abs=1e-5)


@pytest.mark.parametrize(
    ("n_softmaxes", "lowest", "last"), [(2, FLOOR - 1e-5, FLOOR + 0.02), (1, 0.0, 0.1)]
)
def test_only_one_softmax_falls_below_the_floor_of_two(
    n_softmaxes: int, lowest: float, last: float
) -> None:
    trainer = make_trainer(n_softmaxes)
    trainer.start(0)

    losses = trainer.train(clear_examples(), order(60), 32)

    assert min(losses) >= lowest
    assert losses[-1] <= last


def test_a_second_training_starts_from_fresh_weights_and_a_fresh_optimiser() -> None:
    trainer = make_trainer(1)
    trainer.start(5)
    first = trainer.train(clear_examples(), order(4), 32)
    trainer.start(5)
    second = trainer.train(clear_examples(), order(4), 32)

    assert second == pytest.approx(first, rel=1e-5)
    assert first[-1] < first[0] - 0.05


def test_the_published_network_learns_with_transposed_input() -> None:
    from genre_core.training.fixed_epochs import make_learner

    examples = clear_examples()
    learn = make_learner("rnn", N_GENRES, 32, 0.003, n_softmaxes=2)

    probabilities = learn(examples, order(40), examples.matrices, 1)

    assert probabilities.shape == (60, N_GENRES)
    assert np.mean(probabilities.argmax(axis=1) == examples.labels) > 0.9
