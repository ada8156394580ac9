"""Trials: what tells one training from another, and what is refused before any begins."""

from dataclasses import replace

import pytest

from genre_core.errors import UsageError
from genre_core.representations.features import FeatureConfig
from genre_core.training.augmentation import AugmentationConfig
from genre_core.training.rules import TrainingConfig
from storage.catalog.snapshots import Snapshot
from tasks.train import Trial

TRIAL = Trial(
    network="dense",
    seed=0,
    snapshot=Snapshot(
        snapshot_id="s",
        feature_key="f",
        library_id="l",
        genres=("jazz", "rock"),
        seed=0,
        n_tracks=2,
        n_examples=30,
    ),
    features=FeatureConfig(representation="bands_db"),
    training=TrainingConfig(),
)


def test_a_plain_trial_is_named_by_its_settings_and_the_version_of_fitting() -> None:
    # SHA-256 of ["s", "dense", 0, {"batch_size": 32, "fitting": 2, ...}] by sha256sum
    assert TRIAL.trial_id == "2ebf116003bab58c"


def test_an_augmented_trial_is_another_training() -> None:
    masked, mixed = (
        replace(TRIAL, training=TrainingConfig(augmentation=augmentation))
        for augmentation in (AugmentationConfig(band_mask=0.1), AugmentationConfig(mixup=0.1))
    )

    assert len({TRIAL.trial_id, masked.trial_id, mixed.trial_id}) == 3


def test_a_filter_is_refused_before_training_where_bands_are_not_in_decibels() -> None:
    tilted = TrainingConfig(augmentation=AugmentationConfig(tilt=0.1))

    assert replace(TRIAL, training=tilted).training.augmentation.tilt == 0.1
    with pytest.raises(UsageError, match=r"augmentation\.tilt .* thesis is not"):
        replace(TRIAL, training=tilted, features=FeatureConfig(representation="thesis"))


def test_people_read_the_representation_of_a_trial_unless_it_is_the_thesis() -> None:
    assert TRIAL.name == "dense bands_db 3 s"
    assert replace(TRIAL, features=FeatureConfig()).name == "dense 3 s"
