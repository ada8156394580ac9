"""Fitting in worker processes: the bits do not depend on where or beside what it happens."""

from pathlib import Path

import numpy as np
import pytest

from genre_core.representations.features import FeatureConfig
from genre_core.training.augmentation import AugmentationConfig
from genre_core.training.rules import EpochScores, TrainingConfig
from storage.examples import StoredExamples
from storage.home import DataLayout
from storage.models.network_file import SavedNetwork, load_network
from storage.shards import TrackMatrices, write_shard
from tasks.fitting import Basis, Fitted, Fitting, fit_stored
from tasks.workers import in_worker, open_workers, side_by_side

pytestmark = pytest.mark.keras

ONE_SECOND = FeatureConfig(fragment_s=1.0)
GENRES = ("jazz", "rock")
N_TRACKS, N_FRAGMENTS = 20, 10


@pytest.fixture
def stored(tmp_path: Path) -> StoredExamples:
    layout, rng = DataLayout(tmp_path), np.random.default_rng(0)
    rows = [
        TrackMatrices(
            track_id=f"{number:02d}",
            genre=GENRES[number % 2],
            starts_s=tuple(np.arange(N_FRAGMENTS, dtype=float)),
            matrices=rng.random((N_FRAGMENTS, *ONE_SECOND.shape), np.float32),
        )
        for number in range(N_TRACKS)
    ]
    return StoredExamples(
        layout=layout,
        shards=[write_shard(layout, "key", ONE_SECOND, rows).name],
        genre_of_track={row.track_id: row.genre for row in rows},
        genres=GENRES,
        is_embedding=False,
    )


def weights(network: SavedNetwork, file: Path) -> bytes:
    network.save(file)
    return b"".join(values.tobytes() for values in load_network(file).get_weights())


def fitting_of(
    stored: StoredExamples,
    network: str,
    seed: int = 5,
    augmentation: AugmentationConfig | None = None,
) -> Fitting:
    return Fitting(
        network=network,
        shape=ONE_SECOND.shape,
        n_genres=2,
        seed=seed,
        training=TrainingConfig(max_epochs=2, augmentation=augmentation or AugmentationConfig()),
        train=stored,
        validation=stored,
    )


def test_networks_in_two_processes_have_the_bits_of_those_fitted_one_after_the_other(
    stored: StoredExamples, tmp_path: Path
) -> None:
    """In the other order, so that each process has other trainings behind it."""
    mixed = AugmentationConfig(frame_mask=0.3, mixup=0.4)
    fittings = [
        fitting_of(stored, "cnn"),
        fitting_of(stored, "cnn", augmentation=mixed),
        fitting_of(stored, "combined"),
        fitting_of(stored, "dense"),
        fitting_of(stored, "dense", seed=6),
    ]

    in_turn = [fit(one) for one in fittings]
    with open_workers(2):
        at_once = side_by_side(fit, fittings[::-1])[::-1]

    found = []
    for (here, reported), (there, reported_there) in zip(in_turn, at_once, strict=True):
        assert reported == reported_there
        assert isinstance(reported[0], Basis)
        assert reported[1:] == list(here.curve) == list(there.curve)
        assert [scores.epoch for scores in here.curve] == [1, 2]
        found.append(weights(here.network, tmp_path / "one.keras"))
        assert weights(there.network, tmp_path / "other.keras") == found[-1]
    assert len(set(found)) == len(fittings)


def fit(fitting: Fitting) -> tuple[Fitted, list[Basis | EpochScores]]:
    """Fit a network, here or in a worker process; return what it reports, too."""
    reported: list[Basis | EpochScores] = []
    return in_worker(fit_stored, fitting, on_report=reported.append), reported
