"""The map: songs that are alike are near each other, and stay where they were."""

import numpy as np
import pytest
from scipy.spatial import cKDTree
from sklearn.manifold import trustworthiness

from genre_core.dataset import song_map
from genre_core.dataset.song_map import map_songs

GENRES, N_FEATURES = 4, 20


def _library(n_songs: int) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Songs around the centres of some genres, far from each other."""
    rng = np.random.default_rng(3)
    centres = rng.normal(size=(GENRES, N_FEATURES)) * 3
    genres = rng.integers(GENRES, size=n_songs)
    values = centres[genres] + rng.normal(size=(n_songs, N_FEATURES))
    return [f"{n:04}" for n in range(n_songs)], values.astype(np.float32), genres


def _share_of_own_genre(points: np.ndarray, genres: np.ndarray) -> float:
    """Share of the songs whose nearest neighbour on the map has their genre."""
    _, nearest = cKDTree(points).query(points, k=2)
    return float((genres[nearest[:, 1]] == genres).mean())


@pytest.mark.parametrize("n_songs", [20, 200])
def test_songs_of_a_genre_lie_together_in_the_unit_square(n_songs: int) -> None:
    track_ids, values, genres = _library(n_songs)

    points, is_landmark = map_songs(track_ids, values, {})

    assert points.shape == (n_songs, 2)
    assert is_landmark.all()
    assert points.min() == pytest.approx(0)
    assert points.max() == pytest.approx(1)
    assert _share_of_own_genre(points, genres) > 0.95
    unit = values / np.linalg.norm(values, axis=1, keepdims=True)
    assert trustworthiness(unit, points, n_neighbors=5) > 0.75


def test_the_same_songs_have_the_same_map() -> None:
    track_ids, values, _ = _library(60)
    once, again = (map_songs(track_ids, values, {})[0] for _ in range(2))
    np.testing.assert_array_equal(once, again)


def test_a_few_new_songs_are_placed_among_the_others_which_stay() -> None:
    track_ids, values, genres = _library(200)
    first, _ = map_songs(track_ids[:190], values[:190], {})
    former = dict(zip(track_ids, map(tuple, first), strict=False))

    points, is_landmark = map_songs(track_ids, values, former)

    np.testing.assert_array_equal(points[:190], first)
    assert (is_landmark[:190].all(), is_landmark[190:].any()) == (True, False)
    assert _share_of_own_genre(points, genres) > 0.95


def test_after_many_new_songs_the_map_is_laid_out_again_and_resembles_the_former() -> None:
    track_ids, values, _ = _library(200)
    first, _ = map_songs(track_ids[:150], values[:150], {})
    former = dict(zip(track_ids, map(tuple, first), strict=False))

    points, is_landmark = map_songs(track_ids, values, former)

    assert is_landmark.all()
    for now, before in zip(points[:150].T, first.T, strict=True):
        assert np.corrcoef(now, before)[0, 1] > 0.9


def test_of_a_large_library_a_sample_is_laid_out_and_the_others_are_placed_near_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(song_map, "MOST_LANDMARKS", 60)
    track_ids, values, genres = _library(300)

    points, is_landmark = map_songs(track_ids, values, {})

    assert is_landmark.tolist() == [True] * 60 + [False] * 240
    assert _share_of_own_genre(points, genres) > 0.95


@pytest.mark.parametrize("n_songs", [1, 2, 3])
def test_few_songs_and_silent_ones_have_points_too(n_songs: int) -> None:
    values = np.zeros((n_songs, N_FEATURES), np.float32)
    points, _ = map_songs([f"{n}" for n in range(n_songs)], values, {})
    assert np.isfinite(points).all()
