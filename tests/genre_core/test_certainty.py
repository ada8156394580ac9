"""What a prediction says of itself: confidence, unknown, alternatives."""

import numpy as np
import pytest

from genre_core.evaluation.certainty import Assessment, Certainty, PredictionConfig, fit_certainty
from genre_core.evaluation.novelty import Novelty

GENRES = ("folk", "jazz", "rock")
SONG = np.array([0.1, 0.6, 0.3])
VALUES = np.array([0, 3, 99, 99], np.float32)  # two features, then the logits of two tags


@pytest.fixture
def novelty() -> Novelty:
    return Novelty(
        references=np.array([[1, 0], [1, 0]], np.float16), threshold=1.4, refuse_share=0.05
    )


def test_a_song_is_assessed_by_its_features_and_its_probabilities(novelty: Novelty) -> None:
    certainty = Certainty(coverage=0.9, least_probability=0.25, novelty=novelty)

    far = certainty.assess(SONG, GENRES, VALUES)  # at a right angle: sqrt(2)
    near = certainty.assess(SONG, GENRES, VALUES[::-1])

    assert far == Assessment(confidence=0.6, unknown=True, alternatives=("jazz", "rock"))
    assert near.unknown is False


def test_of_spectrograms_nobody_can_say_what_is_unknown(novelty: Novelty) -> None:
    without = Certainty(coverage=0.9, least_probability=0.25)

    assert without.assess(SONG, GENRES, None).unknown is None
    assert without.assess(SONG, GENRES, VALUES).unknown is None


def test_a_model_of_an_older_genreflow_has_a_confidence_alone() -> None:
    assert Certainty().assess(SONG, GENRES, VALUES) == Assessment(confidence=0.6)


def test_without_a_song_that_was_held_out_all_genres_are_alternatives() -> None:
    certainty = fit_certainty(np.zeros((0, 3)), np.zeros(0, np.int64), PredictionConfig())

    assert certainty.assess(SONG, GENRES, None).alternatives == ("jazz", "rock", "folk")


@pytest.mark.parametrize("name", ["refuse_share", "coverage"])
@pytest.mark.parametrize("share", [0.0, 1.0, float("nan")])
def test_a_share_that_is_none_is_refused(name: str, share: float) -> None:
    with pytest.raises(ValueError, match=f"prediction.{name} is {share}"):
        PredictionConfig(**{name: share})
