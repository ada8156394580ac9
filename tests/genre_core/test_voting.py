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


def test_the_mean_gives_the_mean_probability_of_each_genre() -> None:
    np.testing.assert_allclose(VOTES["mean"](FRAGMENTS), [0.4, 0.3, 0.3])


def test_the_maximum_follows_the_surest_fragment() -> None:
    np.testing.assert_allclose(VOTES["maximum"](FRAGMENTS), [0.6 / 1.9, 0.4 / 1.9, 0.9 / 1.9])


def test_the_vote_follows_the_majority_of_fragments() -> None:
    np.testing.assert_allclose(VOTES["vote"](FRAGMENTS), [2 / 3, 0, 1 / 3], atol=1e-3)


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
@given(probabilities=fragment_probabilities())
def test_the_probabilities_of_a_song_sum_to_one(
    vote: str, probabilities: npt.NDArray[np.float32]
) -> None:
    song = VOTES[vote](probabilities)

    assert song.shape == (probabilities.shape[1],)
    assert (song >= 0).all()
    assert song.sum() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("vote", VOTES)
@given(probabilities=fragment_probabilities(), seed=st.integers(0, 99))
def test_the_order_of_fragments_does_not_matter(
    vote: str, probabilities: npt.NDArray[np.float32], seed: int
) -> None:
    shuffled = np.random.default_rng(seed).permutation(probabilities)

    np.testing.assert_allclose(VOTES[vote](shuffled), VOTES[vote](probabilities), rtol=1e-12)


@pytest.mark.parametrize("vote", ["mean", "maximum", "log_mean"])
@given(probabilities=fragment_probabilities())
def test_a_song_of_one_fragment_has_the_probabilities_of_that_fragment(
    vote: str, probabilities: npt.NDArray[np.float32]
) -> None:
    np.testing.assert_allclose(VOTES[vote](probabilities[:1]), probabilities[0], rtol=1e-5)


@given(probabilities=fragment_probabilities())
def test_the_maximum_chooses_a_genre_of_the_highest_probability(
    probabilities: npt.NDArray[np.float32],
) -> None:
    chosen = VOTES["maximum"](probabilities).argmax()

    assert probabilities[:, chosen].max() == probabilities.max()


def test_songs_come_in_order_of_first_appearance_though_their_fragments_are_mixed() -> None:
    probabilities = np.array([[1.0, 0.0], [0.2, 0.8], [0.5, 0.5], [0.4, 0.6]])

    track_ids, songs = vote_songs(probabilities, ["b", "a", "b", "a"], "mean")

    assert track_ids.tolist() == ["b", "a"]
    np.testing.assert_allclose(songs, [[0.75, 0.25], [0.3, 0.7]])


def test_no_fragments_give_no_songs() -> None:
    track_ids, songs = vote_songs(np.empty((0, 3), np.float32), [], "mean")

    assert len(track_ids) == 0
    assert songs.shape == (0, 3)


def test_an_unknown_vote_is_refused_with_the_names_of_the_others() -> None:
    with pytest.raises(ValueError, match=r"'median'.* mean, maximum, vote, log_mean"):
        vote_songs(FRAGMENTS, ["a", "a", "a"], "median")


def test_track_ids_that_do_not_fit_the_fragments_are_refused() -> None:
    with pytest.raises(ValueError, match="3 rows of probabilities do not fit 2 track ids"):
        vote_songs(FRAGMENTS, ["a", "a"], "mean")


def test_probabilities_that_are_not_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="not numbers"):
        vote_songs(np.array([[np.nan, 1.0]]), ["a"], "mean")
