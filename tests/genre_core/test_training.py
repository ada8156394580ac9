"""Training: the rules of thesis section 4.3, the best weights, seeds, and predictions."""

import math
import random
import threading
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from genre_core.errors import GenreflowError
from genre_core.examples import Examples, Float32Array
from genre_core.training.augmentation import AugmentationConfig
from genre_core.training.rules import EpochScores, TrainingConfig

if TYPE_CHECKING:
    import keras


pytestmark = pytest.mark.keras

STILL = 1e-9
"""A learning rate that moves no float32 weight."""


def training() -> ModuleType:
    """Import Keras only when a test runs."""
    return import_module("genre_core.training.fit")


def noise(n_examples: int, seed: int, n_genres: int = 3) -> Examples:
    rng = np.random.default_rng(seed)
    return Examples(
        matrices=rng.random((n_examples, 4, 5), dtype=np.float32),
        labels=rng.integers(0, n_genres, n_examples),
        track_ids=np.array([f"track{i}" for i in range(n_examples)], dtype=object),
    )


def separable(n_examples: int, n_genres: int) -> Examples:
    examples = noise(n_examples, seed=5, n_genres=n_genres)
    matrices = examples.matrices.copy()
    matrices[np.arange(n_examples), :, 0] += examples.labels[:, None]
    return Examples(matrices=matrices, labels=examples.labels, track_ids=examples.track_ids)


def small_network(n_genres: int = 3) -> "keras.Model":
    import keras

    keras.utils.set_random_seed(7)
    matrix = keras.Input((4, 5))
    flat = keras.layers.Flatten()(matrix)
    return keras.Model(matrix, keras.layers.Dense(n_genres, activation="softmax")(flat))


def fit(
    model: "keras.Model",
    train: Examples,
    validation: Examples,
    seed: int = 0,
    **settings: float | AugmentationConfig,
) -> list[EpochScores]:
    config = TrainingConfig(**settings)
    return training().fit_network(model, train, validation, config, seed, lambda scores: None)


def predict(model: "keras.Model", matrices: Float32Array) -> Float32Array:
    return training().predict_genres(model, matrices)


def cross_entropy(probabilities: Float32Array, labels: np.ndarray) -> float:
    return float(-np.log(probabilities[np.arange(len(labels)), labels]).mean())


@pytest.mark.parametrize(("n_train", "n_validation"), [(70, 10), (20, 1100), (70, 1100)])
def test_the_scores_of_an_epoch_cover_every_example_of_uneven_batches(
    n_train: int, n_validation: int
) -> None:
    model, train, validation = small_network(), noise(n_train, 1), noise(n_validation, 2)
    before = predict(model, train.matrices)
    before_validation = predict(model, validation.matrices)

    scores = fit(model, train, validation, learning_rate=STILL, max_epochs=2)

    for epoch in scores:
        assert epoch.loss == pytest.approx(cross_entropy(before, train.labels), rel=1e-4)
        assert epoch.accuracy == pytest.approx((before.argmax(axis=1) == train.labels).mean())
        assert epoch.validation_loss == pytest.approx(
            cross_entropy(before_validation, validation.labels), rel=1e-4
        )
        assert epoch.validation_accuracy == pytest.approx(
            (before_validation.argmax(axis=1) == validation.labels).mean()
        )


def test_training_stops_when_the_validation_accuracy_has_not_risen_in_the_patience() -> None:
    reported: list[EpochScores] = []
    config = TrainingConfig(learning_rate=STILL, patience_epochs=7)

    scores = training().fit_network(
        small_network(), noise(40, 1), noise(20, 2), config, 0, reported.append
    )

    assert reported == scores

    assert [epoch.epoch for epoch in scores] == [1, 2, 3, 4, 5, 6, 7, 8]


