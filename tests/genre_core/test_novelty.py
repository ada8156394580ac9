"""Novelty: distances against scikit-learn, thresholds by hand, and what is refused."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from genre_core.evaluation.novelty import MOST_BYTES, fit_novelty, weighted_quantile
from genre_core.examples import Float32Array

N_FEATURES = 12


def songs_around(
    centres: Float32Array, n_songs: int, rng: np.random.Generator, spread: float = 0.3
) -> tuple[Float32Array, list[str]]:
    """Songs of many artists, each with an offset of its own, around some centres."""
    artists = np.repeat(np.arange(n_songs // 4), 4)
    offsets = rng.normal(0, spread, (len(artists) // 4, N_FEATURES))[artists]
    songs = centres[artists % len(centres)] + offsets + rng.normal(0, 0.1, offsets.shape)
    return songs.astype(np.float32), [f"artist {artist}" for artist in artists]


@pytest.fixture
def centres() -> Float32Array:
    return np.eye(N_FEATURES, dtype=np.float32)[:3] * 3


def test_the_distance_is_that_to_the_second_neighbour_at_unit_length(centres: Float32Array) -> None:
    rng = np.random.default_rng(0)
    known, artists = songs_around(centres, 80, rng)
    new = rng.normal(0, 1, (30, N_FEATURES)).astype(np.float32)

    novelty = fit_novelty(known, artists, 0.05)

    unit = known / np.linalg.norm(known, axis=1, keepdims=True)
    search = NearestNeighbors(n_neighbors=2).fit(unit)
    expected = search.kneighbors(new / np.linalg.norm(new, axis=1, keepdims=True))[0][:, 1]
    assert novelty is not None
    np.testing.assert_allclose(novelty.distances(new), expected, atol=1e-3)


def test_a_quantile_counts_each_value_by_its_weight() -> None:
    values = np.array([0.4, 0.1, 0.3, 0.2], np.float32)
    weights = np.array([0.5, 1.0, 1.0, 1.5])  # of 4: up to 0.1 0.25, 0.2 0.625, 0.3 0.875, 0.4 1

    shares = (0.25, 0.26, 0.625, 0.875, 0.9, 1.0)
    found = [weighted_quantile(values, weights, share) for share in shares]

    assert found == pytest.approx([0.1, 0.2, 0.2, 0.3, 0.4, 0.4])


def test_songs_of_artists_that_it_has_not_seen_are_refused_as_often_as_asked(
    centres: Float32Array,
) -> None:
    rng = np.random.default_rng(1)
    known, artists = songs_around(centres, 2000, rng)
    new, _ = songs_around(centres, 4000, rng)
    shares = (0.05, 0.20)

    fitted = [fit_novelty(known, artists, share) for share in shares]

    refused = [novelty.is_unknown(new).mean() for novelty in fitted if novelty]
    assert refused == pytest.approx(shares, abs=0.025)  # 500 and 1000 artists


def test_songs_of_another_genre_are_unknown_however_loud_their_features_are(
    centres: Float32Array,
) -> None:
    rng = np.random.default_rng(2)
    known, artists = songs_around(centres, 200, rng)
    other, _ = songs_around(-centres, 100, rng)

    novelty = fit_novelty(known, artists, 0.05)

    assert novelty is not None
    assert novelty.is_unknown(other).all()
    assert novelty.is_unknown(10 * known).mean() <= 0.05


def test_one_odd_song_of_the_library_makes_no_song_like_it_known(centres: Float32Array) -> None:
    known, artists = songs_around(centres, 200, np.random.default_rng(3))
    odd = -centres[:1]

    novelty = fit_novelty(np.vstack([known, odd]), [*artists, "odd"], 0.05)

    assert novelty is not None
    assert novelty.is_unknown(odd * 1.01).all()


def test_four_artists_are_too_few_to_tell(centres: Float32Array) -> None:
    known, artists = songs_around(centres, 16, np.random.default_rng(4))

    assert len(set(artists)) == 4
    assert fit_novelty(known, artists, 0.05) is None
    assert fit_novelty(known[:0], [], 0.05) is None


def test_a_large_library_is_kept_in_a_megabyte_with_songs_of_every_artist() -> None:
    rng = np.random.default_rng(5)
    n_features = 500  # so that 1000 songs fit
    songs = rng.normal(0, 1, (3000, n_features)).astype(np.float32)
    songs[:900] = -1 - np.abs(songs[:900])  # one song each of 900 artists; the rest is by one more
    artists = [f"artist {min(number, 900)}" for number in range(3000)]

    novelty = fit_novelty(songs, artists, 0.05)

    assert novelty is not None
    assert novelty.references.nbytes <= MOST_BYTES
    assert int((novelty.references < 0).all(axis=1).sum()) == 900
    again = fit_novelty(songs, artists, 0.05)
    assert again is not None
    np.testing.assert_array_equal(again.references, novelty.references)
