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


def song(
    n: int, confidence: float, *, right: bool = True, artist: str = "", folds: bool = False
) -> HeldOutSong:
    return HeldOutSong(
        track_id=str(n),
        group_id=artist or f"artist {n}",
        genre="jazz" if right else "rock",
        predicted="jazz",
        confidence=confidence,
        is_out_of_fold=folds,
    )


def test_the_bound_is_that_of_clopper_and_pearson() -> None:
    expected = binomtest(45, 50, alternative="greater").proportion_ci(0.95).low

    assert precision_bound(np.array([0.9]), np.array([50]))[0] == pytest.approx(expected)


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


def test_the_tests_end_with_the_first_failure_though_a_later_one_would_pass() -> None:
    songs = [song(n, 0.99 - n / 1000, right=n != 29) for n in range(80)]

    threshold = fit_threshold(songs, "jazz", 0.9)

    assert precision_bound(np.array([29 / 30, 79 / 80]), np.array([30, 80])) == pytest.approx(
        [0.851, 0.942], abs=0.001
    )
    assert (threshold.confidence, threshold.n_songs) == (songs[28].confidence, 29)


def test_an_error_among_the_surest_is_a_failure_and_the_highest_precision_is_one_that_passes() -> (
    None
):
    songs = [song(n, 0.99 - n / 1000, right=n != 5) for n in range(80)]

    threshold = fit_threshold(songs, "jazz", 0.9)
    highest = fit_threshold(songs, "jazz", threshold.highest_precision)

    assert (threshold.confidence, threshold.n_songs, threshold.n_right) == (None, 29, 28)
    assert highest.confidence is not None
    assert highest.precision_low >= threshold.highest_precision > 0.5


def test_out_of_fold_predictions_count_only_where_the_champions_own_are_too_few() -> None:
    own = [song(n, 0.99 - n / 1000) for n in range(29)]
    folds = [song(100 + n, 0.995, right=False, folds=True) for n in range(29)]

    enough = fit_threshold([*folds, *own], "jazz", 0.9)
    too_few = fit_threshold([*folds, *own[:28]], "jazz", 0.9)

    assert (enough.confidence, enough.n_out_of_fold) == (own[-1].confidence, 0)
    assert (too_few.confidence, too_few.n_out_of_fold, too_few.n_songs) == (None, 29, 29)


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
