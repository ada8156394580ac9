"""Scores by the number of fragments that vote."""

import numpy as np
import pytest

from genre_core.evaluation.aggregation import score_by_count
from genre_core.evaluation.metrics import score_predictions
from genre_core.evaluation.songs import VOTES, FragmentedSongs, Probabilities, vote_songs


def songs(*fragments: Probabilities) -> FragmentedSongs:
    names = np.array([f"song {place:03}" for place in range(len(fragments))], dtype=object)
    return FragmentedSongs(
        track_ids=names,
        group_ids=names,
        labels=np.arange(len(fragments)) % fragments[0].shape[1],
        fragments=fragments,
    )


def random_songs(n_songs: int, *sizes: int) -> FragmentedSongs:
    rng = np.random.default_rng(2)
    return songs(*(rng.dirichlet(np.ones(3), sizes[i % len(sizes)]) for i in range(n_songs)))


def test_every_vote_is_scored_at_1_2_4_8_and_15_fragments() -> None:
    scores = score_by_count(random_songs(6, 15), "library", n_draws=2)

    assert scores == score_by_count(random_songs(6, 15), "library", n_draws=2)

    assert [(s.vote, s.n_fragments) for s in scores] == [
        (vote, count) for vote in VOTES for count in (1, 2, 4, 8, 15)
    ]


@pytest.mark.parametrize("vote", VOTES)
def test_where_all_fragments_vote_the_score_is_that_of_the_songs(vote: str) -> None:
    scored = random_songs(30, 3, 5)
    everything = np.concatenate(scored.fragments)
    owners = np.repeat(scored.track_ids, [len(f) for f in scored.fragments])

    scores = score_by_count(scored, "library", n_draws=3)

    _, by_song = vote_songs(everything, owners, vote)
    whole = score_predictions(scored.labels, by_song.argmax(axis=1), ("a", "b", "c"))
    last = next(s for s in scores if (s.vote, s.n_fragments) == (vote, 5))
    assert last.accuracy.value == pytest.approx(whole.accuracy)
    assert last.macro_f1.value == pytest.approx(whole.macro_f1)


def test_one_fragment_of_a_song_that_is_right_in_half_of_them_is_right_half_the_time() -> None:
    halves = np.array([[0.9, 0.1], [0.2, 0.8]])

    scores = score_by_count(songs(*[halves] * 10), "library", n_draws=100)

    assert scores[0].n_fragments == 1
    assert scores[0].accuracy.value == pytest.approx(0.5, abs=0.06)
