"""Drift: statistics by hand, and samples that are too small."""

from math import comb, erfc, sqrt

import numpy as np
import pytest

from genre_core.drift import Drift, adjust, compare_genres, compare_values


def drift(p: float | None) -> Drift:
    return Drift(name="level", p=p, n_new=9, n_known=9)


def test_samples_without_overlap_have_the_largest_statistic() -> None:
    new, known = np.arange(5.0), np.arange(5.0) + 10

    found = compare_values("level", new, known)

    # of the comb(10, 5) orders of both samples, two keep them apart
    assert found.statistic == 1.0
    assert found.p == pytest.approx(2 / comb(10, 5))
    assert found.drifts
    assert found.found == "median 2 against 12"


def test_interleaved_samples_do_not_drift() -> None:
    found = compare_values("level", np.arange(0.0, 40, 2), np.arange(1.0, 41, 2))

    assert found.statistic == pytest.approx(1 / 20)
    assert not found.drifts
    assert "no difference seen" in found.sentence


def test_genres_are_compared_by_the_chi_square_of_the_textbook() -> None:
    new, known = ["jazz"] * 10 + ["rock"] * 20, ["jazz"] * 20 + ["rock"] * 10

    found = compare_genres("genres", new, known, np.random.default_rng(0))

    # n (ad - bc)² / (four margins); one degree of freedom: p = erfc(√(x / 2))
    chi_square = 60 * (10 * 10 - 20 * 20) ** 2 / 30**4
    assert found.statistic == pytest.approx(chi_square)
    assert found.p == pytest.approx(erfc(sqrt(chi_square / 2)))
    assert found.test == "chi-square"
    assert found.found == "jazz 33% against 67%, rock 67% against 33%"


def test_small_counts_are_permuted_instead() -> None:
    new, known = ["jazz"] * 5, ["rock"] * 5

    found = compare_genres("genres", new, known, np.random.default_rng(0))

    assert found.test == "chi-square by permutation"
    assert found.statistic == pytest.approx(10.0)
    assert found.p == pytest.approx(2 / comb(10, 5), abs=0.003)


def test_one_genre_on_both_sides_is_no_drift() -> None:
    found = compare_genres("genres", ["jazz"] * 6, ["jazz"] * 9, np.random.default_rng(0))

    assert (found.statistic, found.p) == (0.0, 1.0)


def test_fewer_than_five_songs_or_numbers_on_a_side_are_too_few() -> None:
    values = compare_values("level", np.array([1.0, 2, 3, 4, np.nan]), np.arange(100.0))
    genres = compare_genres("genres", ["jazz"] * 100, ["jazz"] * 4, np.random.default_rng(0))

    assert values.p is None
    assert not values.drifts
    assert "level: too few songs (4 new songs against 100" in values.sentence
    assert "too few songs" in genres.sentence


def test_holm_multiplies_by_the_tests_that_are_left_and_never_falls() -> None:
    adjusted = adjust([drift(0.01), drift(0.04), drift(None), drift(0.03)])

    assert [one.adjusted_p for one in adjusted] == pytest.approx([0.03, 0.06, None, 0.06])
    assert [one.drifts for one in adjusted] == [True, False, False, False]
