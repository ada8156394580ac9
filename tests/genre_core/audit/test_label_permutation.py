"""Label permutation: labels are assigned fairly, and score at chance unless the split leaks."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from genre_core.audit.label_permutation import (
    check_by_fragment,
    check_by_song,
    level_by_song,
    permute_labels,
    shrink,
    splits_by_fragment,
    subsample_examples,
    subsample_songs,
)
from genre_core.audit.learners import Fit
from genre_core.audit.rules import AuditConfig, Check, Level
from genre_core.audit.songs import AuditedSong, name_recordings
from genre_core.evaluation.bootstrap import Interval
from genre_core.examples import Examples, Float32Array
from genre_core.records import Split
from tests.genre_core.audit.conftest import (
    make_examples,
    make_library,
    of_split,
    one_learner,
    own_centre,
)

CONFIG = AuditConfig()


def always_first(train: Examples, scored: Examples, seed: int) -> Float32Array:
    """Predict the first of two genres: half of the labels that are assigned in equal numbers."""
    return np.tile(np.array([1, 0], np.float32), (len(scored), 1))


def by_song(
    songs: list[AuditedSong],
    fit: Fit,
    copy_of: dict[str, str] | None = None,
    n_draws: int = 200,
    config: AuditConfig = CONFIG,
) -> Check:
    """Permute labels where the songs of ``copy_of`` sound like those that they copy."""
    by_id, copy_of = {song.track_id: song for song in songs}, copy_of or {}
    examples = make_examples(
        songs, lambda song: own_centre(by_id[copy_of.get(song.track_id, song.track_id)])
    )
    recordings = name_recordings(songs, list(copy_of.items()))
    return check_by_song(one_learner(examples, fit, n_draws), songs, recordings, 2, config)


def test_each_subset_gets_each_label_equally_often() -> None:
    songs = make_library(20)

    labels = permute_labels(songs, name_recordings(songs, []), 2, np.random.default_rng(0))

    counts = Counter((song.split, labels[song.track_id]) for song in songs)
    sizes = {Split.TRAIN: 14, Split.VALIDATION: 2, Split.TEST: 4}
    assert counts == {(split, label): n for split, n in sizes.items() for label in (0, 1)}


def test_the_remainder_goes_to_each_genre_equally_often() -> None:
    songs = of_split(make_library(10), Split.TEST)[:1]
    recordings, rng = name_recordings(songs, []), np.random.default_rng(0)

    labels = [permute_labels(songs, recordings, 3, rng)[songs[0].track_id] for _ in range(3000)]

    assert np.bincount(labels) / 3000 == pytest.approx([1 / 3] * 3, abs=0.03)


def test_duplicates_of_one_recording_get_one_label() -> None:
    songs = make_library(10)
    ids = [songs[at].track_id for at in (0, 9, 19)]
    recordings = name_recordings(songs, [(ids[0], ids[1]), (ids[1], ids[2])])
    rng = np.random.default_rng(0)

    permuted = [permute_labels(songs, recordings, 2, rng) for _ in range(20)]

    assert all(len({labels[track_id] for track_id in ids}) == 1 for labels in permuted)


def test_a_split_by_fragment_has_seventy_of_a_hundred_in_training() -> None:
    examples = make_examples(make_library(10), own_centre)

    splits = splits_by_fragment(examples, np.random.default_rng(0))

    assert Counter(splits) == {Split.TRAIN: 84, Split.VALIDATION: 18, Split.TEST: 18}


def test_duplicates_are_subsampled_together() -> None:
    songs = make_library(10)
    one, other = songs[2].track_id, songs[15].track_id
    recordings = name_recordings(songs, [(one, other)])

    orders = [
        [song.track_id for song in subsample_songs(songs, recordings, 20, seed)]
        for seed in range(8)
    ]

    assert {abs(order.index(one) - order.index(other)) for order in orders} == {1}
    assert len(subsample_songs(songs, recordings, 7, 0)) == 7


def test_each_song_keeps_its_first_fragments() -> None:
    examples = make_examples(make_library(10), own_centre)

    kept = subsample_examples(examples, 2)

    assert set(Counter(kept.track_ids.tolist()).values()) == {2}
    np.testing.assert_array_equal(kept.matrices[:2], examples.matrices[:2])


def test_large_matrices_are_averaged_over_frames() -> None:
    matrices = np.arange(2 * 1024 * 9, dtype=np.float32).reshape(2, 1024, 9)

    small = shrink(matrices)

    assert small.shape == (2, 1024, 3)
    np.testing.assert_allclose(small[0, 0], [1, 4, 7])


@pytest.mark.parametrize("seed", range(4))
def test_permuted_labels_are_at_chance_on_a_split_by_song(memorise: Fit, seed: int) -> None:
    check = by_song(make_library(40), memorise, config=replace(CONFIG, seed=seed))

    assert (check.level, check.chance) == (Level.PASS, 0.5)
    assert check.interval is not None
    assert check.interval.low <= 0.5 <= check.interval.high
    assert (check.details["n_draws"], check.details["n_scored_songs"]) == (200, 24)


def test_duplicates_of_training_songs_in_the_test_split_fail(memorise: Fit) -> None:
    songs = make_library(40)
    pairs = zip(of_split(songs, Split.TEST)[:12], of_split(songs, Split.TRAIN), strict=False)

    check = by_song(songs, memorise, {a.track_id: b.track_id for a, b in pairs})

    assert check.level is Level.FAIL
    assert check.value == pytest.approx(12 / 24 + 12 / 24 / 2, abs=0.12)
    assert check.interval is not None
    assert check.interval.low > 0.5
    assert "Only a leak between the subsets explains that" in check.message


def test_duplicates_within_a_subset_are_no_leak(memorise: Fit) -> None:
    songs = make_library(40)
    test = [song.track_id for song in of_split(songs, Split.TEST)]

    check = by_song(songs, memorise, dict(zip(test[:8], test[8:], strict=True)))

    assert check.level is Level.PASS


def test_a_subset_without_songs_cannot_be_tested(memorise: Fit) -> None:
    check = by_song([s for s in make_library(10) if s.split != Split.TEST], memorise)

    assert (check.level, check.value) == (Level.INCONCLUSIVE, None)
    assert check.message == "cannot be tested: no song of the snapshot is left for test."


def test_few_predictions_that_could_hide_a_leak_are_inconclusive() -> None:
    check = by_song(make_library(30), always_first, n_draws=3)

    assert (check.level, check.value) == (Level.INCONCLUSIVE, 0.5)
    assert check.interval is not None
    assert check.interval.high >= check.details["score_with_leak"]  # type: ignore[operator]


def test_the_score_with_a_leak_is_chance_and_a_share_of_what_is_above(memorise: Fit) -> None:
    config = replace(CONFIG, leak_share=0.3)

    check = by_song(make_library(10), memorise, n_draws=1, config=config)

    assert check.details["score_with_leak"] == pytest.approx(0.65)


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

    assert level_by_song(score, chance=0.5, with_leak=0.55) is level


def test_the_first_learner_memorises_a_split_by_fragment_and_the_others_are_beside_it(
    memorise: Fit,
) -> None:
    songs = make_library(20)
    examples = make_examples(songs, own_centre)
    learners = [*one_learner(examples, memorise), *one_learner(examples, always_first)]

    check = check_by_fragment(learners, songs, name_recordings(songs, []), 2, CONFIG)

    (beside,) = check.details["beside"]  # type: ignore[misc]
    assert check.level is Level.PASS
    assert check.value is not None
    assert check.value > 0.95
    assert beside["value"] == pytest.approx(0.5, abs=0.05)
    assert f"Beside it: a learner {beside['value']:.2f}" in check.message


def test_songs_that_sound_alike_leave_the_control_inconclusive(memorise: Fit) -> None:
    songs = make_library(5)
    songs[1:3] = [replace(songs[1], split=Split.VALIDATION), replace(songs[2], split=Split.TEST)]
    learners = one_learner(make_examples(songs, lambda song: own_centre(songs[0])), memorise)

    check = check_by_fragment(learners, songs, name_recordings(songs, []), 2, CONFIG)

    assert check.level is Level.INCONCLUSIVE
