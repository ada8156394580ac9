"""Figures of a night: bars and points stand where the numbers say."""

import numpy as np
import pytest

from genre_core.evaluation.bootstrap import Interval
from genre_core.figures.nightly import ChampionScore, draw_champions, draw_drift, draw_songs


def one(version: int, value: float, evaluated_on: str = "golden 1") -> ChampionScore:
    score = Interval(value=value, low=value - 0.1, high=value + 0.1)
    return ChampionScore(
        version=version, day="1 Jan", network="cnn", score=score, evaluated_on=evaluated_on
    )


def test_the_bars_of_a_genre_are_as_long_as_it_has_songs() -> None:
    figure = draw_songs({"jazz": {"ok": 3, "quarantined": 2}}, {"jazz": {"ok": 10}, "rock": {}})

    tonight, library = figure.axes
    assert tonight.get_title() == "this night: 5 songs"
    assert library.get_title() == "library: 10 songs"
    ends = [bar.get_x() + bar.get_width() for bar in tonight.patches if bar.get_width()]
    assert ends == [3.0, 5.0]


def test_a_night_without_songs_can_be_drawn() -> None:
    tonight = draw_songs({}, {"jazz": {"ok": 1}}).axes[0]

    assert tonight.get_title() == "this night: 0 songs"


def test_bands_that_differ_have_a_star_and_medians_stand_beside_each_other() -> None:
    new, known = np.full((5, 2), 0.25), np.full((6, 2), 0.75)

    bands, sure = draw_drift((new, known), (np.full(5, 0.5), np.zeros(0)), [False, True]).axes

    assert [label.get_text() for label in bands.get_xticklabels()] == ["1", "2*"]
    assert [line.get_ydata()[0] for line in bands.lines] == pytest.approx([0.25, 0.75])
    assert len(sure.lines) == 1


def test_only_champions_that_were_evaluated_on_the_same_songs_are_joined() -> None:
    axes = draw_champions([one(1, 0.5, "validation"), one(2, 0.6), one(3, 0.8)]).axes[0]

    joined = {len(line.get_xdata()) for line in axes.lines if line.get_linestyle() == "-"}
    assert {1, 2} <= joined
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == ["validation", "golden 1"]
