"""The snapshot that was used last."""

from pathlib import Path

import pytest

from flows.settings import Settings
from genre_core.errors import UsageError
from storage.catalog.snapshots import read_latest_snapshot
from storage.home import DataLayout
from tasks.spectrograms import key_features


def test_without_a_snapshot_one_is_told_to_train(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no snapshot .* `genreflow train`"):
        read_latest_snapshot(DataLayout(tmp_path))


@pytest.mark.flow
@pytest.mark.keras
def test_the_snapshot_of_the_longest_fragments_was_used_last(finished: Settings) -> None:
    snapshot, features = read_latest_snapshot(finished.layout)

    assert features == finished.features[-1]
    assert features.fragment_s == 1.5
    assert snapshot.genres == ("clicks", "hiss", "hums")
    assert snapshot.n_tracks == 18


@pytest.mark.flow
@pytest.mark.keras
def test_a_snapshot_under_a_preferred_key_comes_before_one_used_later(
    finished: Settings,
) -> None:
    short, _ = key_features(finished.features)

    snapshot, features = read_latest_snapshot(finished.layout, [short])

    assert (snapshot.feature_key, features.fragment_s) == (short, 1.0)


@pytest.mark.flow
@pytest.mark.keras
def test_where_no_snapshot_has_a_preferred_key_the_one_used_last_is_given(
    finished: Settings,
) -> None:
    _, features = read_latest_snapshot(finished.layout, ["another key"])

    assert features.fragment_s == 1.5
