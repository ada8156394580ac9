"""Bootstrap intervals, against SciPy's and against what they must do at the ends."""

import numpy as np
import pytest
from scipy import stats

from genre_core.audit.intervals import (
    cluster_interval,
    judgement_interval,
    recall_interval,
    source_interval,
    two_way_interval,
)


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


def test_one_draw_gives_the_interval_of_scipys_bootstrap_over_songs() -> None:
    hits = (rng().random((1, 60)) < 0.4).astype(float)

    low, high = two_way_interval(hits, np.ones_like(hits), 4000, rng())

    expected = stats.bootstrap(
        (hits[0],), np.mean, n_resamples=4000, method="percentile", rng=rng()
    ).confidence_interval
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=0.02)


def test_many_draws_of_one_song_are_not_taken_for_many_songs() -> None:
    hits = np.tile((rng().random(40) < 0.5).astype(float), (50, 1))

    low, high = two_way_interval(hits, np.ones_like(hits), 2000, rng())

    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(0.25 / 40), abs=0.06)


def test_weights_count_judgements() -> None:
    hits = np.array([[3.0, 0.0]])
    weights = np.array([[3.0, 0.0]])

    assert two_way_interval(hits, weights, 200, rng()) == (1.0, 1.0)


def test_three_songs_that_happen_to_be_right_are_no_leak() -> None:
    low, high = judgement_interval(np.ones((1, 3)), 200, rng())

    assert low == pytest.approx(0.025 ** (1 / 3))
    assert high == 1.0


@pytest.mark.parametrize("alike", [0, 1])
def test_judgements_are_as_sure_as_the_fewer_of_songs_and_draws_that_differ(alike: int) -> None:
    once = (np.arange(40) % 2).astype(float)
    hits = np.tile(once, (50, 1)) if alike == 0 else np.tile(once[:, None], (1, 50))

    low, high = judgement_interval(hits, 2000, rng())

    expected = stats.bootstrap(
        (once,), np.mean, n_resamples=4000, method="percentile", rng=rng()
    ).confidence_interval
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=0.03)


def test_judgements_without_a_leak_exclude_chance_in_one_of_twenty_cases_at_most() -> None:
    cases = (rng().random((200, 5, 12)) < 0.25).astype(float)

    lows = [judgement_interval(hits, 200, rng())[0] for hits in cases]

    assert sum(low > 0.25 for low in lows) <= 0.04 * 200


def test_songs_of_one_cluster_stand_and_fall_together() -> None:
    hits = np.repeat([1.0, 0.0, 1.0, 0.0], 25)

    low, high = cluster_interval(hits, np.repeat(list("abcd"), 25).tolist(), 4000, rng())

    resampled = np.repeat(np.arange(5) / 4, np.array([1, 4, 6, 4, 1]))
    assert (low, high) == (resampled.min(), resampled.max())


def test_clusters_of_one_song_give_the_interval_of_scipys_bootstrap() -> None:
    hits = (rng().random(80) < 0.3).astype(float)

    low, high = cluster_interval(hits, [str(n) for n in range(80)], 4000, rng())

    expected = stats.bootstrap(
        (hits,), np.mean, n_resamples=4000, method="percentile", rng=rng()
    ).confidence_interval
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=0.02)


def test_two_sources_that_happen_to_be_alike_prove_no_more_than_their_songs() -> None:
    hits = np.repeat([1.0, 0.0, 1.0, 0.0], [6, 4, 7, 3])
    sources = np.repeat(["one site", "another"], 10).tolist()

    low, high = source_interval(hits, sources, 2000, rng())

    exact = stats.binomtest(13, 20).proportion_ci(0.95, method="exact")
    assert (low, high) == pytest.approx((exact.low, exact.high))


def test_few_sources_that_differ_have_a_wider_interval_than_percentiles_give() -> None:
    hits = np.repeat([1.0, 0.0] * 4, [80, 20, 60, 40, 50, 50, 30, 70])
    sources = np.repeat(list("abcd"), 100).tolist()

    low, high = source_interval(hits, sources, 4000, rng())

    assert (low, high) == pytest.approx((0.3, 0.8), abs=0.01)  # one source, drawn four times


def test_recall_of_one_genre_has_the_quantiles_of_the_binomial_widened() -> None:
    hits = np.arange(200) % 5 < 3
    songs = [str(n) for n in range(200)]

    low, high = recall_interval(hits, ["jazz"] * 200, songs, 20_000, rng())

    tail = stats.norm.cdf(stats.t.ppf(0.025, 199) * np.sqrt(200 / 199))
    expected = stats.binom(200, 0.6).ppf([tail, 1 - tail]) / 200
    assert (low, high) == pytest.approx(tuple(expected), abs=0.0051)  # one song is 0.005


def test_songs_of_one_artist_count_as_one_for_the_interval_of_recall() -> None:
    hits, artists = np.arange(12) % 3 > 0, [str(n) for n in range(12)]
    genres = ["jazz", "rock"] * 6

    alone = recall_interval(hits, genres, artists, 2000, rng())
    fourfold = recall_interval(
        np.repeat(hits, 4),
        np.repeat(genres, 4).tolist(),
        np.repeat(artists, 4).tolist(),
        2000,
        rng(),
    )

    assert fourfold == pytest.approx(alone)


def test_four_songs_that_the_file_gives_away_do_not_prove_that_it_always_does() -> None:
    hits = np.ones(4, bool)

    low, high = recall_interval(hits, ["jazz", "jazz", "rock", "rock"], list("abcd"), 200, rng())

    assert (low, high) == pytest.approx((0.025 ** (1 / 4), 1.0))
