"""Figures of studies: the ladder, storage, the learning curve, lengths."""

from dataclasses import replace

import numpy as np
import pytest

from genre_core.evaluation.bootstrap import Interval
from genre_core.figures.studies import (
    CostedScore,
    draw_benchmark,
    draw_ladder,
    draw_learning_curve,
    draw_lengths,
    draw_storage,
)
from genre_core.studies.claims.evidence import NetworkScore
from genre_core.studies.ladder.rungs import RUNGS, Labels
from genre_core.studies.ladder.scores import RungScore
from genre_core.studies.learning_curve import CurvePoint, LearningCurve
from tests.genre_core.test_figures import PNG, png


def around(value: float) -> Interval:
    return Interval(value=value, low=value - 0.1, high=value + 0.1)


def rung(number: int, value: float | None) -> RungScore:
    accuracies = {} if value is None else {(labels, "fragment"): around(value) for labels in Labels}
    return RungScore(
        rung=RUNGS[number], accuracies=accuracies, largest=0.3, chance=0.25, n_songs=9, note=""
    )


def test_rungs_are_drawn_from_top_to_bottom_and_the_untestable_says_so() -> None:
    figure = draw_ladder([rung(0, 0.8), rung(1, 0.5), rung(8, None)], "A ladder")
    axes = figure.axes[0]

    assert [label.get_text()[0] for label in axes.get_yticklabels()] == ["0", "1", "8"]
    assert axes.yaxis_inverted()
    assert [text.get_text() for text in axes.texts] == ["not testable here"]
    assert png(figure).startswith(PNG)
    with pytest.raises(ValueError, match="no rung"):
        draw_ladder([], "A ladder")


def test_chance_is_the_largest_genre_beside_true_labels_and_even_odds_beside_random_ones() -> None:
    narrow = replace(rung(8, 0.3), largest=0.4)

    axes = draw_ladder([rung(0, 0.8), narrow, rung(8, None)], "A ladder").axes[0]

    dotted = [line for line in axes.lines if line.get_linestyle() == ":"]
    assert [np.asarray(line.get_xdata())[0] for line in dotted] == [0.3, 0.25, 0.4, 0.25]
    assert [np.asarray(line.get_ydata())[1] for line in dotted] == [0, 0.4, 1, 1.4]


def test_lengths_of_a_representation_are_joined_from_short_to_long() -> None:
    def costed(representation: str, fragment_s: float, n_bytes: float, value: float) -> CostedScore:
        return CostedScore(
            representation=representation,
            fragment_s=fragment_s,
            bytes_per_song=n_bytes,
            validation=around(value),
        )

    scores = [costed("thesis", 3.0, 20_000, 0.5), costed("thesis", 1.0, 6_000, 0.4)]

    axes = draw_storage([*scores, costed("logmel", 3.0, 400_000, 0.7)]).axes[0]

    assert axes.get_legend_handles_labels()[1] == ["thesis", "logmel"]
    np.testing.assert_allclose(axes.lines[0].get_xydata(), [[6_000, 0.4], [20_000, 0.5]])
    assert [text.get_text() for text in axes.texts] == ["1 s", "3 s", "3 s"]
    assert axes.get_xscale() == "log"


def test_the_learning_curve_ends_with_all_songs() -> None:
    def point(n_songs: int, value: float) -> CurvePoint:
        accuracy = around(value)
        return CurvePoint(n_songs=n_songs, accuracy=accuracy, n_scored=9, n_groups=3, n_draws=1)

    curve = LearningCurve(
        name="without", points=(point(1, 0.4), point(2, 0.5)), all_songs=point(7, 0.6)
    )

    axes = draw_learning_curve([curve], 0.25, "songs").axes[0]

    np.testing.assert_allclose(axes.lines[0].get_xydata(), [[1, 0.4], [2, 0.5], [7, 0.6]])
    assert axes.get_legend_handles_labels()[1] == ["chance", "without"]


def test_accuracy_by_length_is_drawn_in_order_of_the_lengths() -> None:
    def scored(network: str, fragment_s: float, value: float) -> NetworkScore:
        return NetworkScore(
            network=network,
            fragment_s=fragment_s,
            run_ids=("a",),
            by_fragment=around(value),
            by_song=around(value),
            confusion=((1,),),
            n_parameters=1,
            epoch_s=1.0,
        )

    axes = draw_lengths([scored("cnn", 3.0, 0.8), scored("cnn", 1.0, 0.5)], 0.25).axes[0]

    np.testing.assert_allclose(axes.lines[0].get_xydata(), [[0, 0.5], [1, 0.8]])
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "3"]


def test_published_scores_stand_below_ours_and_have_no_interval() -> None:
    figure = draw_benchmark({"head": around(0.7)}, {"a paper": 0.8, "unfiltered": 0.9}, ["a paper"])
    axes = figure.axes[0]

    assert [label.get_text() for label in axes.get_yticklabels()] == [
        *("head", "a paper", "unfiltered"),
    ]
    filled, hollow = axes.collections[-2:]
    assert filled.get_offsets().tolist() == [[0.8, 1.0]]
    assert hollow.get_offsets().tolist() == [[0.9, 2.0]]
    assert hollow.get_facecolors().tolist() == [[1.0, 1.0, 1.0, 1.0]]
    assert png(figure).startswith(PNG)
    with pytest.raises(ValueError, match="no score"):
        draw_benchmark({}, {}, [])
