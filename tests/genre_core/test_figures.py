"""Figures of models and nights: they show what they were given, and extremes can be drawn."""

import io
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.figure import Figure

from genre_core.evaluation.aggregation import VotedScore
from genre_core.evaluation.bootstrap import Interval
from genre_core.evaluation.calibration import reliability, risk_coverage, temper
from genre_core.figures.comparison import ComparedGroup, draw_comparison
from genre_core.figures.evaluation import (
    draw_aggregation,
    draw_confusion,
    draw_coverage,
    draw_curves,
    draw_reliability,
)
from genre_core.figures.nightly import ChampionScore, draw_champions, draw_drift, draw_songs
from genre_core.training.rules import EpochScores

PNG = b"\x89PNG"


def epochs(*accuracies: float) -> list[EpochScores]:
    return [
        EpochScores(
            epoch=epoch,
            loss=2.0 - value,
            accuracy=value,
            validation_loss=2.5 - value,
            validation_accuracy=value / 2,
            learning_rate=0.001,
        )
        for epoch, value in enumerate(accuracies, start=1)
    ]


def group(name: str, fragment_s: float, *test_by_seed: float) -> ComparedGroup:
    mean = float(np.mean(test_by_seed))
    return ComparedGroup(
        name=name,
        fragment_s=fragment_s,
        validation=Interval(value=0.5, low=0.3, high=0.6),
        test=Interval(value=mean, low=mean - 0.2, high=mean + 0.1),
        validation_by_seed=(0.5,) * len(test_by_seed),
        test_by_seed=test_by_seed,
    )


def png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=50)
    return buffer.getvalue()


def test_the_curves_show_loss_and_accuracy_of_both_subsets_and_the_best_epoch() -> None:
    loss, accuracy = draw_curves(epochs(0.2, 0.6, 0.4), "cnn").axes

    np.testing.assert_allclose(loss.lines[0].get_xydata(), [[1, 1.8], [2, 1.4], [3, 1.6]])
    np.testing.assert_allclose(loss.lines[1].get_ydata(), [2.3, 1.9, 2.1])
    np.testing.assert_allclose(accuracy.lines[0].get_ydata(), [0.2, 0.6, 0.4])
    np.testing.assert_allclose(accuracy.lines[1].get_ydata(), [0.1, 0.3, 0.2])
    assert accuracy.lines[2].get_label() == "best epoch (2)"
    assert list(accuracy.lines[2].get_xdata()) == [2, 2]


def test_the_confusion_matrix_shows_counts_and_shares_of_the_true_genre() -> None:
    counts = np.array([[6, 2, 0], [0, 5, 0], [0, 0, 0]])

    axes = draw_confusion(counts, ["jazz", "rock", "pop"], "cnn").axes[0]

    shown = {text.get_position(): text.get_text() for text in axes.texts}
    assert shown == {(0, 0): "6\n75%", (1, 0): "2\n25%", (1, 1): "5\n100%"}
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["jazz (8)", "rock (5)", "pop (0)"]
    assert axes.get_xlabel() == "predicted genre"


def test_the_comparison_joins_the_means_over_seeds_across_fragment_lengths() -> None:
    groups = [group("cnn", 3.0, 0.8), group("cnn", 1.0, 0.4, 0.6)]

    _, test = draw_comparison(groups).axes

    bars = test.collections[0].get_segments()
    np.testing.assert_allclose(test.lines[0].get_xydata(), [[0, 0.5], [1, 0.8]])
    np.testing.assert_allclose([bar[:, 1] for bar in bars], [[0.3, 0.6], [0.6, 0.9]])
    assert [label.get_text() for label in test.get_xticklabels()] == ["1", "3"]


def test_the_comparison_of_one_length_puts_the_networks_side_by_side() -> None:
    groups = [group("cnn", 3.0, 0.8, 0.6), group("rnn", 3.0, 0.5)]

    _, test = draw_comparison(groups).axes

    bar_of_cnn, dots_of_cnn = test.collections[:2]
    np.testing.assert_allclose(bar_of_cnn.get_segments()[0][:, 1], [0.5, 0.8])
    np.testing.assert_allclose(dots_of_cnn.get_offsets()[:, 1], [0.8, 0.6])
    assert [label.get_text() for label in test.get_xticklabels()] == ["cnn", "rnn"]


def test_reliability_shows_accuracy_against_confidence_before_and_after() -> None:
    probabilities, labels = np.array([[0.9, 0.1], [0.4, 0.6]]), np.array([0, 0])
    curves = {
        "as trained": reliability(probabilities, labels),
        "temperature 2": reliability(temper(probabilities, 2), labels),
    }

    curve, below = draw_reliability(curves, "cnn").axes[:2]

    np.testing.assert_allclose(curve.lines[1].get_xydata(), [[0.6, 0], [0.9, 1]])
    assert curve.lines[1].get_label() == "as trained (ECE 0.35)"
    assert sum(bar.get_height() for bar in below.patches) == 4


