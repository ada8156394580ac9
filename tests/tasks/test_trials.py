"""Trials: what tells one training from another, and what is refused before any begins."""

from dataclasses import replace
from pathlib import Path
from shutil import disk_usage

import pytest

from genre_core.errors import UsageError
from genre_core.representations.features import FeatureConfig
from genre_core.training.augmentation import AugmentationConfig
from genre_core.training.rules import TrainingConfig
from storage.catalog.snapshots import Snapshot
from storage.home import DataLayout
from tasks.train import Trial, count_trainings

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


GIB = 1 << 30


@pytest.mark.parametrize(
    ("n_trials", "network", "n_examples", "n_side_by_side"),
    [
        (1, "dense", 10_000, 1),
        (2, "dense", 333, 1),  # 99,900 examples in 300 epochs
        (2, "dense", 334, 2),
        (9, "head", 10_000, 1),
        (9, "dense", 10_000, 5),  # each 1 GiB and 2 x 14 MB
        (9, "dense", 385_000, 3),  # each 1 GiB and 2 x 0.499 GiB
    ],
)
def test_as_many_trainings_run_side_by_side_as_gain_by_it_and_fit_into_memory(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    n_trials: int,
    network: str,
    n_examples: int,
    n_side_by_side: int,
) -> None:
    """A machine of many cores with 6 GiB for trainings; an example is 12 x 29 numbers."""
    monkeypatch.setattr("tasks.train.count_workers", lambda n_bytes: 6 * GIB // n_bytes)
    snapshot = replace(TRIAL.snapshot, n_examples=n_examples)
    trial = replace(TRIAL, network=network, snapshot=snapshot)

    assert count_trainings(DataLayout(tmp_path), [trial] * n_trials) == n_side_by_side


@pytest.mark.parametrize(("share_of_disk", "n_side_by_side"), [(0.9, 1), (0.2, 2), (0.15, 3)])
def test_mapped_files_of_trainings_take_at_most_half_of_the_free_disk(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    share_of_disk: float,
    n_side_by_side: int,
) -> None:
    monkeypatch.setattr("tasks.train.count_workers", lambda n_bytes: 9)
    n_examples = int(disk_usage(tmp_path).free * share_of_disk / (12 * 29 * 4))
    trial = replace(TRIAL, snapshot=replace(TRIAL.snapshot, n_examples=n_examples))

    found = count_trainings(DataLayout(tmp_path), [trial] * 9)

    assert found == n_side_by_side