def test_the_learning_rate_falls_by_80_percent_after_five_epochs_on_a_plateau() -> None:
    scores = fit(small_network(), noise(40, 1), noise(20, 2), learning_rate=STILL, max_epochs=12)

    rates = [epoch.learning_rate for epoch in scores]

    assert rates == pytest.approx([STILL] * 6 + [STILL / 5] * 5 + [STILL / 25])


def test_the_learning_rate_stays_while_the_training_loss_falls() -> None:
    scores = fit(small_network(), separable(60, 3), noise(20, 2), max_epochs=12)

    assert [epoch.learning_rate for epoch in scores] == pytest.approx([0.001] * 12)


def test_the_weights_of_the_best_epoch_are_restored_even_if_it_rose_less_than_one_percent() -> None:
    model, validation = small_network(), noise(150, 2)

    scores = fit(
        model, noise(60, 1), validation, learning_rate=0.03, min_rise=0.9, patience_epochs=15
    )
    probabilities = predict(model, validation.matrices)
    best = max(scores, key=lambda epoch: (epoch.validation_accuracy, -epoch.validation_loss))

    assert best.epoch not in (1, len(scores))
    assert (probabilities.argmax(axis=1) == validation.labels).mean() == pytest.approx(
        best.validation_accuracy
    )
    assert cross_entropy(probabilities, validation.labels) == pytest.approx(
        best.validation_loss, rel=1e-5
    )


AUGMENTED = AugmentationConfig(band_mask=0.3, frame_mask=0.3, mixup=0.4, tilt=0.2, low_pass=0.5)


@pytest.mark.parametrize(
    ("name", "augmentation"),
    [
        ("dense", AugmentationConfig()),
        ("cnn", AUGMENTED),
        pytest.param("resnet_small", AugmentationConfig(), marks=pytest.mark.long),
    ],
)
def test_the_same_seed_gives_the_same_curve_and_weights(
    name: str, augmentation: AugmentationConfig
) -> None:
    rng = np.random.default_rng(3)
    train = Examples(
        matrices=rng.random((70, 12, 9), dtype=np.float32),
        labels=rng.integers(0, 3, 70),
        track_ids=np.full(70, "track", dtype=object),
    )

    models = [training().seeded_network(name, (12, 9), 3, seed=11) for _ in range(2)]
    settings = TrainingConfig(max_epochs=2, augmentation=augmentation)
    curves = [
        training().fit_network(model, train, train, settings, 11, lambda scores: None)
        for model in models
    ]

    assert curves[0] == curves[1]
    for weights, again in zip(models[0].get_weights(), models[1].get_weights(), strict=True):
        np.testing.assert_array_equal(weights, again)


def test_weights_are_the_same_while_another_thread_draws_random_numbers() -> None:
    done = threading.Event()

    def draw() -> None:
        while not done.is_set():
            random.random()  # Keras would draw its seeds from the same generator

    drawing = threading.Thread(target=draw)
    drawing.start()
    try:
        models = [training().seeded_network("combined", (12, 9), 3, seed=11) for _ in range(4)]
    finally:
        done.set()
        drawing.join()

    for model in models[1:]:
        for ours, first in zip(model.get_weights(), models[0].get_weights(), strict=True):
            np.testing.assert_array_equal(ours, first)


def test_another_seed_gives_other_weights() -> None:
    one, other = (training().seeded_network("dense", (12, 9), 3, seed=seed) for seed in (1, 2))

    assert not np.array_equal(one.get_weights()[0], other.get_weights()[0])


def test_another_seed_of_the_order_gives_another_curve_from_the_same_weights() -> None:
    train, validation = noise(70, 1), noise(20, 2)

    one, other = (
        fit(small_network(), train, validation, seed=seed, max_epochs=2) for seed in (1, 2)
    )

    assert one[1].loss != other[1].loss


