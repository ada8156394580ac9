"""Conformal sets against numbers worked by hand, crepes, and the share that they promise."""

import numpy as np
import pytest

from genre_core.evaluation.conformal import belongs, fit_least_probability, name_alternatives
from genre_core.evaluation.songs import Float64Array
from genre_core.examples import Int64Array

GENRES = ("folk", "jazz", "rock")


def of_true_genre(*probabilities: float) -> tuple[Float64Array, Int64Array]:
    """Songs of genre 0 with these probabilities of it."""
    true = np.array(probabilities)
    rest = (1 - true) / 2
    return np.stack([true, rest, rest], axis=1), np.zeros(len(true), np.int64)


def test_of_nineteen_songs_the_second_lowest_probability_is_the_least_for_nine_tenths() -> None:
    songs = of_true_genre(*np.arange(0.05, 1, 0.05))  # (19 + 1) * 0.9 = 18 songs reach 0.10

    assert fit_least_probability(*songs, coverage=0.9) == pytest.approx(0.10)


def test_of_ten_songs_all_must_be_held_and_of_eight_none_can_promise_nine_tenths() -> None:
    ten = of_true_genre(*np.linspace(0.3, 0.9, 10))  # ceil(11 * 0.9) = 10
    eight = of_true_genre(*np.linspace(0.3, 0.9, 8))  # ceil(9 * 0.9) = 9

    assert fit_least_probability(*ten, coverage=0.9) == pytest.approx(0.3)
    assert fit_least_probability(*eight, coverage=0.9) == 0.0


def test_the_sets_are_those_of_crepes() -> None:
    songs = np.array([[0.5, 0.3, 0.2], [0.25, 0.4, 0.35], [0.1, 0.1, 0.8], [0.34, 0.33, 0.33]])
    calibration = of_true_genre(0.9, 0.8, 0.75, 0.6, 0.45, 0.4, 0.34, 0.28, 0.21)

    least = fit_least_probability(*calibration, coverage=0.75)

    # crepes 0.9.1: ConformalClassifier().fit(hinge(calibration, ...)),
    # predict_set(hinge(songs), confidence=0.75, smoothing=False)
    expected = [[True, True, False], [False, True, True], [False, False, True], [True, True, True]]
    assert belongs(songs, least).tolist() == expected


def test_alternatives_begin_with_the_likeliest_genre_and_end_where_the_least_is_not_reached() -> (
    None
):
    song = np.array([0.15, 0.55, 0.30])

    assert name_alternatives(song, GENRES, 0.2) == ("jazz", "rock")
    assert name_alternatives(song, GENRES, 0.0) == ("jazz", "rock", "folk")


def test_the_likeliest_genre_belongs_to_a_set_that_it_is_too_unlikely_for() -> None:
    assert name_alternatives(np.array([0.36, 0.33, 0.31]), GENRES, 0.9) == ("folk",)


def test_sets_of_exchangeable_songs_hold_the_true_genre_as_often_as_promised() -> None:
    rng = np.random.default_rng(11)
    shares = []
    for _ in range(200):
        truth = rng.dirichlet(np.ones(4), 130)
        labels = (rng.random((130, 1)) > truth.cumsum(axis=1)).sum(axis=1)
        wrong = truth**2 / (truth**2).sum(axis=1, keepdims=True)  # a model that is too sure
        least = fit_least_probability(wrong[:30], labels[:30], coverage=0.9)
        shares.append(belongs(wrong[30:], least)[np.arange(100), labels[30:]].mean())

    # promised is 0.9 to 0.9 + 1/31; the mean of 200 libraries has a standard error of 0.004
    assert 0.89 <= np.mean(shares) <= 0.945
