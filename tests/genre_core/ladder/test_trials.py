"""Trials of the rungs, with a learner that memorises its examples."""

from collections import Counter

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from genre_core.audit.songs import AuditedSong, name_recordings
from genre_core.examples import Examples, Float32Array, Int64Array
from genre_core.studies.ladder.rungs import RUNGS, Labels, LadderConfig
from genre_core.studies.ladder.scores import (
    LadderTrial,
    TrialCounts,
    permute_labels,
    reshuffled_order,
    run_trial,
)
from genre_core.training.rules import Learn, fixed_order
from tests.genre_core.audit.conftest import (
    N_FRAGMENTS,
    make_examples,
    make_library,
    make_song,
    own_centre,
)

CONFIG = LadderConfig(epochs=6, n_folds=4)
SONGS = make_library(60)


def memorise(
    examples: Examples, order: Int64Array, matrices: Float32Array, seed: int
) -> Float32Array:
    """Predict for each matrix the label of the nearest example that was trained on."""
    rows = np.unique(order)
    flat = examples.matrices.reshape(len(examples), -1)
    nearest = KNeighborsClassifier(1).fit(flat[rows], examples.labels[rows])
    return np.eye(2, dtype=np.float32)[nearest.predict(matrices.reshape(len(matrices), -1))]


def learn_with(learn: Learn, songs: list[AuditedSong], number: int, labels: Labels) -> TrialCounts:
    """Run the trial of a rung with seed 3, all of whose songs have a centre of their own."""
    trial = LadderTrial(rung=RUNGS[number], labels=labels, seed=3)
    recordings, examples = name_recordings(songs, []), make_examples(songs, own_centre)
    return run_trial(examples, songs, recordings, trial, CONFIG, learn)


def count(number: int, labels: Labels) -> TrialCounts:
    return learn_with(memorise, SONGS, number, labels)


def share(counts: TrialCounts) -> float:
    return sum(counts.n_right) / sum(counts.n_predicted)


def test_after_five_reshuffled_epochs_nearly_all_examples_were_trained_on() -> None:
    order = reshuffled_order(10_000, 0.7, 5, np.random.default_rng(0))

    assert order.shape == (5, 7000)
    assert len(np.unique(order)) >= 9900
    assert all(len(np.unique(epoch)) == 7000 for epoch in order)


def test_a_fixed_split_trains_on_its_own_examples_in_a_new_order_each_epoch() -> None:
    rows = np.array([1, 4, 5, 9, 12, 13, 20, 21])

    order = fixed_order(rows, 3, np.random.default_rng(0))

    assert np.array_equal(np.sort(order, axis=1), np.tile(rows, (3, 1)))
    assert not np.array_equal(order[0], order[1])


@pytest.mark.parametrize("number", [0, 1, 5])
def test_random_labels_come_out_right_where_fragments_of_a_song_are_in_all_folds(
    number: int,
) -> None:
    assert share(count(number, Labels.RANDOM)) > 0.95


@pytest.mark.parametrize("number", [6, 7])
def test_random_labels_come_out_at_chance_where_whole_songs_are_held_out(number: int) -> None:
    counts = count(number, Labels.RANDOM)

    # 120 songs that are right with probability 1/2: four standard deviations are 0.18
    assert abs(share(counts) - 0.5) < 0.18
    assert abs(np.mean(counts.song_right) - 0.5) < 0.18


@pytest.mark.parametrize("number", range(8))
def test_every_fragment_is_scored_once_on_every_rung(number: int) -> None:
    counts = count(number, Labels.TRUE)

    assert counts.track_ids == tuple(sorted(song.track_id for song in SONGS))
    assert set(counts.n_predicted) == {N_FRAGMENTS}
    assert len(counts.song_right) == (len(SONGS) if RUNGS[number].by_song else 0)


@pytest.mark.parametrize(("number", "shape"), [(2, (3, 2)), (3, (2, 3))])
def test_recurrence_over_frequency_reads_the_transposed_matrix(
    number: int, shape: tuple[int, int]
) -> None:
    seen = []

    def learn(
        examples: Examples, order: Int64Array, matrices: Float32Array, seed: int
    ) -> Float32Array:
        seen.append((examples.matrices.shape[1:], matrices.shape[1:]))
        return memorise(examples, order, matrices, seed)

    learn_with(learn, make_library(8), number, Labels.TRUE)

    assert set(seen) == {(shape, shape)}


def test_rungs_of_one_seed_share_their_folds_and_random_labels() -> None:
    seen = []

    def learn(known: Examples, order: Int64Array, scored: Float32Array, seed: int) -> Float32Array:
        seen.append((known.labels.tolist(), order.tolist()))
        return memorise(known, order, scored, seed)

    for number in (1, 5):
        learn_with(learn, make_library(8), number, Labels.RANDOM)

    assert len(seen) == 2 * CONFIG.n_folds
    assert seen[: CONFIG.n_folds] == seen[CONFIG.n_folds :]


def test_random_labels_are_assigned_evenly_in_each_fold_and_once_a_recording() -> None:
    songs = make_library(10)
    recordings = {**name_recordings(songs, []), songs[1].track_id: songs[0].track_id}
    folds = {song.track_id: number % 5 // 2 for number, song in enumerate(songs)}
    folds[songs[1].track_id] = folds[songs[0].track_id]

    labels = permute_labels(recordings, folds, 2, np.random.default_rng(0))

    assert labels[songs[0].track_id] == labels[songs[1].track_id]
    distinct = {recordings[t]: (folds[t], label) for t, label in labels.items()}
    counted = Counter(distinct.values())
    assert all(abs(counted[fold, 0] - counted[fold, 1]) <= 1 for fold in set(folds.values()))


def test_songs_that_are_never_scored_are_trained_on_in_every_fold() -> None:
    songs = [*make_library(8), *(make_song(n, "pop", artist="Emil") for n in range(3))]
    trained = []

    def learn(known: Examples, order: Int64Array, scored: Float32Array, seed: int) -> Float32Array:
        trained.append(set(known.track_ids[np.unique(order)]))
        return np.tile(np.float32([1, 0, 0]), (len(scored), 1))

    counts = learn_with(learn, songs, 7, Labels.TRUE)

    pop = {song.track_id for song in songs if song.genre == "pop"}
    assert all(pop <= known for known in trained)
    assert pop.isdisjoint(counts.track_ids)
