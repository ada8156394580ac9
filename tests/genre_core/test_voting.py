"""Voting: from the probabilities of fragments to the genre of a song."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats

from genre_core.evaluation.songs import VOTES, vote_songs

FRAGMENTS = np.array([[0.6, 0.4, 0.0], [0.6, 0.4, 0.0], [0.0, 0.1, 0.9]])


@st.composite
def fragment_probabilities(draw: st.DrawFn) -> npt.NDArray[np.float32]:
    shape = draw(st.tuples(st.integers(1, 20), st.integers(2, 6)))
    weights = draw(arrays.arrays(np.float64, shape, elements=st.floats(0.01, 1)))
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize(
    ("vote", "expected"),
    [
        ("mean", [0.4, 0.3, 0.3]),
        ("maximum", [0.6 / 1.9, 0.4 / 1.9, 0.9 / 1.9]),
        ("vote", [2 / 3, 0, 1 / 3]),
    ],
)
def test_votes_are_those_worked_by_hand(vote: str, expected: list[float]) -> None:
    np.testing.assert_allclose(VOTES[vote](FRAGMENTS), expected, atol=1e-3 * (vote == "vote"))


def test_the_log_mean_is_the_geometric_mean() -> None:
    fragments = np.array([[0.9, 0.1], [0.4, 0.6]])

    means = stats.gmean(fragments, axis=0)
    np.testing.assert_allclose(VOTES["log_mean"](fragments), means / means.sum())
    np.testing.assert_allclose(VOTES["log_mean"](fragments)[0], 0.6 / (0.6 + 0.06**0.5))


def test_a_genre_that_one_fragment_rules_out_keeps_a_chance_in_the_log_mean() -> None:
    song = VOTES["log_mean"](np.array([[1.0, 0.0], [0.4, 0.6]], np.float32))

    assert song[1] == pytest.approx((0.6e-7) ** 0.5 / ((0.6e-7) ** 0.5 + 0.4**0.5), rel=1e-5)


@pytest.mark.parametrize("vote", VOTES)
def test_many_songs_vote_at_once_as_they_do_one_by_one(vote: str) -> None:
    songs = np.random.default_rng(0).dirichlet(np.ones(3), (5, 4))

    np.testing.assert_allclose(VOTES[vote](songs), [VOTES[vote](song) for song in songs])


def test_a_tied_vote_goes_to_the_genre_of_higher_mean_probability() -> None:
    tied = np.array([[0.51, 0.49, 0.0], [0.0, 0.1, 0.9]])

    assert VOTES["vote"](tied).argmax() == 2


def test_the_mean_probability_never_overrules_a_vote() -> None:
    barely = np.repeat([[0.0, 1.0], [0.501, 0.499]], [100, 101], axis=0)

    assert VOTES["vote"](barely).argmax() == 0


@pytest.mark.parametrize("vote", VOTES)
@given(probabilities=fragment_probabilities(), seed=st.integers(0, 99))
def test_the_probabilities_of_a_song_sum_to_one_in_any_order_of_fragments(
    vote: str, probabilities: npt.NDArray[np.float32], seed: int
) -> None:
    song = VOTES[vote](probabilities)
    shuffled = np.random.default_rng(seed).permutation(probabilities)

    assert song.shape == (probabilities.shape[1],)
    assert (song >= 0).all()
    assert song.sum() == pytest.approx(1, abs=1e-12)
    np.testing.assert_allclose(VOTES[vote](shuffled), song, rtol=1e-12)


def test_songs_come_in_order_of_first_appearance_though_their_fragments_are_mixed() -> None:
    probabilities = np.array([[1.0, 0.0], [0.2, 0.8], [0.5, 0.5], [0.4, 0.6]])

    track_ids, songs = vote_songs(probabilities, ["b", "a", "b", "a"], "mean")

    assert track_ids.tolist() == ["b", "a"]
    np.testing.assert_allclose(songs, [[0.75, 0.25], [0.3, 0.7]])


def test_no_fragments_give_no_songs() -> None:
    track_ids, songs = vote_songs(np.empty((0, 3), np.float32), [], "mean")

    assert len(track_ids) == 0
    assert songs.shape == (0, 3)


@pytest.mark.parametrize(
    ("fragments", "ids", "vote", "message"),
    [
        (FRAGMENTS, "aaa", "median", r"'median'.* mean, maximum, vote, log_mean"),
        (FRAGMENTS, "aa", "mean", "3 rows of probabilities do not fit 2 track ids"),
        (np.array([[np.nan, 1.0]]), "a", "mean", "not numbers"),
    ],
)
def test_what_cannot_be_voted_on_is_refused(
    fragments: npt.NDArray[np.float64], ids: str, vote: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        vote_songs(fragments, list(ids), vote)
