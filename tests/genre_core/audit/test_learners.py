"""Learners on embeddings: leaks are found again, and the prior neither helps nor hinders."""

import zlib
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from genre_core.audit.label_permutation import check_by_fragment, check_by_song
from genre_core.audit.learners import (
    Fit,
    Learner,
    head_of_songs,
    head_of_windows,
    nearest_neighbour,
)
from genre_core.audit.leave_one_source_out import check_leave_one_source_out
from genre_core.audit.rules import AuditConfig, Check, Level
from genre_core.audit.songs import AuditedSong, name_recordings
from genre_core.examples import Examples, Float32Array
from genre_core.records import Split
from tests.genre_core.audit.conftest import make_library, make_song, of_split

CONFIG = AuditConfig()
GENRES = ("jazz", "rock")
N_WINDOWS, N_FEATURES, N_TAGS = 6, 60, 2
PRIOR = np.eye(N_TAGS, dtype=np.float32)
"""The first tag speaks for jazz, the second for rock."""
NO_PRIOR = np.zeros_like(PRIOR)


def make_embeddings(
    songs: Sequence[AuditedSong], copies: Mapping[str, AuditedSong] | None = None
) -> Examples:
    """Six windows a song: features around a place of its own, then tag logits of its genre.

    The songs of ``copies`` have the place of those that they copy.
    """
    rng = np.random.default_rng(3)
    windows = []
    for song in songs:
        place = _place((copies or {}).get(song.track_id, song).track_id)
        features = place + rng.normal(0, 0.7, (N_WINDOWS, N_FEATURES))
        logits = np.eye(N_TAGS)[GENRES.index(song.genre)] + rng.normal(0, 0.2, (N_WINDOWS, N_TAGS))
        windows.append(np.hstack([features, 4 * logits]))
    return Examples(
        matrices=np.concatenate(windows).astype(np.float32)[..., None],
        labels=np.repeat([GENRES.index(song.genre) for song in songs], N_WINDOWS),
        track_ids=np.repeat(np.array([song.track_id for song in songs], object), N_WINDOWS),
    )


def _place(name: str) -> np.ndarray:
    return np.random.default_rng(zlib.crc32(name.encode())).normal(0, 1, N_FEATURES)


def head(songs: Sequence[AuditedSong], prior: Float32Array) -> Fit:
    return head_of_songs({song.track_id: song.group_id for song in songs}, prior, 2)


def learner(name: str, fit: Fit, examples: Examples, n_draws: int) -> Learner:
    return Learner(name=name, fit=fit, examples=examples, n_draws=n_draws)


def by_song(songs: list[AuditedSong], copies: dict[str, AuditedSong]) -> Check:
    """Permute labels with the nearest neighbour, and the head beside it."""
    examples = make_embeddings(songs, copies)
    learners = [
        learner("a nearest neighbour", nearest_neighbour(2), examples, 100),
        learner("the head without its prior", head(songs, NO_PRIOR), examples, 5),
    ]
    pairs = [(track_id, song.track_id) for track_id, song in copies.items()]
    return check_by_song(learners, songs, name_recordings(songs, pairs), 2, CONFIG)


def test_copies_of_training_songs_are_found_by_both_learners() -> None:
    songs = make_library(40)
    pairs = zip(of_split(songs, Split.TEST)[:12], of_split(songs, Split.TRAIN), strict=False)

    check = by_song(songs, {copy.track_id: song for copy, song in pairs})

    (beside,) = check.details["beside"]  # type: ignore[misc]
    assert check.level is Level.FAIL
    assert check.value == pytest.approx(12 / 24 + 12 / 24 / 2, abs=0.1)
    assert beside["interval"][0] > 0.5


def test_tags_that_name_the_genre_are_no_leak_of_permuted_labels() -> None:
    check = by_song(make_library(40), {})

    (beside,) = check.details["beside"]  # type: ignore[misc]
    assert check.level is Level.PASS
    assert beside["interval"][0] <= 0.5 <= beside["interval"][1]


def test_fragments_on_both_sides_are_found_by_both_learners() -> None:
    songs = make_library(20)
    examples = make_embeddings(songs)
    learners = [
        learner("a nearest neighbour", nearest_neighbour(2), examples, 10),
        learner("the head without its prior", head_of_windows(N_TAGS, 2), examples, 3),
    ]

    check = check_by_fragment(learners, songs, name_recordings(songs, []), 2, CONFIG)

    (beside,) = check.details["beside"]  # type: ignore[misc]
    assert check.level is Level.PASS
    assert check.value is not None
    assert check.value > 0.95
    assert beside["interval"][0] > 0.6


def test_a_head_with_a_prior_predicts_sources_that_its_features_do_not_know() -> None:
    songs = [
        make_song(100 * site + n, genre, location=f"https://site{site}.example/{genre}/{n}.mp3")
        for site in range(10)
        for genre in GENRES
        for n in range(3)
    ]
    site_of = {song.track_id: song.location.split("/")[2] + song.genre for song in songs}
    places = {
        song.track_id: make_song(0, "jazz", track_id=site_of[song.track_id]) for song in songs
    }
    examples = make_embeddings(songs, places)
    learners = [
        learner("the head", head(songs, PRIOR), examples, 1),
        learner("the head without its prior", head(songs, NO_PRIOR), examples, 1),
    ]

    check = check_leave_one_source_out(learners, songs, CONFIG)

    (beside,) = check.details["beside"]  # type: ignore[misc]
    assert (check.level, check.value) == (Level.PASS, 1.0)
    assert beside["value"] < 0.8
    assert f"the head without its prior {beside['value']:.2f}" in check.message


def test_windows_of_a_song_are_predicted_alike_by_a_head_of_songs() -> None:
    songs = make_library(10)
    examples = make_embeddings(songs)

    probabilities = head(songs, PRIOR)(examples, examples, 0)

    by_song = probabilities.reshape(len(songs), N_WINDOWS, 2)
    assert probabilities.dtype == np.float32
    np.testing.assert_array_equal(by_song, by_song[:, :1].repeat(N_WINDOWS, axis=1))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
