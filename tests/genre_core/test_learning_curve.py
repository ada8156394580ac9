"""The learning curve on made embeddings: draws keep groups apart, and the values are right."""

import numpy as np
import pytest

from genre_core.studies.learning_curve import curve_sizes, draw_songs, measure_all, measure_size
from genre_core.training.songs import EmbeddedSongs, label_songs

NO_PRIOR = np.zeros((0, 2), np.float32)


def made_songs(gap: float, n_songs: int = 40, seed: int = 0) -> EmbeddedSongs:
    """Two genres that all features tell apart, four songs an artist."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n_songs) % 2
    values = rng.standard_normal((n_songs, 4))
    values += np.where(labels == 1, gap, -gap)[:, None]
    return label_songs(
        [f"{song:02}" for song in range(n_songs)],
        [f"artist {song % 2} {song // 8}" for song in range(n_songs)],
        [("jazz", "rock")[label] for label in labels],
        values.astype(np.float32),
        n_features=4,
    )


def grouped(*sizes_by_genre: tuple[int, ...]) -> EmbeddedSongs:
    """Genres with groups of so many songs."""
    rows = [
        (f"genre {genre}", f"group {genre} {group}")
        for genre, sizes in enumerate(sizes_by_genre)
        for group, n_songs in enumerate(sizes)
        for _ in range(n_songs)
    ]
    genres, groups = zip(*rows, strict=True)
    ids = [str(number) for number in range(len(rows))]
    return label_songs(ids, groups, genres, np.zeros((len(rows), 1), np.float32), 1)


@pytest.mark.parametrize(
    ("songs", "sizes"),
    [
        (grouped((1, 1), (1, 1)), [1]),
        (grouped((6, 5), (20, 20)), [1, 2, 4]),
        (grouped((8, 1), (9, 9, 9)), [1, 2, 4, 8]),
    ],
)
def test_sizes_go_as_far_as_each_genre_has_songs_beside_its_smallest_group(
    songs: EmbeddedSongs, sizes: list[int]
) -> None:
    assert curve_sizes(songs) == sizes


@pytest.mark.parametrize("n_songs", [1, 4, 8])
def test_a_draw_takes_so_many_songs_of_each_genre_and_leaves_a_group_of_each(n_songs: int) -> None:
    songs = made_songs(1.0)
    for seed in range(20):
        taken = draw_songs(songs, n_songs, np.random.default_rng(seed))

        assert taken is not None
        assert np.bincount(songs.labels[taken]).tolist() == [n_songs, n_songs]
        assert len(set(taken.tolist())) == 2 * n_songs
        left = ~np.isin(songs.group_ids.astype(str), songs.group_ids[taken].astype(str))
        assert set(songs.labels[left].tolist()) == {0, 1}


def test_where_one_artist_has_all_of_both_genres_no_draw_leaves_a_group() -> None:
    songs = label_songs(
        list("abcd"), ["x", "y", "x", "y"], ["jazz"] * 2 + ["rock"] * 2, np.eye(4, dtype="f4"), 4
    )

    assert draw_songs(songs, 2, np.random.default_rng(0)) is None
    assert measure_size(songs, NO_PRIOR, 2, np.random.default_rng(0)) is None


def test_genres_that_one_song_each_separates_are_expected_to_be_right() -> None:
    point = measure_size(made_songs(50.0), NO_PRIOR, 1, np.random.default_rng(0))

    assert point is not None
    assert point.accuracy.value == point.accuracy.high == 1.0
    assert (point.n_scored, point.n_groups, point.n_draws) == (40, 10, 10)


def test_more_songs_are_worth_more_and_nothing_is_learned_from_noise() -> None:
    rng = np.random.default_rng(0)
    useful, noise = made_songs(0.5), made_songs(0.0)

    points = [measure_size(useful, NO_PRIOR, n_songs, rng) for n_songs in (1, 8)]
    chance = measure_size(noise, NO_PRIOR, 8, rng)

    assert points[0]
    assert points[1]
    assert chance
    assert points[0].accuracy.value + 0.05 < points[1].accuracy.value
    assert chance.accuracy.low < 0.5 < chance.accuracy.high
    assert chance.accuracy.value == pytest.approx(0.5, abs=0.12)


def test_the_interval_holds_single_draws() -> None:
    """Of other draws, nearly all lie inside the interval of ten."""
    songs = made_songs(0.5)
    point = measure_size(songs, NO_PRIOR, 2, np.random.default_rng(0))
    others = [
        measure_size(songs, NO_PRIOR, 2, np.random.default_rng(seed), n_draws=1)
        for seed in range(1, 31)
    ]

    assert point
    found = [other.accuracy.value for other in others if other]
    inside = [point.accuracy.low <= value <= point.accuracy.high for value in found]
    assert np.mean(inside) > 0.9
    assert point.accuracy.high - point.accuracy.low < 0.6


def test_the_same_state_draws_the_same_songs() -> None:
    songs = made_songs(0.5)

    first, second = (measure_size(songs, NO_PRIOR, 2, np.random.default_rng(3)) for _ in range(2))

    assert first == second


def test_all_songs_are_predicted_by_heads_of_other_groups() -> None:
    """Each artist has a feature of its own: within folds by group it says nothing."""
    songs = made_songs(0.0)
    names = sorted(set(songs.group_ids.tolist()))
    own = (songs.group_ids[:, None] == np.array(names, object)).astype(np.float32) * 9
    leaking = label_songs(
        songs.track_ids.tolist(),
        songs.group_ids.tolist(),
        [songs.genres[label] for label in songs.labels],
        own,
        own.shape[1],
    )

    point = measure_all(leaking, NO_PRIOR, np.random.default_rng(0))

    assert point
    assert (point.n_songs, point.n_scored, point.n_draws) == (16, 40, 1)
    assert point.accuracy.value < 0.6
