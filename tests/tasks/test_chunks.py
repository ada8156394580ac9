"""Chunks: how songs are cut into tasks, and tasks into waves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.engine import cut_chunks, waves
from storage.catalog.fingerprints import SONGS_PER_SEARCH


@pytest.mark.parametrize(
    ("n_songs", "sizes"),
    [
        (0, []),
        (1, [1]),
        (5, [1, 1, 1, 1, 1]),
        (8, [1] * 8),
        (9, [2, 2, 2, 2, 1]),
        (130, [17] * 7 + [11]),
        (512, [64] * 8),
        (513, [64] * 8 + [1]),
    ],
)
def test_a_wave_is_eight_equal_chunks_of_64_songs_at_most(n_songs: int, sizes: list[int]) -> None:
    chunks = cut_chunks(range(n_songs))

    assert [len(chunk) for chunk in chunks] == sizes


@given(st.integers(0, 2000))
def test_every_song_is_in_one_chunk_and_the_order_stays(n_songs: int) -> None:
    chunks = cut_chunks(range(n_songs))

    assert [song for chunk in chunks for song in chunk] == list(range(n_songs))


def test_a_large_library_comes_in_waves_of_eight_chunks() -> None:
    sizes = [[len(chunk) for chunk in wave] for wave in waves(range(1000))]

    assert sizes == [[64] * 8, [64] * 7 + [40]]


def test_the_songs_of_a_wave_are_looked_up_by_one_search() -> None:
    largest = sum(len(chunk) for chunk in next(waves(range(1000))))

    assert largest == SONGS_PER_SEARCH


def test_no_songs_give_no_wave() -> None:
    assert list(waves([])) == []


def test_a_cluster_has_larger_waves_so_that_every_worker_has_a_chunk() -> None:
    sizes = [[len(chunk) for chunk in wave] for wave in waves(range(3000), 40)]

    assert sizes == [[64] * 40, [64] * 6 + [56]]