def test_validation_examples_are_never_augmented() -> None:
    model, train, validation = small_network(), noise(40, 1), noise(30, 2)
    before = predict(model, validation.matrices)

    scores = fit(
        model, train, validation, learning_rate=STILL, max_epochs=1, augmentation=AUGMENTED
    )

    assert scores[0].validation_loss == pytest.approx(
        cross_entropy(before, validation.labels), rel=1e-4
    )


def test_the_best_weights_hold_the_moving_statistics_of_their_epoch() -> None:
    import keras

    keras.utils.set_random_seed(7)
    matrix = keras.Input((4, 5))
    normalised = keras.layers.BatchNormalization(momentum=0.5)(keras.layers.Flatten()(matrix))
    genres = keras.layers.Dense(3, activation="softmax")(normalised)
    model, examples = keras.Model(matrix, genres), separable(60, 3)
    contrary = Examples(
        matrices=examples.matrices,
        labels=(examples.labels + 1) % 3,
        track_ids=examples.track_ids,
    )

    scores = fit(model, examples, contrary, learning_rate=0.1, max_epochs=8)
    probabilities = predict(model, examples.matrices)

    best = max(scores, key=lambda epoch: (epoch.validation_accuracy, -epoch.validation_loss))
    assert best.epoch < len(scores)
    assert cross_entropy(probabilities, contrary.labels) == pytest.approx(
        best.validation_loss, rel=1e-4
    )


def test_a_loss_that_is_no_number_stops_the_training_with_advice() -> None:
    train = noise(40, 1)
    train.matrices[3] = np.nan

    with pytest.raises(GenreflowError, match=r"epoch 1: the loss is nan.*learning_rate"):
        fit(small_network(), train, noise(20, 2))


def test_an_empty_split_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="the validation split has no examples"):
        fit(small_network(), noise(40, 1), noise(0, 2))


def test_predictions_do_not_depend_on_how_many_examples_are_judged_at_once() -> None:
    model, matrices = small_network(), noise(2100, 1).matrices

    together = predict(model, matrices)
    alone = np.concatenate([predict(model, matrices[i : i + 1]) for i in (0, 2099)])

    assert together.dtype == np.float32
    assert together.shape == (2100, 3)
    np.testing.assert_allclose(together[[0, 2099]], alone, rtol=1e-5)


def test_every_epoch_sees_every_example_once_in_a_new_order() -> None:
    examples = noise(70, 1)
    examples.labels[:] = np.arange(70)
    batches = training().training_batches(examples, 70, TrainingConfig(), seed=4)

    first, second = (
        np.concatenate([targets.numpy().argmax(axis=1) for _, targets in batches]).tolist()
        for _ in range(2)
    )

    assert sorted(first) == sorted(second) == list(range(70))
    assert first != second


def test_augmentation_changes_training_examples_anew_in_each_epoch() -> None:
    config = TrainingConfig(augmentation=AugmentationConfig(mixup=0.4))
    batches = training().training_batches(noise(70, 1), 3, config, seed=4)

    first, second = (list(batches.as_numpy_iterator()) for _ in range(2))

    assert [len(matrices) for matrices, _ in first] == [32, 32, 6]
    assert not np.array_equal(first[0][1], second[0][1])
    assert any((genres.max(axis=1) < 0.99).any() for _, genres in first)


def test_a_training_without_augmentation_sees_the_examples_as_they_are() -> None:
    examples = noise(70, 1)
    batches = list(
        training().training_batches(examples, 3, TrainingConfig(), seed=4).as_numpy_iterator()
    )

    seen = np.concatenate([matrices for matrices, _ in batches])
    genres = np.concatenate([targets for _, targets in batches])
    ours, theirs = np.argsort(seen[:, 0, 0]), np.argsort(examples.matrices[:, 0, 0])
    np.testing.assert_array_equal(seen[ours], examples.matrices[theirs])
    np.testing.assert_array_equal(genres[ours], np.eye(3)[examples.labels[theirs]])


N_GENRES = 6
FLOOR = math.log(1 + (N_GENRES - 1) / math.e)


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
