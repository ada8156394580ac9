"""Kernels: matrices on which they cannot be studied, and the end of a study that fails."""

from dataclasses import replace

import pytest

from genre_core.errors import GenreflowError, UsageError
from genre_core.networks.registry import KERNEL_COUNTS
from genre_core.representations.features import FeatureConfig
from genre_core.signal.fragments import FragmentConfig
from genre_core.training.rules import TrainingConfig
from storage.catalog.snapshots import Snapshot
from storage.home import DataLayout
from tasks.studies.kernels import open_study, require_studied
from tasks.train import Trial

pytestmark = pytest.mark.keras

SNAPSHOT = Snapshot(
    snapshot_id="s",
    feature_key="f",
    library_id="l",
    genres=("jazz", "rock"),
    seed=0,
    n_tracks=2,
    n_examples=30,
)


def trials(representation: str, fragment_s: float) -> list[Trial]:
    fragments = replace(FragmentConfig(), longest_s=30.0)
    features = FeatureConfig(
        representation=representation, fragment_s=fragment_s, fragments=fragments
    )
    return [
        Trial(
            network=network, seed=0, snapshot=SNAPSHOT, features=features, training=TrainingConfig()
        )
        for network in KERNEL_COUNTS
    ]


@pytest.mark.parametrize("fragment_s", [1.0, 3.0])
def test_the_matrices_of_the_thesis_are_studied(fragment_s: float) -> None:
    require_studied.fn(trials("thesis", fragment_s))


@pytest.mark.parametrize(
    ("representation", "fragment_s", "refusal"),
    [
        ("logmel", 3.0, "there cnn_8_16 pools .* 1 to 3 s"),
        # 3 × 46 places × 128 kernels × 128 units are more than 2²¹, those of 64 kernels are not
        ("thesis", 10.0, "there cnn_64_128 pools .* 1 to 3 s"),
        ("envelope", 3.0, "network cnn_4_8 needs a matrix of"),
    ],
)
def test_matrices_on_which_networks_differ_in_more_than_kernels_are_refused(
    representation: str, fragment_s: float, refusal: str
) -> None:
    with pytest.raises(UsageError, match=f"{representation} of {fragment_s:g} s: {refusal}"):
        require_studied.fn(trials(representation, fragment_s))


def test_a_study_that_fails_is_closed_with_the_reason(layout: DataLayout) -> None:
    from storage.models.store import open_tracking

    study = open_study.fn(layout, trials("thesis", 3.0))

    with pytest.raises(GenreflowError, match="no network"), study.failing():
        raise GenreflowError("no network could be pruned")

    run = open_tracking(layout).client.get_run(study.run_id)
    assert run.info.status == "FAILED"
    assert run.data.tags["failure"] == "GenreflowError: no network could be pruned"
