"""A head on made embeddings: its formula, its choices, its tags, and predictions out of fold."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from genre_core.examples import Float32Array, Int64Array
from genre_core.representations.embeddings import Embedding
from genre_core.training.head import (
    CLIP,
    FittedHead,
    fit_head,
    fit_scaler,
    predict_out_of_fold,
    softmax,
)
from genre_core.training.songs import EmbeddedSongs, label_songs
from genre_core.training.tag_prior import DEFAULT_TAGS, prior_matrix, prior_tags, unknown_tags

N_FEATURES, N_TAGS, N_GENRES = 8, 3, 3
PRIOR = np.eye(N_TAGS, N_GENRES, dtype=np.float32)


def made_songs(
    seed: int, n_songs: int = 60, feature_gap: float = 1.0, tag_gap: float = 0.0
) -> tuple[Float32Array, Int64Array, np.ndarray]:
    """Songs whose genre moves one feature and one tag by so many deviations; two songs a group."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n_songs) % N_GENRES
    values = rng.standard_normal((n_songs, N_FEATURES + N_TAGS))
    values[np.arange(n_songs), labels] += feature_gap
    values[np.arange(n_songs), N_FEATURES + labels] += tag_gap
    groups = np.array(
        [f"artist {song // (2 * N_GENRES)} {song % N_GENRES}" for song in range(n_songs)]
    )
    return values.astype(np.float32), labels, groups


def accuracy(fitted: FittedHead, labels: Int64Array) -> float:
    return float((fitted.out_of_fold.argmax(axis=1) == labels).mean())


def test_the_probabilities_are_those_of_the_formula() -> None:
    values, labels, groups = made_songs(0, tag_gap=2.0)

    fitted = fit_head(values, labels, groups, PRIOR, N_GENRES)

    deviation = np.maximum(
        values.std(0),
        0.5
        * np.r_[
            np.full(N_FEATURES, np.median(values[:, :N_FEATURES].std(0))),
            np.full(N_TAGS, np.median(values[:, N_FEATURES:].std(0))),
        ],
    )
    scaled = np.clip((values - values.mean(0)) / deviation, -3, 3)
    ridge = Ridge(alpha=fitted.penalty * N_FEATURES)
    ridge.fit(scaled[:, :N_FEATURES], np.eye(N_GENRES)[labels])
    logits = fitted.strength * scaled[:, N_FEATURES:] + ridge.predict(scaled[:, :N_FEATURES])
    expected = softmax(logits / fitted.temperature)
    np.testing.assert_allclose(fitted.head.probabilities(values), expected, atol=1e-5)


def test_a_prior_helps_where_the_tags_know_the_genre_and_the_features_do_not() -> None:
    values, labels, groups = made_songs(1, feature_gap=0.0, tag_gap=3.0)

    with_prior = fit_head(values, labels, groups, PRIOR, N_GENRES)
    without = fit_head(values, labels, groups, np.zeros_like(PRIOR), N_GENRES)

    assert accuracy(with_prior, labels) > 0.8
    assert accuracy(without, labels) < 0.6
    assert without.strength == 0.0


def test_out_of_fold_probabilities_are_as_often_right_as_they_claim() -> None:
    values, labels, groups = made_songs(3, n_songs=900, feature_gap=1.5)

    fitted = fit_head(values, labels, groups, np.zeros_like(PRIOR), N_GENRES)

    assert fitted.out_of_fold.max(axis=1).mean() == pytest.approx(
        accuracy(fitted, labels), abs=0.04
    )


