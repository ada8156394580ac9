"""Intervals of the audit, against SciPy's and against what they must do at the ends."""

import numpy as np
import pytest
from scipy import stats

from genre_core.audit.intervals import (
    cluster_interval,
    prediction_interval,
    recall_interval,
    source_interval,
    two_way_interval,
)
from genre_core.evaluation.bootstrap import Interval


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


def ends(interval: Interval) -> tuple[float, float]:
    return interval.low, interval.high


def scipy_ends(hits: np.ndarray) -> tuple[float, float]:
    found = stats.bootstrap((hits,), np.mean, n_resamples=4000, method="percentile", rng=rng())
    return found.confidence_interval.low, found.confidence_interval.high


def test_one_permutation_gives_the_interval_of_scipys_bootstrap_over_songs() -> None:
    hits = (rng().random((1, 60)) < 0.4).astype(float)

    found = two_way_interval(hits, np.ones_like(hits), 4000, rng())

    assert found.value == hits.mean()
    assert ends(found) == pytest.approx(scipy_ends(hits[0]), abs=0.02)


def test_many_permutations_of_one_song_do_not_count_as_many_songs() -> None:
    hits = np.tile((rng().random(40) < 0.5).astype(float), (50, 1))

    found = two_way_interval(hits, np.ones_like(hits), 2000, rng())

    assert found.high - found.low == pytest.approx(2 * 1.96 * np.sqrt(0.25 / 40), abs=0.06)


def test_weights_count_predictions() -> None:
    counts = np.array([[3.0, 0.0]])

    assert two_way_interval(counts, counts, 200, rng()) == Interval(value=1.0, low=1.0, high=1.0)


def test_three_right_songs_are_no_leak() -> None:
    found = prediction_interval(np.ones((1, 3)), 200, rng())

    assert ends(found) == pytest.approx((0.025 ** (1 / 3), 1.0))


@pytest.mark.parametrize("alike", [0, 1])
def test_predictions_are_resampled_by_the_fewer_of_songs_and_permutations(alike: int) -> None:
    once = (np.arange(40) % 2).astype(float)
    hits = np.tile(once, (50, 1)) if alike == 0 else np.tile(once[:, None], (1, 50))

    found = prediction_interval(hits, 2000, rng())

    assert ends(found) == pytest.approx(scipy_ends(once), abs=0.03)


def test_predictions_without_a_leak_exclude_chance_in_one_of_twenty_cases_at_most() -> None:
    cases = (rng().random((200, 5, 12)) < 0.25).astype(float)

    lows = [prediction_interval(hits, 200, rng()).low for hits in cases]

    assert sum(low > 0.25 for low in lows) <= 0.04 * 200


def test_songs_of_one_cluster_are_resampled_together() -> None:
    hits = np.repeat([1.0, 0.0, 1.0, 0.0], 25)

    found = cluster_interval(hits, np.repeat(list("abcd"), 25).tolist(), 4000, rng())

    # one cluster drawn four times: probability 1 / 256 > 0.025 / 16
    assert ends(found) == (0.0, 1.0)


def test_clusters_of_one_song_give_the_interval_of_scipys_bootstrap() -> None:
    hits = (rng().random(80) < 0.3).astype(float)

    found = cluster_interval(hits, [str(n) for n in range(80)], 4000, rng())

    assert ends(found) == pytest.approx(scipy_ends(hits), abs=0.02)


def test_two_similar_sources_prove_no_more_than_their_songs() -> None:
    hits = np.repeat([1.0, 0.0, 1.0, 0.0], [6, 4, 7, 3])
    sources = np.repeat(["one site", "another"], 10).tolist()

    found = source_interval(hits, sources, sources, 2000, rng())

    exact = stats.binomtest(13, 20).proportion_ci(0.95, method="exact")
    assert ends(found) == pytest.approx((exact.low, exact.high))


def test_few_different_sources_have_a_wider_interval_than_percentiles_give() -> None:
    hits = np.repeat([1.0, 0.0] * 4, [80, 20, 60, 40, 50, 50, 30, 70])
    sources = np.repeat(list("abcd"), 100).tolist()

    found = source_interval(hits, sources, sources, 4000, rng())

    assert ends(found) == pytest.approx((0.3, 0.8), abs=0.01)  # one source, drawn four times


def test_recall_of_one_genre_has_the_quantiles_of_the_binomial_widened() -> None:
    hits = np.arange(200) % 5 < 3
    songs = [str(n) for n in range(200)]

    found = recall_interval(hits, ["jazz"] * 200, songs, 20_000, rng())

    tail = stats.norm.cdf(stats.t.ppf(0.025, 199) * np.sqrt(200 / 199))
    expected = stats.binom(200, 0.6).ppf([tail, 1 - tail]) / 200
    assert ends(found) == pytest.approx(tuple(expected), abs=0.0051)  # one song is 0.005


def test_songs_of_one_artist_count_as_one_for_the_interval_of_recall() -> None:
    hits, genres, artists = np.arange(12) % 3 > 0, ["jazz", "rock"] * 6, [str(n) for n in range(12)]

    alone, fourfold = (
        recall_interval(
            np.repeat(hits, n),
            np.repeat(genres, n).tolist(),
            np.repeat(artists, n).tolist(),
            2000,
            rng(),
        )
        for n in (1, 4)
    )

    assert fourfold.as_list() == pytest.approx(alone.as_list())


def test_four_right_songs_do_not_prove_a_shortcut() -> None:
    genres = ["jazz", "jazz", "rock", "rock"]

    found = recall_interval(np.ones(4, bool), genres, list("abcd"), 200, rng())

    assert ends(found) == pytest.approx((0.025 ** (1 / 4), 1.0))
