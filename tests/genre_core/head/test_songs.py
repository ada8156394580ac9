"""Songs with their embeddings: labels by name, and genres that can be held out."""

import numpy as np

from genre_core.training.songs import EmbeddedSongs, label_songs


def songs() -> EmbeddedSongs:
    """Rock and soul of two artists each, jazz of one."""
    return label_songs(
        ["a", "b", "c", "d", "e", "f"],
        ["ann", "ann", "bob", "cat", "dan", "eve"],
        ["jazz", "jazz", "rock", "rock", "soul", "soul"],
        np.arange(18, dtype=np.float32).reshape(6, 3),
        n_features=2,
    )


def test_features_are_the_values_without_the_tags() -> None:
    assert songs().features.tolist() == [[0, 1], [3, 4], [6, 7], [9, 10], [12, 13], [15, 16]]


def test_a_genre_of_one_group_cannot_be_divided_and_goes() -> None:
    divisible = songs().divisible()

    assert divisible.genres == ("rock", "soul")
    assert divisible.labels.tolist() == [0, 0, 1, 1]
    assert divisible.track_ids.tolist() == ["c", "d", "e", "f"]
    assert divisible.values[:, 0].tolist() == [6, 9, 12, 15]


def test_without_songs_nothing_is_left() -> None:
    assert len(label_songs([], [], [], np.empty((0, 0), np.float32), 0).divisible()) == 0
