"""Suspects among made embeddings: planted errors are found, answers are kept to."""

import numpy as np
import numpy.typing as npt
import pytest

from genre_core.dataset.suspects import (
    LEAST_MARGIN,
    MOST_SUSPECTS,
    find_neighbours,
    find_suspects,
    label_probabilities,
)
from genre_core.training.songs import EmbeddedSongs, label_songs

GENRES = ("folk", "jazz", "rock")
N_FEATURES, N_TAGS = 12, 3
NO_PRIOR = np.zeros((N_TAGS, len(GENRES)), np.float32)


def made_songs(
    seed: int, n_songs: int = 90, n_wrong: int = 9, gap: float = 3.0
) -> tuple[EmbeddedSongs, frozenset[str]]:
    """Songs whose genre moves four features, three songs an artist; some labels are changed."""
    rng = np.random.default_rng(seed)
    true = np.arange(n_songs) % len(GENRES)
    values = rng.standard_normal((n_songs, N_FEATURES + N_TAGS))
    for genre in range(len(GENRES)):
        values[true == genre, 4 * genre : 4 * genre + 4] += gap / 2
    wrong = rng.choice(n_songs, n_wrong, replace=False)
    labels = true.copy()
    labels[wrong] = (true[wrong] + rng.integers(1, len(GENRES), n_wrong)) % len(GENRES)
    songs = label_songs(
        [f"{song:03}" for song in range(n_songs)],
        [f"artist {song // 9} {song % 3}" for song in range(n_songs)],
        [GENRES[label] for label in labels],
        values.astype(np.float32),
        N_FEATURES,
    )
    return songs, frozenset(f"{song:03}" for song in wrong)


def ranked(songs: EmbeddedSongs) -> list[str]:
    """All songs, the least probable label first."""
    nobody = np.zeros(len(songs), bool)
    probabilities = label_probabilities(songs, NO_PRIOR, nobody)
    own = probabilities[np.arange(len(songs)), songs.labels]
    return songs.track_ids[np.argsort(own)].tolist()


def test_doubtful_songs_are_predicted_by_heads_that_did_not_learn_from_them() -> None:
    """With many errors, a second round without the doubtful songs finds more of them."""
    from genre_core.training.head import fit_head

    once, twice = [], []
    for seed in range(5):
        songs, wrong = made_songs(seed, n_wrong=27)
        fitted = fit_head(songs.values, songs.labels, songs.group_ids, NO_PRIOR, len(GENRES))
        own = fitted.out_of_fold[np.arange(len(songs)), songs.labels]
        once.append(len(wrong & set(songs.track_ids[np.argsort(own)][:27].tolist())))
        twice.append(len(wrong & set(ranked(songs)[:27])))

    assert sum(twice) > sum(once)


def test_a_suspect_has_label_prediction_and_both_confidences() -> None:
    songs, wrong = made_songs(0, gap=4.0)

    suspects = find_suspects(songs, NO_PRIOR, frozenset())

    assert {suspect.track_id for suspect in suspects} == wrong
    for suspect in suspects:
        true = GENRES[int(suspect.track_id) % len(GENRES)]
        label = songs.genres[songs.labels[int(suspect.track_id)]]
        assert (suspect.genre, suspect.predicted) == (label, true)
        assert suspect.predicted_confidence - suspect.confidence >= LEAST_MARGIN
    confidences = [suspect.confidence for suspect in suspects]
    assert confidences == sorted(confidences)


def test_a_label_that_a_person_has_confirmed_is_never_a_suspect() -> None:
    songs, wrong = made_songs(0, gap=4.0)
    confirmed = frozenset(sorted(wrong)[:3])

    suspects = find_suspects(songs, NO_PRIOR, confirmed)

    assert {suspect.track_id for suspect in suspects} == wrong - confirmed


def test_no_more_are_listed_than_a_person_can_listen_to() -> None:
    songs, wrong = made_songs(1, n_songs=600, n_wrong=200, gap=4.0)

    suspects = find_suspects(songs, NO_PRIOR, frozenset())

    assert len(suspects) == MOST_SUSPECTS < len(wrong)


def test_of_one_genre_no_song_is_a_suspect() -> None:
    songs = label_songs(["a", "b"], ["x", "y"], ["jazz"] * 2, np.eye(2, dtype=np.float32), 2)

    assert find_suspects(songs, np.zeros((0, 1), np.float32), frozenset()) == []


@pytest.mark.parametrize(
    ("song", "expected"),
    [(0, [("c", 0.8), ("d", 0.0)]), (2, [("a", 0.8), ("b", 0.8), ("d", 0.6)])],
)
def test_neighbours_are_songs_of_other_groups_by_their_cosine(
    song: int, expected: list[tuple[str, float]]
) -> None:
    """The tag, the last value, has no say; the length of a row neither."""
    values: npt.NDArray[np.float32] = np.array(
        [[1, 0, 9], [5, 0, -9], [0.8, 0.6, 0], [0, 2, 0]], np.float32
    )
    songs = label_songs(list("abcd"), ["x", "x", "y", "z"], ["jazz"] * 4, values, n_features=2)

    (found,) = find_neighbours(songs, np.array([song]))

    assert [near.track_id for near in found] == [name for name, _ in expected]
    assert [near.cosine for near in found] == pytest.approx([cosine for _, cosine in expected])