def test_the_songs_of_a_group_never_help_to_predict_each_other() -> None:
    """Each group has a feature of its own, which gives its genre away."""
    rng = np.random.default_rng(4)
    labels = np.repeat(np.arange(3), 20)
    groups = np.array([f"{label} {song // 4}" for song, label in enumerate(labels)])
    one_hot = (groups[:, np.newaxis] == np.unique(groups)).astype(np.float32)
    values = np.hstack([10 * one_hot, rng.standard_normal((60, N_TAGS))]).astype(np.float32)

    fitted = fit_head(values, labels, groups, np.zeros((N_TAGS, 3), np.float32), N_GENRES)

    assert accuracy(fitted, labels) < 0.5
    assert (fitted.head.probabilities(values).argmax(axis=1) == labels).mean() > 0.9


def test_one_song_a_genre_is_enough_to_fit_and_nothing_is_known_out_of_fold() -> None:
    values, labels, groups = made_songs(5, n_songs=3, tag_gap=5.0)

    fitted = fit_head(values, labels, groups, PRIOR, N_GENRES)

    assert (fitted.strength, fitted.penalty, fitted.temperature) == (1.0, 0.3, 0.5)
    assert not fitted.is_scored.any()
    assert (fitted.head.probabilities(values).argmax(axis=1) == labels).all()


def test_a_song_whose_genre_has_no_other_group_is_not_scored_out_of_fold() -> None:
    values, labels, groups = made_songs(6)
    groups[labels == 2] = "the only artist of genre 2"

    fitted = fit_head(values, labels, groups, PRIOR, N_GENRES)

    np.testing.assert_array_equal(fitted.is_scored, labels != 2)


def test_values_are_clipped_and_those_that_hardly_move_are_not_blown_up() -> None:
    values = np.zeros((4, 3), np.float32)
    values[:, 0] = [-1, 1, -1, 1]
    values[:, 1] = [-2, 2, -2, 2]
    values[:, 2] = [0, 0.002, 0, 0.002]

    scaler = fit_scaler(values, n_features=3)

    np.testing.assert_allclose(scaler.deviation, [1, 2, 0.5])
    assert scaler.scale(np.array([[100, 0, 0]], np.float32))[0, 0] == CLIP


def test_if_all_songs_are_trusted_the_predictions_are_those_of_the_fit() -> None:
    values, labels, groups = made_songs(7, tag_gap=1.0)

    predicted = predict_out_of_fold(values, labels, groups, PRIOR, np.ones(len(labels), bool))

    fitted = fit_head(values, labels, groups, PRIOR, N_GENRES)
    np.testing.assert_array_equal(predicted, fitted.out_of_fold)


def test_songs_that_are_not_trusted_are_predicted_but_not_learned_from() -> None:
    """Half of the songs of genre 0 bear label 1: they spoil the others unless they are left out."""
    values, labels, groups = made_songs(8, n_songs=120, feature_gap=4.0)
    given = labels.copy()
    wrong = np.flatnonzero(labels == 0)[::2]
    given[wrong] = 1
    none = np.zeros_like(PRIOR)
    trusted = given == labels

    spoilt = predict_out_of_fold(values, given, groups, none, np.ones(len(labels), bool))
    pruned = predict_out_of_fold(values, given, groups, none, trusted)

    assert (pruned[wrong].argmax(axis=1) == 0).mean() > 0.9
    assert (spoilt[wrong].argmax(axis=1) == 0).mean() < 0.8


def rock_soul_and_jazz() -> EmbeddedSongs:
    """Rock and soul of two artists each, jazz of one."""
    return label_songs(
        ["a", "b", "c", "d", "e", "f"],
        ["ann", "ann", "bob", "cat", "dan", "eve"],
        ["jazz", "jazz", "rock", "rock", "soul", "soul"],
        np.arange(18, dtype=np.float32).reshape(6, 3),
        n_features=2,
    )


def test_features_are_the_values_without_the_tags() -> None:
    assert rock_soul_and_jazz().features.tolist() == [
        [0, 1],
        [3, 4],
        [6, 7],
        [9, 10],
        [12, 13],
        [15, 16],
    ]


