"""The batches of a training: every example once an epoch, in a new order, augmented anew."""

import numpy as np
import pytest

from genre_core.training.augmentation import AugmentationConfig
from genre_core.training.rules import TrainingConfig
from tests.genre_core.made_examples import noise

pytestmark = pytest.mark.keras


def test_every_epoch_sees_every_example_once_in_a_new_order() -> None:
    from genre_core.training import fit as training

    examples = noise(70, 1)
    examples.labels[:] = np.arange(70)
    batches = training.shuffled_batches(examples, 32, seed=4)

    first, second = (
        np.concatenate([labels.numpy() for _, labels in batches]).tolist() for _ in range(2)
    )

    assert sorted(first) == sorted(second) == list(range(70))
    assert first != second


def test_augmentation_changes_training_examples_anew_in_each_epoch() -> None:
    from genre_core.training import fit as training

    config = TrainingConfig(augmentation=AugmentationConfig(mixup=0.4))
    batches = training.training_batches(noise(70, 1), 3, config, seed=4)

    first, second = (list(batches.as_numpy_iterator()) for _ in range(2))

    assert [len(matrices) for matrices, _ in first] == [32, 32, 6]
    assert not np.array_equal(first[0][1], second[0][1])
    assert any((genres.max(axis=1) < 0.99).any() for _, genres in first)


def test_a_training_without_augmentation_sees_the_examples_as_they_are() -> None:
    from genre_core.training import fit as training

    examples = noise(70, 1)
    batches = list(
        training.training_batches(examples, 3, TrainingConfig(), seed=4).as_numpy_iterator()
    )

    seen = np.concatenate([matrices for matrices, _ in batches])
    genres = np.concatenate([targets for _, targets in batches])
    ours, theirs = np.argsort(seen[:, 0, 0]), np.argsort(examples.matrices[:, 0, 0])
    np.testing.assert_array_equal(seen[ours], examples.matrices[theirs])
    np.testing.assert_array_equal(genres[ours], np.eye(3)[examples.labels[theirs]])
