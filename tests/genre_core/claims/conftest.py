"""Made-up evidence: a library of six genres at 3 s, to be changed by each test."""

from collections.abc import Callable

import pytest

from genre_core.evaluation.bootstrap import Interval
from genre_core.studies.claims.evidence import Course, Difference, Evidence, Key, NetworkScore
from genre_core.studies.kernels.counts import Mean

MakeEvidence = Callable[..., Evidence]
GENRES = ("classical", "hiphop", "house", "jazz", "rock", "techno")


def span(value: float, half: float = 0.01) -> Interval:
    return Interval(value=value, low=value - half, high=value + half)


def mean(value: float, half: float = 0.01, n_seeds: int = 5) -> Mean:
    return Mean(value=value, low=value - half, high=value + half, n_seeds=n_seeds)


def score(key: Key, accuracy: Interval, n_parameters: int = 1000) -> NetworkScore:
    return NetworkScore(
        network=key[0],
        fragment_s=key[1],
        run_ids=("a run",),
        by_fragment=accuracy,
        by_song=accuracy,
        confusion=((1,),),
        n_parameters=n_parameters,
        epoch_s=1.0,
    )


def differing(found: Interval) -> Difference:
    return Difference(by_fragment=found, by_song=found)


def courses(*accuracies: tuple[float, ...], most_epochs: int = 300) -> tuple[Course, ...]:
    return tuple(
        Course(seed=seed, accuracies=curve, most_epochs=most_epochs)
        for seed, curve in enumerate(accuracies)
    )


@pytest.fixture
def make_evidence() -> MakeEvidence:
    def make(**changes: object) -> Evidence:
        known = {"genres": GENRES, "largest_share": 0.2, "n_songs": 300, "n_groups": 100}
        return Evidence(**{**known, "fragment_s": 3.0, **changes})  # type: ignore[arg-type]

    return make