def test_a_genre_of_one_group_cannot_be_divided_and_goes() -> None:
    divisible = rock_soul_and_jazz().divisible()

    assert divisible.genres == ("rock", "soul")
    assert divisible.labels.tolist() == [0, 0, 1, 1]
    assert divisible.track_ids.tolist() == ["c", "d", "e", "f"]
    assert divisible.values[:, 0].tolist() == [6, 9, 12, 15]


def test_without_songs_nothing_is_left() -> None:
    assert len(label_songs([], [], [], np.empty((0, 0), np.float32), 0).divisible()) == 0


TAGS = ("MTT: classical", "MTT: classic", "MSD: Hip-Hop", "MSD: rock", "MSD: House")
EMBEDDING = Embedding(
    name="made", digest="", sample_rate=16_000, window_s=3.0, hop_s=1.5, n_features=2, tags=TAGS
)


@pytest.mark.parametrize("genre", ["hiphop", "Hip-Hop", "hip hop", "HIP_HOP", "rap"])
def test_a_genre_finds_its_tag_however_it_is_written(genre: str) -> None:
    assert prior_tags(genre, EMBEDDING, DEFAULT_TAGS) == ("MSD: Hip-Hop",)


@pytest.mark.parametrize("genre", ["hiphop", "Hip hop music"])
def test_the_tags_of_audioset_end_in_music(genre: str) -> None:
    audioset = replace(EMBEDDING, tags=("yamnet: Music", "yamnet: Hip hop music"))

    assert prior_tags(genre, audioset, DEFAULT_TAGS) == ("yamnet: Hip hop music",)
    assert prior_tags("music", audioset, DEFAULT_TAGS) == ("yamnet: Music",)


def test_a_genre_without_a_tag_has_an_empty_column() -> None:
    matrix = prior_matrix(["classical", "polka"], EMBEDDING, DEFAULT_TAGS)

    np.testing.assert_array_equal(matrix[:, 0], [0.5, 0.5, 0, 0, 0])
    np.testing.assert_array_equal(matrix[:, 1], np.zeros(5))


def test_a_table_of_the_user_is_the_only_one_asked_for_the_genres_it_names() -> None:
    assert prior_tags("rock", EMBEDDING, {"rock": ("house",)}) == ("MSD: House",)


@pytest.mark.parametrize(
    ("genre", "tags"),
    [
        ("Hip-Hop/Rap", ("MSD: Hip-Hop",)),
        ("Rock & Roll", ("MSD: rock",)),
        ("House and Techno", ("MSD: House",)),
        ("Folk, World", ()),
    ],
)
def test_a_name_of_several_parts_finds_the_tags_of_its_parts(
    genre: str, tags: tuple[str, ...]
) -> None:
    assert prior_tags(genre, EMBEDDING, DEFAULT_TAGS) == tags


@pytest.mark.parametrize("genre", ["R&B", "RnB", "R&B/Soul", "Rhythm and Blues"])
def test_rhythm_and_blues_is_found_under_its_usual_names(genre: str) -> None:
    tagger = replace(EMBEDDING, tags=("MSD: rnb", "MSD: blues"))

    assert "MSD: rnb" in prior_tags(genre, tagger, DEFAULT_TAGS)


def test_tags_that_the_embedding_does_not_have_are_named() -> None:
    table = {"rock": ("rock", "no such tag"), "hiphop": ()}

    assert unknown_tags(EMBEDDING, table) == ["no such tag"]


def test_pools_of_threads_that_come_later_are_held_to_one_thread_too() -> None:
    code = """
from threadpoolctl import threadpool_info
from genre_core.training.songs import one_thread
with one_thread():
    n_before = len(threadpool_info())
import sklearn.linear_model
with one_thread():
    print(len(threadpool_info()) > n_before, {pool["num_threads"] for pool in threadpool_info()})
print({pool["num_threads"] for pool in threadpool_info()})
"""
    environment = {**os.environ, "OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"}

    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    ).stdout

    assert printed == "True {1}\n{2}\n"
