"""Which songs a library has."""

from collections import Counter
from inspect import signature
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.catalogue import list_songs, list_unseen, share_songs, song_generator
from demo.compose import compose
from demo.library import make_library
from demo.names import artist_names
from genre_core.dataset.golden import GoldenConfig
from genre_core.dataset.groups import Candidate
from genre_core.dataset.splits import SHARES, assign

SONG_S = (121.0, 126.0)


def test_nine_songs_are_shared_by_four_artists_unequally() -> None:
    assert share_songs(9) == (3, 2, 2, 2)


@given(st.integers(1, 200))
def test_every_song_has_an_artist_and_no_artist_has_more_than_three(n_songs: int) -> None:
    sizes = share_songs(n_songs)

    assert sum(sizes) == n_songs
    assert 1 <= min(sizes) <= max(sizes) <= 3


def test_a_library_of_nine_songs_a_genre_has_them_within_the_lengths() -> None:
    songs = list_songs(0, 9, SONG_S)

    assert set(Counter(song.genre for song in songs).values()) == {9}
    assert len({song.path for song in songs}) == 54
    assert all(121.0 <= song.duration_s <= 126.0 for song in songs)


@pytest.mark.parametrize("split_seed", [0, 1, 2])
def test_every_genre_has_two_songs_or_more_in_every_subset(split_seed: int) -> None:
    songs = list_songs(0, signature(make_library).parameters["songs_per_genre"].default, SONG_S)
    candidates = [
        Candidate(track_id=song.path, genre=song.genre, artists=(song.artist.name,))
        for song in songs
    ]

    plan = assign(candidates, {}, split_seed, GoldenConfig())

    n_songs = Counter((one.genre, one.split) for one in plan.assignments)
    assert set(n_songs) == set(product({song.genre for song in songs}, SHARES))
    assert min(n_songs.values()) == 2


def test_no_artist_plays_in_two_genres() -> None:
    pairs = {(song.artist.name, song.genre) for song in list_songs(0, 9, SONG_S)}

    assert len(pairs) == len({name for name, _ in pairs}) == 24


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_unseen_artists_do_not_occur_in_the_library(seed: int) -> None:
    known = {song.artist.name for song in list_songs(seed, 9, SONG_S)}
    unseen = list_unseen(seed, 9, SONG_S)

    assert known.isdisjoint(song.artist.name for song in unseen)
    assert len({song.genre for song in unseen}) == 6


def test_bit_rates_are_mixed_alike_in_every_genre() -> None:
    songs = list_songs(0, 9, SONG_S)

    genres = {song.genre for song in songs}
    mixtures = [Counter(song.bit_rate for song in songs if song.genre == genre) for genre in genres]
    assert all(mixture == mixtures[0] for mixture in mixtures)
    assert len(mixtures[0]) == 4


@pytest.mark.parametrize("seed", [0, 1])
def test_tempos_of_the_genres_overlap(seed: int) -> None:
    tempos: dict[str, list[float]] = {}
    for song in list_songs(seed, 9, SONG_S):
        score = compose(song.artist, song.duration_s, song_generator(song))
        tempos.setdefault(song.genre, []).append(score.tempo_bpm)

    ranges = sorted((np.min(bpm), np.max(bpm)) for bpm in tempos.values())
    assert max(slowest for slowest, _ in ranges) < min(fastest for _, fastest in ranges)
    assert all(later[0] < earlier[1] for earlier, later in pairwise(ranges))


def test_more_artists_than_names_are_refused() -> None:
    with pytest.raises(ValueError, match="Ask for fewer"):
        artist_names(1_000_000, np.random.default_rng(0))
