"""A sweep that is stopped early has trained the most useful trials."""

from dataclasses import dataclass
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genre_core.representations.features import FeatureConfig
from genre_core.studies.sweep import order_lengths, order_trials


@dataclass(frozen=True, slots=True)
class Trial:
    network: str
    seed: int
    features: FeatureConfig


@pytest.mark.parametrize(
    ("lengths_s", "order_s"),
    [
        ([3.0], [3.0]),
        ([1.0, 3.0], [3.0, 1.0]),
        ([1.0, 1.5, 2.0, 2.5, 3.0], [3.0, 1.0, 2.0, 1.5, 2.5]),
        (
            [1.0, 1.5, 2.0, 2.5, 3.0, 5.0, 10.0, 20.0, 30.0],
            [3.0, 1.0, 30.0, 2.0, 10.0, 1.5, 2.5, 5.0, 20.0],
        ),
        ([20.0, 5.0, 10.0], [5.0, 20.0, 10.0]),
    ],
)
def test_the_thesis_length_comes_first_then_the_ends_then_the_gaps(
    lengths_s: list[float], order_s: list[float]
) -> None:
    assert order_lengths(lengths_s) == order_s


@given(st.lists(st.floats(0.1, 60), min_size=1, max_size=20, unique=True))
def test_every_length_is_visited_once(lengths_s: list[float]) -> None:
    assert sorted(order_lengths(lengths_s)) == sorted(lengths_s)


def test_all_networks_at_the_thesis_length_come_first_and_another_seed_last() -> None:
    trials = [
        Trial(network, seed, FeatureConfig(fragment_s=length_s))
        for length_s, network, seed in product((1.0, 2.0, 3.0), ("dense", "cnn"), (0, 1))
    ]

    ordered = order_trials(trials)

    visited = [(trial.seed, trial.features.fragment_s, trial.network) for trial in ordered]
    assert visited == [
        (seed, length_s, network)
        for seed, length_s, network in product((0, 1), (3.0, 1.0, 2.0), ("dense", "cnn"))
    ]
