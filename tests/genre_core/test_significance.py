"""Intervals and differences against scipy, scikit-learn, and numbers worked by hand."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import f1_score, recall_score

from genre_core.evaluation.bootstrap import bootstrap, interval_rng
from genre_core.evaluation.predictions import SongPredictions, predictions_by_name
from genre_core.evaluation.significance import (
    PairedDifference,
    Significance,
    fewest_differing,
    mcnemar,
    paired_difference,
    score_intervals,
)

GENRES = ("jazz", "rock", "techno")
N_GENRES = 4


def predictions(
    labels: list[int], *predicted: list[int], groups: list[str] | None = None, n_genres: int = 3
) -> SongPredictions:
    names = [f"song {place:03}" for place in range(len(labels))]
    return SongPredictions(
        track_ids=np.array(names, dtype=object),
        group_ids=np.array(groups or names, dtype=object),
        labels=np.array(labels),
        predicted=np.array(predicted),
        n_genres=n_genres,
    )


def compared(labels: list[int], ours: list[int], theirs: list[int]) -> PairedDifference:
    return paired_difference(
        predictions(labels, ours), predictions(labels, theirs), interval_rng("a")
    )


def drawn(rng: np.random.Generator, n_groups: int, n_sides: int = 1) -> list[SongPredictions]:
    """Draw groups of 1-4 songs of one genre, each with a skill of its own, 0.75 on average.

    Wrong songs fall on the other genres alike: precision and recall, and so macro F1, are 0.75.
    """
    sizes = rng.integers(1, 5, n_groups)
    groups = np.repeat(np.arange(n_groups), sizes)
    labels, skill = groups % N_GENRES, rng.beta(6, 2, n_groups)[groups]
    names = np.arange(len(groups)).astype(str).astype(object)
    sides = []
    for _ in range(n_sides):
        wrong = (labels + rng.integers(1, N_GENRES, len(labels))) % N_GENRES
        predicted = np.where(rng.random(len(labels)) < skill, labels, wrong)
        sides.append(
            SongPredictions(
                track_ids=names,
                group_ids=groups.astype(str).astype(object),
                labels=labels,
                predicted=predicted[None],
                n_genres=N_GENRES,
            )
        )
    return sides


def test_the_scores_are_those_of_scikit_learn_averaged_over_seeds() -> None:
    rng = np.random.default_rng(0)
    labels, one, two = rng.integers(0, 3, (3, 60)).tolist()

    scores = score_intervals(predictions(labels, one, two), rng)

    macro_f1 = [f1_score(labels, seed, average="macro") for seed in (one, two)]
    recalls = [recall_score(labels, seed, average=None) for seed in (one, two)]
    assert scores.macro_f1.value == pytest.approx(np.mean(macro_f1))
    assert [r.value for r in scores.recall if r] == pytest.approx(np.mean(recalls, axis=0))
    right = [np.mean(np.equal(labels, seed)) for seed in (one, two)]
    assert scores.accuracy.value == pytest.approx(np.mean(right))


def test_the_scores_of_resamples_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    labels, predicted = rng.integers(0, 3, (2, 40))
    groups = rng.integers(0, 10, 40)
    resamples = [
        np.concatenate([np.flatnonzero(groups == group) for group in rng.integers(0, 10, 10)])
        for _ in range(500)
    ]
    tail = stats.norm.cdf(np.sqrt(10 / 9) * stats.t.ppf(0.025, 9))

    names = groups.astype(str).tolist()
    found = score_intervals(predictions(labels.tolist(), predicted.tolist(), groups=names), rng)

    scores = [f1_score(labels[i], predicted[i], average="macro") for i in resamples]
    low, high = np.quantile(scores, [tail, 1 - tail])
    assert found.macro_f1.low == pytest.approx(low, abs=0.04)
    assert found.macro_f1.high == pytest.approx(high, abs=0.04)


def test_the_interval_of_songs_on_their_own_is_that_of_scipy() -> None:
    right = np.repeat([1.0, 0.0], [30, 20])
    tail = stats.norm.cdf(np.sqrt(50 / 49) * stats.t.ppf(0.025, 49))

    found = bootstrap(right[:, None], lambda sums: sums / 50, np.random.default_rng(0))[0]

    known = stats.bootstrap(
        (right,),
        np.mean,
        confidence_level=1 - 2 * tail,
        method="percentile",
        rng=np.random.default_rng(1),
    ).confidence_interval
    assert (found.low, found.high) == pytest.approx((known.low, known.high), abs=0.021)


@pytest.mark.parametrize("n_groups", [16, 60])
def test_intervals_hold_the_truth_in_95_of_100_libraries(n_groups: int) -> None:
    rng = np.random.default_rng(7)

    found = [score_intervals(drawn(rng, n_groups)[0], rng, 400) for _ in range(150)]

    for intervals in ([s.accuracy for s in found], [s.macro_f1 for s in found]):
        held = np.mean([interval.low <= 0.75 <= interval.high for interval in intervals])
        assert 0.9 <= held <= 0.99


def test_songs_of_one_artist_count_for_less_than_as_many_of_many() -> None:
    labels = [0] * 40 + [1] * 40
    predicted = [0] * 32 + [1] * 8 + [1] * 24 + [0] * 16
    artists = [f"artist {place // 8}" for place in range(80)]

    by_artist = score_intervals(predictions(labels, predicted, groups=artists), interval_rng("a"))
    by_song = score_intervals(predictions(labels, predicted), interval_rng("a"))

    widths = [s.accuracy.high - s.accuracy.low for s in (by_artist, by_song)]
    assert by_artist.accuracy.value == by_song.accuracy.value
    assert widths[0] > 1.5 * widths[1]


def test_ten_songs_without_a_fault_do_not_prove_perfection() -> None:
    labels = [0, 1] * 5

    scores = score_intervals(predictions(labels, labels), interval_rng("a"))

    exact = stats.binomtest(10, 10).proportion_ci(0.95, "exact")
    assert scores.accuracy.low == pytest.approx(exact.low)
    assert scores.macro_f1.high == 1
    assert scores.recall[0] is not None
    assert scores.recall[0].low == pytest.approx(stats.binomtest(5, 5).proportion_ci(0.95).low)


def test_one_group_has_the_widest_interval() -> None:
    found = predictions([0, 1, 1], [0, 1, 0], groups=["one"] * 3)

    scores = score_intervals(found, interval_rng("a"))

    assert (scores.accuracy.low, scores.accuracy.high) == (0, 1)


def test_a_genre_without_songs_has_no_recall_and_no_part_in_macro_f1() -> None:
    scores = score_intervals(predictions([0, 0, 1, 1], [0, 2, 1, 1]), interval_rng("a"))

    assert scores.recall[2] is None
    assert scores.macro_f1.value == pytest.approx(5 / 6)


def test_the_same_library_gives_the_same_interval_whatever_the_order_of_its_songs() -> None:
    ids, genres = [f"{place:02}" for place in range(30)], list(GENRES) * 10
    result = [*GENRES[1:], GENRES[0], *genres[3:]]
    turned = [list(reversed(values)) for values in (ids, genres, result)]

    first, second = (
        score_intervals(
            predictions_by_name(names, names, labels, [predicted], GENRES), interval_rng("a")
        )
        for names, labels, predicted in ((ids, genres, result), turned)
    )

    assert first == second


def test_the_difference_is_that_of_the_scores_of_both_sides() -> None:
    rng = np.random.default_rng(3)
    labels, ours, theirs, again = rng.integers(0, 3, (4, 50)).tolist()

    found = paired_difference(predictions(labels, ours), predictions(labels, theirs, again), rng)

    f1 = [f1_score(labels, seed, average="macro") for seed in (ours, theirs, again)]
    assert found.macro_f1.value == pytest.approx(f1[0] - (f1[1] + f1[2]) / 2)
    assert found.macro_f1.low < found.macro_f1.value < found.macro_f1.high
    assert "on 50 songs, seeds 1 against 2, McNemar" in found.sentence("cnn", "rnn")
    assert found.as_document()["n_seeds"] == [1, 2]


def test_a_difference_on_the_same_songs_is_surer_than_its_two_scores() -> None:
    labels = [0, 1] * 50
    theirs = [1 - label if place % 3 == 0 else label for place, label in enumerate(labels)]
    ours = labels[:40] + theirs[40:]

    found = compared(labels, ours, theirs)

    alone = score_intervals(predictions(labels, theirs), interval_rng("a")).macro_f1
    assert found.macro_f1.high - found.macro_f1.low < alone.high - alone.low
    assert found.significance is Significance.BETTER
    assert found.sentence("cnn", "rnn").startswith("cnn is better than rnn: macro F1 +0.14 [")


def test_equally_good_networks_are_seldom_told_apart() -> None:
    rng = np.random.default_rng(11)

    found = [paired_difference(*drawn(rng, 40, n_sides=2), rng, 400) for _ in range(250)]

    assert np.mean([d.significance is not Significance.NONE for d in found]) <= 0.08


@pytest.mark.parametrize(("n_groups", "standing"), [(5, "cannot be told apart"), (6, "better")])
def test_fewer_than_six_differing_groups_tell_nothing(n_groups: int, standing: str) -> None:
    labels = [0, 1] * 10
    theirs = [1 - label for label in labels[:n_groups]] + labels[n_groups:]

    found = compared(labels, labels, theirs)

    assert found.significance == standing


def test_a_surer_level_widens_the_interval_as_student_says() -> None:
    labels = [0, 1] * 100
    theirs = [1 - label if place % 5 == 0 else label for place, label in enumerate(labels)]
    ours = [1 - label if place % 9 == 0 else label for place, label in enumerate(labels)]
    level = 1 - 0.05 / 15

    usual, surer = (
        paired_difference(
            predictions(labels, ours), predictions(labels, theirs), interval_rng("a"), n, at
        )
        for n, at in ((20_000, 0.95), (20_000, level))
    )

    width = [found.accuracy.high - found.accuracy.low for found in (usual, surer)]
    expected = stats.t.ppf(1 - 0.05 / 30, 199) / stats.t.ppf(1 - 0.05 / 2, 199)
    assert width[1] / width[0] == pytest.approx(expected, rel=0.05)


# the most that 2 / 2**n may be: 0.05, 0.01, 0.05 / 15
@pytest.mark.parametrize(("level", "n_groups"), [(0.95, 6), (0.99, 8), (1 - 0.05 / 15, 10)])
def test_a_higher_level_needs_more_groups_that_differ(level: float, n_groups: int) -> None:
    assert fewest_differing(level) == n_groups


@pytest.mark.parametrize(
    ("better", "worse", "p"), [(7, 1, 18 / 256), (6, 0, 2 / 64), (3, 3, 1), (0, 0, 1)]
)
def test_mcnemar_is_that_worked_by_hand(better: int, worse: int, p: float) -> None:
    assert mcnemar(better, worse) == pytest.approx(p)


def test_with_several_seeds_a_song_counts_for_the_side_of_more_right_seeds() -> None:
    labels = [0, 0, 0, 0]
    ours, again = [0, 0, 0, 1], [0, 0, 1, 1]
    theirs, too = [0, 1, 0, 1], [0, 1, 1, 0]

    found = paired_difference(
        predictions(labels, ours, again), predictions(labels, theirs, too), interval_rng("a")
    )

    assert (found.n_better, found.n_worse) == (1, 1)


@pytest.mark.parametrize(
    ("ours", "message"),
    [
        ([0, 1, 1], "1 songs were predicted by one side only, such as song 002"),
        ([0, 0], "labels of the two sides differ"),
    ],
)
def test_other_songs_or_genres_are_not_compared(ours: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        paired_difference(predictions(ours, ours), predictions([0, 1], [0, 1]), interval_rng("a"))


def test_lengths_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot be scored"):
        predictions([0, 1], [0, 1, 2])


def test_a_name_that_is_no_genre_is_refused() -> None:
    with pytest.raises(ValueError, match="'polka' is none of the genres jazz, rock, techno"):
        predictions_by_name(["a"], ["a"], ["jazz"], [["polka"]], GENRES)
