"""Folds: groups stay whole, genres are spread, and what cannot be tested is named."""

from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genre_core.audit.songs import AuditedSong, name_recordings
from genre_core.studies.ladder.folds import (
    NEVER_SCORED,
    assign_fragments,
    assign_songs,
    describe_groups,
    group_songs,
)
from genre_core.studies.ladder.rungs import Division
from tests.genre_core.audit.conftest import make_library, make_song


def folds_by(songs: list[AuditedSong], division: Division, n_folds: int = 3) -> dict[str, int]:
    groups = group_songs(songs, name_recordings(songs, []), division)
    return assign_songs(songs, groups, n_folds, np.random.default_rng(1))


@given(
    st.lists(st.tuples(st.sampled_from("jrp"), st.integers(0, 6)), min_size=2, max_size=40),
    st.integers(2, 5),
)
@settings(max_examples=60, deadline=None)
def test_songs_of_one_artist_are_never_scored_in_two_folds(
    drawn: list[tuple[str, int]], n_folds: int
) -> None:
    songs = [make_song(n, genre, artist=f"artist {a}") for n, (genre, a) in enumerate(drawn)]

    folds = folds_by(songs, Division.ARTIST, n_folds)

    scored = defaultdict(set)
    for song in songs:
        scored[song.artist].add(folds[song.track_id])
    assert all(len(held - {NEVER_SCORED}) <= 1 for held in scored.values())
    assert folds.keys() == {song.track_id for song in songs}


def test_each_fold_has_as_many_songs_of_each_genre() -> None:
    songs = make_library(12)

    folds = folds_by(songs, Division.SONG)

    counts = Counter((song.genre, folds[song.track_id]) for song in songs)
    assert counts == {(genre, fold): 4 for genre in ("jazz", "rock") for fold in range(3)}


def test_duplicates_of_one_recording_are_in_one_fold() -> None:
    songs = make_library(6)
    duplicates = [(songs[0].track_id, songs[1].track_id), (songs[1].track_id, songs[2].track_id)]

    groups = group_songs(songs, name_recordings(songs, duplicates), Division.SONG)

    assert groups[songs[0].track_id] == groups[songs[1].track_id] == groups[songs[2].track_id]
    assert len(set(groups.values())) == len(songs) - 2


def test_a_source_holds_the_other_songs_of_its_artists_too() -> None:
    songs = [
        make_song(0, "jazz", album="red", artist="Ada"),
        make_song(1, "jazz", album="blue", artist="ada"),
        make_song(2, "jazz", album="green", artist="Bach"),
        make_song(3, "rock", album="one", artist="Clara"),
        make_song(4, "rock", album="two", artist="Dora"),
    ]

    groups = group_songs(songs, name_recordings(songs, []), Division.SOURCE)

    assert groups["jazz0000"] == groups["jazz0001"] != groups["jazz0002"]
    assert groups["rock0003"] != groups["rock0004"]


def test_a_genre_of_one_artist_is_trained_on_and_never_scored_and_weak_ones_are_named() -> None:
    songs = [
        *make_library(6),
        *(make_song(n, "pop", artist="Emil") for n in range(4)),
        *(make_song(n, "folk", artist=f"Finn {n % 2}") for n in range(4)),
        make_song(9, "jazz", artist=""),
    ]
    groups = group_songs(songs, name_recordings(songs, []), Division.ARTIST)

    folds = folds_by(songs, Division.ARTIST)
    described = describe_groups(songs, groups, Division.ARTIST, n_folds=5)

    assert {folds[song.track_id] for song in songs if song.genre == "pop"} == {NEVER_SCORED}
    assert NEVER_SCORED not in {folds[s.track_id] for s in songs if s.genre != "pop"}
    assert "one artist only, so trained on and not testable: pop" in described
    assert "few artists: folk 2" in described
    assert "1 of 21 songs name no artist" in described


@pytest.mark.parametrize("n_examples", [7, 100])
def test_fragments_are_assigned_to_folds_of_equal_size(n_examples: int) -> None:
    folds = assign_fragments(n_examples, 5, np.random.default_rng(0))

    sizes = np.bincount(folds, minlength=5)
    assert sizes.sum() == n_examples
    assert np.ptp(sizes) <= 1
