"""Score against storage: a line a representation, its lengths named beside the points."""

from genre_core.evaluation.bootstrap import Interval
from genre_core.figures.studies import CostedScore, draw_storage


def score(representation: str, fragment_s: float, n_bytes: float, value: float) -> CostedScore:
    return CostedScore(
        representation=representation,
        fragment_s=fragment_s,
        bytes_per_song=n_bytes,
        validation=Interval(value=value, low=value - 0.1, high=value + 0.1),
    )


def test_lengths_of_a_representation_are_joined_from_short_to_long() -> None:
    scores = [score("thesis", 3.0, 20_000, 0.5), score("thesis", 1.0, 6_000, 0.4)]

    axes = draw_storage([*scores, score("logmel", 3.0, 400_000, 0.7)]).axes[0]

    assert [line.get_label() for line in axes.lines] == ["thesis", "logmel"]
    assert axes.lines[0].get_xdata().tolist() == [6_000, 20_000]
    assert axes.lines[0].get_ydata().tolist() == [0.4, 0.5]
    assert [text.get_text() for text in axes.texts] == ["1 s", "3 s", "3 s"]
    assert axes.get_xscale() == "log"
