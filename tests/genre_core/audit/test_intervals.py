"""Bootstrap intervals, against SciPy's and against what they must do at the ends."""

import numpy as np
import pytest
from scipy import stats

from genre_core.audit.intervals import (
    cluster_interval,
    judgement_interval,
    recall_interval,
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


def test_recall_of_one_genre_has_the_quantiles_of_the_binomial() -> None:
    hits = np.array([True] * 12 + [False] * 8)

    low, high = recall_interval(hits, ["jazz"] * 20, 20_000, rng())

    expected = stats.binom(20, 0.6).ppf([0.025, 0.975]) / 20
    assert (low, high) == pytest.approx(tuple(expected), abs=0.001)