def test_coverage_shows_accuracy_among_the_most_confident_songs() -> None:
    curve = risk_coverage(np.array([[0.9, 0.1], [0.4, 0.6]]), np.array([0, 0]))

    axes = draw_coverage(curve, "cnn").axes[0]

    np.testing.assert_allclose(axes.lines[0].get_xydata(), [[0.5, 1], [1, 0.5]])
    assert axes.lines[1].get_label() == "all 2 songs: 50%"


def test_aggregation_shows_a_line_a_vote_over_the_numbers_of_fragments() -> None:
    interval = Interval(value=0.5, low=0.25, high=0.75)
    scores = [
        VotedScore(vote=vote, n_fragments=n, accuracy=interval, macro_f1=interval)
        for vote in ("mean", "log_mean")
        for n in (1, 15)
    ]

    accuracy, _ = draw_aggregation(scores, "cnn").axes

    assert accuracy.get_legend_handles_labels()[1] == ["mean", "log-mean"]
    assert [label.get_text() for label in accuracy.get_xticklabels()] == ["1", "15"]
    np.testing.assert_allclose(accuracy.collections[0].get_segments()[0][:, 1], [0.25, 0.75])


def test_the_extremes_can_be_drawn() -> None:
    names = [f"contemporary jazz {i}" for i in range(10)]
    many = [
        group(f"network{i}", float(length), 0.5, 0.6, 0.7)
        for i in range(9)
        for length in range(1, 6)
        if (i + length) % 7
    ]

    assert png(draw_curves(epochs(0.2), "cnn")).startswith(PNG)
    assert png(draw_confusion(np.eye(10, dtype=np.int64), names, "")).startswith(PNG)
    assert png(draw_comparison(many)).startswith(PNG)
    with pytest.raises(ValueError, match="no run to compare"):
        draw_comparison([])


def test_dollars_in_names_are_no_formulas() -> None:
    drawn = draw_confusion(np.eye(2, dtype=np.int64), ["$x_$", "A$AP $\\frac$"], "$^$")

    assert png(drawn).startswith(PNG)


def test_drawing_needs_neither_keras_nor_the_state_of_pyplot() -> None:
    modules = (
        *(f"figures.{n}" for n in ("architecture", "comparison", "evaluation", "kernels")),
        *("figures.signal", "figures.studies", "networks.layers", "studies.occlusion"),
    )
    program = (
        f"import sys, {', '.join(f'genre_core.{name}' for name in modules)}; "
        "sys.exit(bool({'keras', 'tensorflow', 'matplotlib.pyplot'} & {*sys.modules}))"
    )

    subprocess.run([sys.executable, "-c", program], check=True)


def champion(version: int, value: float, evaluated_on: str = "golden 1") -> ChampionScore:
    score = Interval(value=value, low=value - 0.1, high=value + 0.1)
    return ChampionScore(
        version=version, day="1 Jan", network="cnn", score=score, evaluated_on=evaluated_on
    )


def test_the_bars_of_a_genre_are_as_long_as_it_has_songs() -> None:
    figure = draw_songs({"jazz": {"ok": 3, "quarantined": 2}}, {"jazz": {"ok": 10}, "rock": {}})

    tonight, library = figure.axes
    titles = tonight.get_title(), library.get_title()
    assert titles == ("this night: 5 songs", "library: 10 songs")
    ends = [bar.get_x() + bar.get_width() for bar in tonight.patches if bar.get_width()]
    assert ends == [3.0, 5.0]
    assert draw_songs({}, {}).axes[0].get_title() == "this night: 0 songs"


def test_bands_that_differ_have_a_star_and_medians_stand_beside_each_other() -> None:
    new, known = np.full((5, 2), 0.25), np.full((6, 2), 0.75)

    bands, sure = draw_drift((new, known), (np.full(5, 0.5), np.zeros(0)), [False, True]).axes

    assert [label.get_text() for label in bands.get_xticklabels()] == ["1", "2*"]
    assert [line.get_ydata()[0] for line in bands.lines] == pytest.approx([0.25, 0.75])
    assert len(sure.lines) == 1


def test_only_champions_that_were_evaluated_on_the_same_songs_are_joined() -> None:
    champions = [champion(1, 0.5, "validation"), champion(2, 0.6), champion(3, 0.8)]

    axes = draw_champions(champions).axes[0]

    joined = {len(line.get_xdata()) for line in axes.lines if line.get_linestyle() == "-"}
    assert {1, 2} <= joined
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == ["validation", "golden 1"]
