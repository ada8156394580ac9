"""Permuted labels score at chance, unless the split leaks."""

from dataclasses import replace

import numpy as np
import pytest

from genre_core.audit.label_permutation import check_by_fragment, check_by_song
from genre_core.audit.learners import Fit
from genre_core.audit.rules import AuditConfig, Check, Level
from genre_core.audit.songs import AuditedSong, name_recordings
from genre_core.examples import Examples, Float32Array
from genre_core.records import Split
from tests.genre_core.audit.conftest import (
    make_examples,
    make_library,
    one_learner,
    own_centre,
)

CONFIG = AuditConfig()


def by_song(songs: list[AuditedSong], fit: Fit, copy_of: dict[str, str]) -> Check:
    """Score random labels where the songs of ``copy_of`` sound like those that they copy."""
    by_id = {song.track_id: song for song in songs}
    examples = make_examples(
        songs, lambda song: own_centre(by_id[copy_of.get(song.track_id, song.track_id)])
    )
    recordings = name_recordings(songs, list(copy_of.items()))
    return check_by_song(one_learner(examples, fit, 200), songs, recordings, 2, CONFIG)


@pytest.mark.parametrize("seed", range(4))
def test_random_labels_are_at_chance_on_a_split_by_song(memorise: Fit, seed: int) -> None:
    songs = make_library(40)
    examples = make_examples(songs, own_centre)

    learners = one_learner(examples, memorise, 200)
    check = check_by_song(
        learners, songs, name_recordings(songs, []), 2, replace(CONFIG, seed=seed)
    )

    assert check.chance == 0.5
    assert check.interval is not None
    assert check.interval.low <= 0.5 <= check.interval.high
    assert check.level is Level.PASS
    assert (check.details["n_draws"], check.details["n_scored_songs"]) == (200, 24)


def test_copies_of_training_songs_in_the_test_split_fail(memorise: Fit) -> None:
    songs = make_library(40)
    test = [song for song in songs if song.split == Split.TEST]
    train = [song for song in songs if song.split == Split.TRAIN]
    copies = {a.track_id: b.track_id for a, b in zip(test[:12], train, strict=False)}

    check = by_song(songs, memorise, copies)

    assert check.level is Level.FAIL
    assert check.value == pytest.approx(12 / 24 + 12 / 24 / 2, abs=0.12)
    assert check.interval is not None
    assert check.interval.low > 0.5
    assert "Only a leak between the subsets explains that" in check.message


def test_copies_within_a_side_are_no_leak(memorise: Fit) -> None:
    songs = make_library(40)
    test = [song.track_id for song in songs if song.split == Split.TEST]

    check = by_song(songs, memorise, dict(zip(test[:8], test[8:], strict=True)))

    assert check.level is Level.PASS


def test_the_same_labels_are_memorised_on_a_split_by_fragment(memorise: Fit) -> None:
    songs = make_library(20)
    examples = make_examples(songs, own_centre)

    check = check_by_fragment(
        one_learner(examples, memorise), songs, name_recordings(songs, []), 2, CONFIG
    )

    assert check.level is Level.PASS
    assert check.value is not None
    assert check.value > 0.95


def test_songs_that_sound_alike_leave_the_control_inconclusive(memorise: Fit) -> None:
    songs = make_library(5)
    songs[1:3] = [replace(songs[1], split=Split.VALIDATION), replace(songs[2], split=Split.TEST)]
    examples = make_examples(songs, lambda song: own_centre(songs[0]))

    check = check_by_fragment(
        one_learner(examples, memorise), songs, name_recordings(songs, []), 2, CONFIG
    )

    assert check.level is Level.INCONCLUSIVE


def test_a_side_without_songs_cannot_be_tested(memorise: Fit) -> None:
    songs = [song for song in make_library(10) if song.split != Split.TEST]

    check = by_song(songs, memorise, {})

    assert (check.level, check.value) == (Level.INCONCLUSIVE, None)
    assert check.message == ("cannot be tested: no song of the snapshot is left for test.")


def always_first(train: Examples, scored: Examples, seed: int) -> Float32Array:
    """Predict the first of two genres: half of the labels that are assigned in equal numbers."""
    return np.tile(np.array([1, 0], np.float32), (len(scored), 1))


def test_few_judgements_that_could_hide_a_leak_are_inconclusive() -> None:
    songs = make_library(30)
    learners = one_learner(make_examples(songs, own_centre), always_first, 3)

    check = check_by_song(learners, songs, name_recordings(songs, []), 2, CONFIG)

    assert (check.level, check.value) == (Level.INCONCLUSIVE, 0.5)
    assert check.interval is not None
    assert check.interval.high >= check.details["score_with_leak"]  # type: ignore[operator]


def test_the_score_with_a_leak_is_chance_and_a_share_of_what_is_above(memorise: Fit) -> None:
    songs = make_library(10)
    learners = one_learner(make_examples(songs, own_centre), memorise, 1)
    config = replace(CONFIG, leak_share=0.3)

    check = check_by_song(learners, songs, name_recordings(songs, []), 2, config)

    assert check.details["score_with_leak"] == pytest.approx(0.65)


def test_the_first_learner_decides_and_the_others_stand_beside_it(memorise: Fit) -> None:
    songs = make_library(20)
    examples = make_examples(songs, own_centre)
    learners = [*one_learner(examples, memorise), *one_learner(examples, always_first)]

    check = check_by_fragment(learners, songs, name_recordings(songs, []), 2, CONFIG)

    (beside,) = check.details["beside"]  # type: ignore[misc]
    assert check.level is Level.PASS
    assert beside["value"] == pytest.approx(0.5, abs=0.05)
    assert f"Beside it: a learner {beside['value']:.2f}" in check.message
