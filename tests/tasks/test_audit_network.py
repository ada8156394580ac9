"""Permuted labels with the small network of the audit itself: it memorises, and finds leaks."""

import pytest

from genre_core.audit.label_permutation import check_by_fragment, check_by_song
from genre_core.audit.rules import AuditConfig, Check, Level
from genre_core.audit.songs import AuditedSong, name_recordings
from genre_core.records import Split
from tasks.audit_learners import memorising_learner
from tests.genre_core.audit.conftest import (
    make_examples,
    make_library,
    one_learner,
    own_centre,
)

pytestmark = pytest.mark.keras

CONFIG = AuditConfig()


def on(songs: list[AuditedSong], side: Split) -> list[AuditedSong]:
    return [song for song in songs if song.split == side]


def by_song(songs: list[AuditedSong], copies: dict[str, AuditedSong]) -> Check:
    """Score random labels where the songs of ``copies`` sound like those that they copy."""
    examples = make_examples(songs, lambda song: own_centre(copies.get(song.track_id, song)))
    pairs = [(track_id, song.track_id) for track_id, song in copies.items()]
    recordings = name_recordings(songs, pairs)
    learners = one_learner(examples, memorising_learner(CONFIG, 2), CONFIG.n_draws)
    return check_by_song(learners, songs, recordings, 2, CONFIG)


def test_the_small_network_finds_copies_of_training_songs_among_the_test_songs() -> None:
    songs = make_library(40)
    pairs = zip(on(songs, Split.TEST)[:12], on(songs, Split.TRAIN), strict=False)

    check = by_song(songs, {copy.track_id: song for copy, song in pairs})

    assert check.level is Level.FAIL
    assert check.interval is not None
    assert check.interval.low > 0.5


def test_the_small_network_is_at_chance_where_no_song_stands_on_two_sides() -> None:
    check = by_song(make_library(40), {})

    assert check.level in (Level.PASS, Level.INCONCLUSIVE)
    assert check.value == pytest.approx(0.5, abs=0.12)


def test_the_small_network_memorises_songs_where_fragments_are_split() -> None:
    songs = make_library(40)
    examples, recordings = make_examples(songs, own_centre), name_recordings(songs, [])

    learners = one_learner(examples, memorising_learner(CONFIG, 2), CONFIG.n_draws)

    check = check_by_fragment(learners, songs, recordings, 2, CONFIG)

    assert check.level is Level.PASS
    assert check.value is not None
    assert check.value > 0.8
