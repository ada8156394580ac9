"""Thresholds for a precision, against the binomial distribution by hand and by SciPy."""

import numpy as np
import pytest
from scipy.stats import binomtest

from genre_core.evaluation.thresholds import (
    HeldOutSong,
    fit_threshold,
    fit_thresholds,
    precision_bound,
)


def song(n: int, confidence: float, *, right: bool = True, artist: str = "") -> HeldOutSong:
    return HeldOutSong(
        track_id=str(n),
        group_id=artist or f"artist {n}",
        genre="jazz" if right else "rock",
        predicted="jazz",
        confidence=confidence,
    )


def test_the_bound_is_that_of_clopper_and_pearson() -> None:
    expected = binomtest(45, 50, alternative="greater").proportion_ci(0.95).low

    assert precision_bound(np.array([0.9]), np.array([50.0]))[0] == pytest.approx(expected)


def test_nine_of_ten_needs_twenty_nine_artists_without_an_error() -> None:
    songs = [song(n, 0.99 - n / 1000) for n in range(29)]

    assert fit_threshold(songs[:28], "jazz", 0.9).confidence is None  # 0.05 ** (1 / 28) < 0.9
    assert fit_threshold(songs, "jazz", 0.9).confidence == songs[-1].confidence


def test_songs_of_one_artist_count_once() -> None:
    songs = [song(n, 0.9, artist="Ada") for n in range(100)]

    threshold = fit_threshold(songs, "jazz", 0.9)

    assert threshold.confidence is None
    assert (threshold.n_songs, threshold.n_groups, threshold.n_right) == (100, 1, 100)
    assert threshold.precision_low == pytest.approx(0.05)  # of one that is right


def test_the_lowest_confidence_that_suffices_is_chosen() -> None:
    sure = [song(n, 0.9) for n in range(40)]
    doubtful = [song(100 + n, 0.5, right=n % 2 == 0) for n in range(40)]

    threshold = fit_threshold([*doubtful, *sure], "jazz", 0.9)

    assert threshold.confidence == 0.9
    assert (threshold.n_songs, threshold.n_right) == (40, 40)
    assert threshold.admits(0.9)
    assert not threshold.admits(0.89)


def test_songs_of_equal_confidence_are_all_counted_or_none() -> None:
    songs = [song(n, 0.9, right=n < 40) for n in range(80)]

    assert fit_threshold(songs, "jazz", 0.9).confidence is None


def test_a_genre_that_was_never_predicted_is_never_written_unless_nothing_is_asked() -> None:
    songs = [song(n, 0.9) for n in range(50)]

    thresholds = fit_thresholds(songs, ("jazz", "rock"), 0.9)

    assert thresholds["rock"].confidence is None
    assert not thresholds["rock"].admits(1.0)
    assert fit_threshold(songs, "rock", 0.0).admits(0.1)
    assert fit_threshold(songs, "jazz", 0.0).admits(0.1)
