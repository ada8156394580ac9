"""What replaces SciPy in the small install, against SciPy."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats
from scipy.cluster.hierarchy import DisjointSet

from genre_core.dataset.joined import DisjointSets
from genre_core.evaluation.quantiles import (
    beta_cdf,
    beta_quantile,
    sign_test,
    student_quantile,
    wilson_interval,
)

WORDS = st.sampled_from("abcdefghijkl")


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(WORDS, WORDS), max_size=12), st.lists(WORDS, max_size=4))
def test_disjoint_sets_have_the_roots_and_sets_of_scipy(
    pairs: list[tuple[str, str]], first: list[str]
) -> None:
    ours, theirs = DisjointSets(first), DisjointSet(first)

    for one, other in pairs:
        ours.merge(one, other)
        theirs.add(one)
        theirs.add(other)
        theirs.merge(one, other)

    assert {member: ours[member] for member in theirs} == {m: theirs[m] for m in theirs}
    assert ours.sets() == theirs.subsets()
    assert ("z" in ours) is False


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 400), st.integers(0, 400))
def test_a_share_has_the_interval_of_wilson_and_a_sign_test_its_exact_p(n: int, m: int) -> None:
    if not n + m:
        assert sign_test(n, m) == 1
        return
    test = stats.binomtest(n, n + m)
    wilson = test.proportion_ci(0.95, method="wilson")

    assert wilson_interval(n, n + m) == pytest.approx((wilson.low, wilson.high), abs=1e-12)
    assert sign_test(n, m) == pytest.approx(test.pvalue, rel=1e-10)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 20_000), st.floats(1e-4, 0.49))
def test_quantiles_of_student_are_those_of_scipy(n_degrees: int, probability: float) -> None:
    expected = float(special.stdtrit(n_degrees, probability))

    assert student_quantile(n_degrees, probability) == pytest.approx(expected, rel=1e-8)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.floats(0.02, 5e3), st.floats(0.5, 5e3)), min_size=1, max_size=9))
def test_quantiles_and_probabilities_of_beta_distributions_are_those_of_scipy(
    parameters: list[tuple[float, float]],
) -> None:
    a, b = np.array(parameters).T

    found = beta_quantile(a, b, 0.05)

    assert found == pytest.approx(special.betaincinv(a, b, 0.05), rel=1e-8, abs=1e-200)
    assert beta_cdf(a, b, a / (a + b)) == pytest.approx(special.betainc(a, b, a / (a + b)))


def test_a_beta_distribution_of_ones_is_uniform_and_one_draw_of_n_the_power() -> None:
    ones, n = np.ones(3), np.array([1.0, 4.0, 1000.0])

    assert beta_quantile(ones, ones, 0.3) == pytest.approx(0.3 * ones)
    assert beta_quantile(n, ones, 0.05) == pytest.approx([0.05 ** (1 / k) for k in n])
    assert student_quantile(1, 0.25) == pytest.approx(-math.tan(math.pi / 4))  # Cauchy's
