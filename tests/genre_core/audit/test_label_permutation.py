"""Random labels: dealt fairly, one a recording, and saying nothing of other sides."""

from collections import Counter

import numpy as np
import pytest

from genre_core.audit.label_permutation import (
    _level_by_song,
    permute_labels,
    shrink,
    splits_by_fragment,
    subsample_examples,
    subsample_songs,
)
from genre_core.audit.rules import Level
from genre_core.audit.songs import name_recordings
from genre_core.evaluation.bootstrap import Interval
from genre_core.records import Split
from tests.genre_core.audit.conftest import make_examples, make_library, own_centre


def test_each_side_gets_each_label_equally_often() -> None:
    songs = make_library(20)
    recordings = name_recordings(songs, [])

    labels = permute_labels(songs, recordings, 2, np.random.default_rng(0))

    counts = Counter((song.split, labels[song.track_id]) for song in songs)
    assert counts == {
        (split, label): n
        for split, n in ((Split.TRAIN, 14), (Split.VALIDATION, 2), (Split.TEST, 4))
        for label in (0, 1)
    }


def test_what_does_not_divide_goes_to_each_genre_equally_often() -> None:
    songs = [song for song in make_library(10) if song.split == Split.TEST][:1]
    recordings = name_recordings(songs, [])
    rng = np.random.default_rng(0)

    labels = [permute_labels(songs, recordings, 3, rng)[songs[0].track_id] for _ in range(3000)]

    assert np.bincount(labels) / 3000 == pytest.approx([1 / 3] * 3, abs=0.03)


def test_copies_of_one_recording_get_one_label() -> None:
    songs = make_library(10)
    pairs = [(songs[0].track_id, songs[9].track_id), (songs[9].track_id, songs[19].track_id)]
    recordings = name_recordings(songs, pairs)
    rng = np.random.default_rng(0)

    dealt = [permute_labels(songs, recordings, 2, rng) for _ in range(20)]

    assert all(
        labels[songs[0].track_id] == labels[songs[9].track_id] == labels[songs[19].track_id]
        for labels in dealt
    )


def test_a_split_by_fragment_has_seventy_of_a_hundred_in_training() -> None:
    examples = make_examples(make_library(10), own_centre)

    sides = splits_by_fragment(examples, np.random.default_rng(0))

    assert Counter(sides) == {Split.TRAIN: 84, Split.VALIDATION: 18, Split.TEST: 18}


def test_copies_are_thinned_together() -> None:
    songs = make_library(10)
    recordings = name_recordings(songs, [(songs[2].track_id, songs[15].track_id)])

    orders = [
        [song.track_id for song in subsample_songs(songs, recordings, 20, seed)]
        for seed in range(8)
    ]

    gaps = {
        abs(order.index(songs[2].track_id) - order.index(songs[15].track_id)) for order in orders
    }
    assert gaps == {1}
    assert len(subsample_songs(songs, recordings, 7, 0)) == 7


def test_each_song_keeps_its_first_fragments() -> None:
    examples = make_examples(make_library(10), own_centre)

    thinned = subsample_examples(examples, 2)

    assert set(Counter(thinned.track_ids.tolist()).values()) == {2}
    np.testing.assert_array_equal(thinned.matrices[:2], examples.matrices[:2])


def test_large_matrices_are_averaged_over_frames() -> None:
    matrices = np.arange(2 * 1024 * 9, dtype=np.float32).reshape(2, 1024, 9)

    small = shrink(matrices)

    assert small.shape == (2, 1024, 3)
    np.testing.assert_allclose(small[0, 0], [1, 4, 7])


@pytest.mark.parametrize(
    ("low", "high", "level"),
    [
        (0.51, 0.60, Level.FAIL),
        (0.40, 0.49, Level.WARN),
        (0.45, 0.54, Level.PASS),
        (0.45, 0.56, Level.INCONCLUSIVE),
    ],
)
def test_permuted_labels_pass_between_chance_and_the_score_of_a_leak_alone(
    low: float, high: float, level: Level
) -> None:
    score = Interval(value=(low + high) / 2, low=low, high=high)

    assert _level_by_song(score, chance=0.5, with_leak=0.55) is level
