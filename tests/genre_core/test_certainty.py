"""Certainty: alternatives against crepes, the share that they promise, unknown songs, sources."""

import numpy as np
import pytest

from genre_core.evaluation.bootstrap import Float64Array, interval_rng
from genre_core.evaluation.certainty import (
    AssessedSong,
    Assessment,
    Certainty,
    PredictionConfig,
    SourceSummary,
    belongs,
    fit_certainty,
    fit_least_probability,
    name_alternatives,
    set_coverage,
    summarise,
    summarise_sources,
)
from genre_core.evaluation.novelty import Novelty
from genre_core.examples import Int64Array

GENRES = ("folk", "jazz", "rock")
SONG = np.array([0.1, 0.6, 0.3])
VALUES = np.array([0, 3, 99, 99], np.float32)  # two features, then the logits of two tags


@pytest.fixture
def novelty() -> Novelty:
    return Novelty(
        references=np.array([[1, 0], [1, 0]], np.float16), threshold=1.4, refuse_share=0.05
    )


def of_true_genre(*probabilities: float) -> tuple[Float64Array, Int64Array]:
    """Songs of genre 0 with these probabilities of it."""
    true = np.array(probabilities)
    rest = (1 - true) / 2
    return np.stack([true, rest, rest], axis=1), np.zeros(len(true), np.int64)


def assessed(
    source: str, group_id: str, is_covered: bool, n_alternatives: int, unknown: bool | None
) -> AssessedSong:
    return AssessedSong(
        source=source,
        group_id=group_id,
        is_covered=is_covered,
        n_alternatives=n_alternatives,
        unknown=unknown,
    )


def test_a_song_is_assessed_by_its_features_and_its_probabilities(novelty: Novelty) -> None:
    certainty = Certainty(coverage=0.9, least_probability=0.25, novelty=novelty)

    far = certainty.assess(SONG, GENRES, VALUES)  # at a right angle: sqrt(2)
    near = certainty.assess(SONG, GENRES, VALUES[::-1])

    assert far == Assessment(confidence=0.6, unknown=True, alternatives=("jazz", "rock"))
    assert near.unknown is False


def test_without_thresholds_there_is_a_confidence_alone(novelty: Novelty) -> None:
    assert Certainty().assess(SONG, GENRES, VALUES) == Assessment(confidence=0.6)
    assert Certainty(novelty=novelty).assess(SONG, GENRES, None).unknown is None


def test_without_a_song_that_was_held_out_all_genres_are_alternatives() -> None:
    certainty = fit_certainty(np.zeros((0, 3)), np.zeros(0, np.int64), PredictionConfig())

    assert certainty.assess(SONG, GENRES, None).alternatives == ("jazz", "rock", "folk")


@pytest.mark.parametrize("name", ["refuse_share", "coverage"])
@pytest.mark.parametrize("share", [0.0, 1.0, float("nan")])
def test_a_share_that_is_none_is_refused(name: str, share: float) -> None:
    with pytest.raises(ValueError, match=f"prediction.{name} is {share}"):
        PredictionConfig(**{name: share})


@pytest.mark.parametrize(
    ("probabilities", "least"),
    [
        (np.arange(0.05, 1, 0.05), 0.10),  # (19 + 1) * 0.9 = 18 songs reach 0.10
        (np.linspace(0.3, 0.9, 10), 0.3),  # ceil(11 * 0.9) = 10
        (np.linspace(0.3, 0.9, 8), 0.0),  # ceil(9 * 0.9) = 9, more than there are
    ],
)
def test_the_least_probability_is_reached_by_the_rank_of_the_coverage(
    probabilities: Float64Array, least: float
) -> None:
    songs = of_true_genre(*probabilities)

    assert fit_least_probability(*songs, coverage=0.9) == pytest.approx(least)


def test_the_sets_are_those_of_crepes() -> None:
    songs = np.array([[0.5, 0.3, 0.2], [0.25, 0.4, 0.35], [0.1, 0.1, 0.8], [0.34, 0.33, 0.33]])
    calibration = of_true_genre(0.9, 0.8, 0.75, 0.6, 0.45, 0.4, 0.34, 0.28, 0.21)

    least = fit_least_probability(*calibration, coverage=0.75)

    # crepes 0.9.1: ConformalClassifier().fit(hinge(calibration, ...)),
    # predict_set(hinge(songs), confidence=0.75, smoothing=False)
    expected = [[True, True, False], [False, True, True], [False, False, True], [True, True, True]]
    assert belongs(songs, least).tolist() == expected


@pytest.mark.parametrize(
    ("song", "least", "alternatives"),
    [
        ([0.15, 0.55, 0.30], 0.2, ("jazz", "rock")),
        ([0.15, 0.55, 0.30], 0.0, ("jazz", "rock", "folk")),
        ([0.36, 0.33, 0.31], 0.9, ("folk",)),  # the likeliest belongs to the set in any case
    ],
)
def test_alternatives_begin_with_the_likeliest_genre_and_reach_the_least_probability(
    song: list[float], least: float, alternatives: tuple[str, ...]
) -> None:
    assert name_alternatives(np.array(song), GENRES, least) == alternatives


def test_sets_of_exchangeable_songs_contain_the_true_genre_as_often_as_promised() -> None:
    rng = np.random.default_rng(11)
    shares = []
    for _ in range(200):
        truth = rng.dirichlet(np.ones(4), 130)
        labels = (rng.random((130, 1)) > truth.cumsum(axis=1)).sum(axis=1)
        wrong = truth**2 / (truth**2).sum(axis=1, keepdims=True)  # an overconfident model
        least = fit_least_probability(wrong[:30], labels[:30], coverage=0.9)
        shares.append(belongs(wrong[30:], least)[np.arange(100), labels[30:]].mean())

    # promised is 0.9 to 0.9 + 1/31; the mean of 200 libraries has a standard error of 0.004
    assert 0.89 <= np.mean(shares) <= 0.945


def test_songs_are_counted_by_source_the_largest_first() -> None:
    songs = [
        assessed("a.org", "Ada", True, 1, False),
        assessed("b.org", "Bach", True, 2, True),
        assessed("b.org", "Bach", False, 1, True),
        assessed("b.org", "Clara", True, 3, False),
        assessed("c.org", "Dora", True, 2, None),
    ]

    assert summarise_sources(songs) == [
        SourceSummary(source="b.org", n_songs=3, n_covered=2, mean_alternatives=2.0, n_unknown=2),
        SourceSummary(source="a.org", n_songs=1, n_covered=1, mean_alternatives=1.0, n_unknown=0),
        SourceSummary(
            source="c.org", n_songs=1, n_covered=1, mean_alternatives=2.0, n_unknown=None
        ),
    ]
    assert summarise("all", songs).mean_alternatives == pytest.approx(9 / 5)


def test_the_interval_of_the_coverage_is_wider_where_whole_artists_are_covered_or_missed() -> None:
    is_covered = np.random.default_rng(0).random(200) < 0.9
    alone = [assessed("", str(n), held, 1, None) for n, held in enumerate(is_covered.tolist())]
    by_artist = [assessed("", str(n // 10), n // 10 < 18, 1, None) for n in range(200)]

    one, other = (set_coverage(songs, interval_rng("a")) for songs in (alone, by_artist))

    assert one.value == pytest.approx(is_covered.mean())
    assert other.value == pytest.approx(0.9)
    assert one.low < one.value < one.high <= 1
    assert other.high - other.low > 2 * (one.high - one.low)
