"""The rules of training: stop, best epoch, settings (thesis section 4.3)."""

from dataclasses import replace

import numpy as np
import pytest

from genre_core.training.augmentation import AugmentationConfig
from genre_core.training.rules import (
    EpochScores,
    TrainingConfig,
    best_epoch,
    describe_progress,
    is_stalled,
)


def accuracies(*values: float) -> list[EpochScores]:
    return [
        EpochScores(
            epoch=i,
            loss=1.0,
            accuracy=0.5,
            validation_loss=1.0,
            validation_accuracy=float(np.float32(value)),
            learning_rate=0.001,
        )
        for i, value in enumerate(values, start=1)
    ]


@pytest.mark.parametrize(
    ("values", "stalled"),
    [
        ((0.50, 0.50, 0.50), False),
        ((0.50, 0.50, 0.50, 0.50), True),
        ((0.50, 0.51, 0.51, 0.51), False),
        ((0.50, 0.509, 0.509, 0.509), True),
        ((0.50, 0.505, 0.512, 0.512, 0.512), False),
        ((0.50, 0.505, 0.512, 0.512, 0.512, 0.512), True),
        ((0.60, 0.10, 0.30, 0.55), True),
    ],
)
def test_three_epochs_without_a_rise_of_one_percent_are_a_stall(
    values: tuple[float, ...], stalled: bool
) -> None:
    assert is_stalled(accuracies(*values), TrainingConfig(patience_epochs=3)) is stalled


def test_the_best_epoch_has_the_highest_accuracy_then_the_lowest_loss_then_is_the_first() -> None:
    first, second, third, fourth = accuracies(0.4, 0.5, 0.5, 0.5)
    low_loss = replace(third, validation_loss=0.9)
    as_low = replace(fourth, validation_loss=0.9)

    assert best_epoch([first, second, low_loss, as_low]) is low_loss
    assert best_epoch([replace(first, validation_loss=0.1), second]) is second


@pytest.mark.parametrize(
    ("name", "value"),
    [("max_epochs", 0), ("batch_size", 0), ("learning_rate", 0.0), ("plateau_factor", 1.0)],
)
def test_a_setting_without_sense_is_refused_by_name(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"training\.{name}"):
        TrainingConfig(**{name: value})


def test_a_plain_training_is_told_by_the_settings_of_the_thesis_alone() -> None:
    assert TrainingConfig().as_document() == {
        "max_epochs": 300,
        "batch_size": 32,
        "learning_rate": 0.001,
        "patience_epochs": 50,
        "min_rise": 0.01,
        "plateau_epochs": 5,
        "plateau_fall": 0.0001,
        "plateau_factor": 0.2,
    }


def test_an_augmented_training_is_told_apart_by_what_is_set() -> None:
    config = TrainingConfig(augmentation=AugmentationConfig(mixup=0.2, band_mask=0.1))

    added = config.as_document().items() - TrainingConfig().as_document().items()

    assert dict(added) == {
        "augmentation_mixup": 0.2,
        "augmentation_band_mask": 0.1,
        "augmentation_n_masks": 2,
    }


def test_a_bar_shows_the_best_epoch_and_how_much_patience_is_used() -> None:
    config = TrainingConfig(patience_epochs=10)

    assert describe_progress(accuracies(0.5, 0.8, 0.7, 0.6), config) == "best 0.800, patience 2/10"
