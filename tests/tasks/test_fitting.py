"""Fitting in worker processes: the bits do not depend on where or beside what it happens."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from genre_core.representations.features import FeatureConfig
from genre_core.training.rules import EpochScores, TrainingConfig
from storage.examples import StoredExamples
from storage.home import DataLayout
from storage.models.network_file import SavedNetwork, load_network
from storage.shards import TrackMatrices, write_shard
from tasks.fitting import Fitted, Fitting, fit_stored
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


def weights(network: SavedNetwork, file: Path) -> list[np.ndarray]:
    network.save(file)
    found: list[np.ndarray] = load_network(file).get_weights()
    return found


def test_networks_side_by_side_have_the_bits_of_those_fitted_one_after_the_other(
    stored: StoredExamples, tmp_path: Path
) -> None:
    fittings = [
        Fitting(
            network=network,
            shape=ONE_SECOND.shape,
            n_genres=2,
            seed=5,
            training=TrainingConfig(max_epochs=2),
            train=stored,
            validation=stored,
        )
        for network in ("cnn", "combined")
    ]
    alone, beside = Reported(), Reported()

    in_turn = [alone.fit(one) for one in fittings]
    with open_workers(2):
        at_once = side_by_side(beside.fit, fittings)

    assert alone.epochs == beside.epochs == {"cnn": [1, 2], "combined": [1, 2]}
    for one, other in zip(in_turn, at_once, strict=True):
        assert one.curve == other.curve
        assert one.examples_digest == other.examples_digest
        assert one.params == other.params
        pairs = zip(
            weights(one.network, tmp_path / "one.keras"),
            weights(other.network, tmp_path / "other.keras"),
            strict=True,
        )
        assert all(np.array_equal(ours, theirs) for ours, theirs in pairs)


class Reported:
    """Fits networks, and keeps the numbers of the epochs that they report."""

    def __init__(self) -> None:
        self.epochs: dict[str, Sequence[int]] = {}

    def fit(self, fitting: Fitting) -> Fitted:
        """Fit one, here or in a worker process."""
        seen: list[int] = []
        self.epochs[fitting.network] = seen

        def on_epoch(scores: EpochScores) -> None:
            seen.append(scores.epoch)

        return in_worker(fit_stored, fitting, on_report=on_epoch)
