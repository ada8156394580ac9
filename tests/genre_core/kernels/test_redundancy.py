"""Which kernel goes, and which weights its twin gets; numbers worked by hand."""

import numpy as np
import pytest

from genre_core.studies.kernels.similarity import (
    Choice,
    KernelLayer,
    kept_after,
    most_similar_first,
    random_first,
    random_without_twin,
    removals,
)


def layer(rows: list[list[float]], outgoing: list[list[float]]) -> KernelLayer:
    return KernelLayer(
        name="conv", rows=np.array(rows, np.float32), outgoing=np.array(outgoing, np.float32)
    )


TWINS = layer([[1, 0], [0, 2], [0, 6]], [[1, 1], [2, 4], [5, 0]])
"""The last kernel is three times the second; it weighs 6 × 5 = 30, the second 2 × √20 = 8.9."""


def test_of_a_planted_pair_the_one_of_less_weight_goes_first() -> None:
    removal, _ = next(removals(TWINS, most_similar_first))

    assert (removal.dropped, removal.twin) == (1, 2)
    assert removal.similarity == pytest.approx(1)
    assert removal.share == pytest.approx(1 / 3)


def test_the_twin_gets_a_share_of_the_outgoing_weights() -> None:
    _, after = next(removals(TWINS, most_similar_first))

    np.testing.assert_allclose(after.outgoing, [[1, 1], [0, 0], [5 + 2 / 3, 4 / 3]], rtol=1e-6)
    np.testing.assert_array_equal(after.rows, TWINS.rows)


def test_the_share_is_the_projection_on_the_twin() -> None:
    pair = layer([[1, 1], [2, 0]], [[1], [9]])

    removal, after = next(removals(pair, most_similar_first))

    assert removal.share == pytest.approx(0.5)
    assert removal.similarity == pytest.approx(1 / np.sqrt(2))
    np.testing.assert_allclose(after.outgoing, [[0], [9.5]])


def test_nothing_is_folded_into_an_opposite_kernel() -> None:
    opposites = layer([[1, 0], [-1, 0]], [[3], [7]])

    removal, after = next(removals(opposites, most_similar_first))

    assert (removal.dropped, removal.share) == (0, 0)
    np.testing.assert_array_equal(after.outgoing, [[0], [7]])


@pytest.mark.parametrize(
    "choose",
    [
        most_similar_first,
        random_first(np.random.default_rng(0)),
        random_without_twin(np.random.default_rng(0)),
    ],
)
def test_kernels_go_one_by_one_until_one_is_left(choose: Choice) -> None:
    rng = np.random.default_rng(2)
    rows, outgoing = rng.normal(size=(6, 10)), rng.normal(size=(6, 4))

    steps = list(removals(layer(rows.tolist(), outgoing.tolist()), choose))

    kept = kept_after(6, [removal for removal, _ in steps])
    assert len({removal.dropped for removal, _ in steps}) == 5
    assert len(kept) == 1
    sending = np.flatnonzero(np.abs(steps[-1][1].outgoing).sum(axis=1))
    assert sending.tolist() == kept


def test_without_a_twin_outgoing_weights_are_lost() -> None:
    removal, after = next(removals(TWINS, random_without_twin(np.random.default_rng(0))))

    expected = TWINS.outgoing.copy()
    expected[removal.dropped] = 0
    np.testing.assert_array_equal(after.outgoing, expected)


def test_a_random_kernel_is_folded_into_the_most_similar_one() -> None:
    twins = {0: {1, 2}, 1: {2}, 2: {1}}

    found = [next(removals(TWINS, random_first(np.random.default_rng(s))))[0] for s in range(20)]

    assert {removal.dropped for removal in found} == {0, 1, 2}
    assert all(removal.twin in twins[removal.dropped] for removal in found)
