"""Which songs should be labelled next; batches small enough to be chosen by hand."""

import numpy as np
import pytest

from genre_core.dataset.proposals import Pool, propose_songs, uncertainty_of
from genre_core.examples import Float32Array

NONE = np.empty((0, 1), np.float32)


def at(*places: float) -> Float32Array:
    """Songs on a line."""
    return np.array(places, np.float32)[:, None]


def pool(*places: float, artists: str = "", uncertainty: tuple[float, ...] = ()) -> Pool:
    """Songs on a line; a letter an artist, a dot for one that is unknown."""
    names = [name.strip(".") for name in artists or "." * len(places)]
    unsure = np.array(uncertainty or [0.0] * len(places), np.float32)
    return Pool(features=at(*places), uncertainty=unsure, artists=names)


def chosen(pool: Pool, labelled: Float32Array, n: int, n_genres: int = 1) -> list[int]:
    return [proposal.index for proposal in propose_songs(pool, labelled, n_genres, n)]


def test_entropy_is_zero_where_certain_and_one_where_nothing_is_known() -> None:
    rows = np.array([[1, 0, 0, 0], [0.25, 0.25, 0.25, 0.25], [0.5, 0.5, 0, 0]], np.float32)

    assert uncertainty_of(rows) == pytest.approx([0, 1, 0.5], abs=1e-5)


def test_the_middle_of_a_cluster_that_nobody_labelled_comes_first() -> None:
    # to 10: 10 + 9 + 8 nearer by 9, 10 and 9 each; the lone song at 20 brings itself alone 20
    found = propose_songs(pool(1, 9, 10, 11, 20), at(0), 1, 2)

    assert [proposal.index for proposal in found] == [2, 4]
    assert [proposal.distance for proposal in found] == [10, 20]
    assert [proposal.n_similar for proposal in found] == [4, 1]
    assert [proposal.is_unlike for proposal in found] == [False, True]


def test_near_neighbours_are_not_both_chosen() -> None:
    assert chosen(pool(9.9, 10, 10.1, -9), at(0), 2) == [1, 3]


def test_without_labelled_songs_the_pool_alone_is_covered() -> None:
    found = propose_songs(pool(0, 1, 2, 30), NONE, 0, 2)

    assert [proposal.index for proposal in found] == [1, 3]
    assert all(np.isinf(proposal.distance) for proposal in found)


def test_no_artist_takes_more_than_a_quarter_while_others_are_left() -> None:
    by_one = pool(10, 20, 30, 40, 1, 2, 3, artists="aaaabcd")

    assert set(chosen(by_one, at(0), 4)) > {4, 5, 6}
    assert len(chosen(by_one, at(0), 7)) == 7


def test_songs_of_unknown_artists_are_no_artist() -> None:
    assert chosen(pool(10, -20, 1), at(0), 2) == [1, 0]


def test_uncertainty_decides_between_songs_only_once_there_are_labels() -> None:
    unsure = pool(-10, 10.5, uncertainty=(1.0, 0.0))

    assert chosen(unsure, at(0), 1) == [1]
    assert chosen(unsure, at(*[0.0] * 20), 1) == [0]


def test_a_pool_that_is_smaller_than_the_batch_is_proposed_whole() -> None:
    assert sorted(chosen(pool(1, 2), at(0), 9)) == [0, 1]
    assert propose_songs(pool(), at(0), 1, 9) == []
