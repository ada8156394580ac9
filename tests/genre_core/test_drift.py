"""Drift: golden numbers by hand, and what is said where nothing can be told."""

from math import comb, erfc, sqrt

import numpy as np
import pytest

from genre_core.drift import Drift, adjust, compare_genres, compare_values


def drift(p: float | None) -> Drift:
    return Drift(
        name="level",
        test="KS",
        statistic=0.5,
        p=p,
        adjusted_p=p,
        n_new=9,
        n_known=9,
        found="higher",
    )


def test_samples_without_overlap_have_the_largest_statistic_and_the_p_of_two_orders_of_all() -> (
    None
):
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


def test_small_counts_are_dealt_anew_instead() -> None:
    new, known = ["jazz"] * 5, ["rock"] * 5

    found = compare_genres("genres", new, known, np.random.default_rng(0))

    assert found.test == "chi-square by permutation"
    assert found.statistic == pytest.approx(10.0)
    assert found.p == pytest.approx(2 / comb(10, 5), abs=0.003)


def test_one_genre_on_both_sides_is_no_drift() -> None:
    found = compare_genres("genres", ["jazz"] * 6, ["jazz"] * 9, np.random.default_rng(0))

    assert (found.statistic, found.p) == (0.0, 1.0)


def test_fewer_than_five_songs_on_a_side_are_too_few_to_tell() -> None:
    values = compare_values("level", np.arange(4.0), np.arange(100.0))
    genres = compare_genres("genres", ["jazz"] * 100, ["jazz"] * 4, np.random.default_rng(0))

    assert values.p is None
    assert not values.drifts
    assert "level: too few songs (4 new songs against 100" in values.sentence
    assert "too few songs" in genres.sentence


def test_what_is_no_number_counts_for_no_song() -> None:
    found = compare_values("loudness", np.array([1.0, 2, 3, 4, np.nan]), np.arange(9.0))

    assert found.n_new == 4
    assert found.p is None


def test_holm_multiplies_by_the_questions_that_are_left_and_never_falls() -> None:
    adjusted = adjust([drift(0.01), drift(0.04), drift(None), drift(0.03)])

    assert [one.adjusted_p for one in adjusted] == pytest.approx([0.03, 0.06, None, 0.06])


def test_many_questions_raise_no_alarm_by_one_small_p() -> None:
    adjusted = adjust([drift(0.02)] + [drift(0.5)] * 11)

    assert not any(one.drifts for one in adjusted)
