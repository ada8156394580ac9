"""The figure of the ladder shows each rung where it belongs."""

import io
from dataclasses import replace

import numpy as np
import pytest

from genre_core.evaluation.bootstrap import Interval
from genre_core.figures.studies import draw_ladder
from genre_core.studies.ladder.rungs import RUNGS
from genre_core.studies.ladder.scores import Accuracy, RungScore


def score(number: int, value: float | None) -> RungScore:
    interval = None if value is None else Interval(value=value, low=value - 0.1, high=value + 0.1)
    accuracy = None if interval is None else Accuracy(fragment=interval, song=None)
    return RungScore(
        rung=RUNGS[number],
        true=accuracy,
        random=accuracy,
        largest=0.3,
        chance=0.25,
        n_songs=9,
        note="",
    )


def test_rungs_stand_from_top_to_bottom_and_the_untestable_says_so() -> None:
    figure = draw_ladder([score(0, 0.8), score(1, 0.5), score(8, None)], "A ladder")
    axes = figure.axes[0]

    assert [label.get_text()[0] for label in axes.get_yticklabels()] == ["0", "1", "8"]
    assert axes.yaxis_inverted()
    assert [text.get_text() for text in axes.texts] == ["not testable here"]


def test_chance_is_the_largest_genre_beside_true_labels_and_even_odds_beside_random_ones() -> None:
    narrow = replace(score(8, 0.3), largest=0.4)

    axes = draw_ladder([score(0, 0.8), narrow, score(8, None)], "A ladder").axes[0]

    dotted = [line for line in axes.lines if line.get_linestyle() == ":"]
    assert [np.asarray(line.get_xdata())[0] for line in dotted] == [0.3, 0.25, 0.4, 0.25]
    assert [np.asarray(line.get_ydata())[1] for line in dotted] == [0, 0.4, 1, 1.4]


def test_the_figure_becomes_a_png() -> None:
    file = io.BytesIO()

    draw_ladder([score(0, 0.8)], "A ladder").savefig(file, format="png")

    assert file.getvalue().startswith(b"\x89PNG")


def test_a_ladder_without_rungs_is_refused() -> None:
    with pytest.raises(ValueError, match="no rung"):
        draw_ladder([], "A ladder")
