"""What is written into tags: the user's own word comes first."""

import pytest

from genre_core.evaluation.thresholds import Threshold
from genre_core.tagging import (
    TagMode,
    TagPrediction,
    TagReason,
    choose_genres,
    find_objection,
    without_written,
)


def threshold(confidence: float | None) -> Threshold:
    return Threshold(
        genre="jazz",
        confidence=confidence,
        n_songs=40,
        n_groups=40,
        n_right=40,
        precision_low=0.9,
        highest_precision=0.9,
        n_out_of_fold=0,
    )


@pytest.mark.parametrize(
    ("own", "mode", "genres", "reason"),
    [
        ((), "fill", ("jazz",), ""),
        (("Rock",), "fill", ("Rock",), "tagged"),
        (("Rock",), "add", ("Rock", "jazz"), ""),
        (("Rock", "Soul"), "replace", ("jazz",), ""),
        ((), "add", ("jazz",), ""),
        (("Jazz",), "fill", ("Jazz",), "already"),
        (("Rock", " JAZZ"), "add", ("Rock", " JAZZ"), "already"),
        (("Rock; Jazz",), "add", ("Rock; Jazz",), "already"),
        (("Jazz",), "replace", ("Jazz",), "already"),
        (("Rock", "Jazz"), "replace", ("Jazz",), ""),
    ],
)
def test_modes_keep_what_the_user_has_as_far_as_they_say(
    own: tuple[str, ...], mode: str, genres: tuple[str, ...], reason: str
) -> None:
    assert choose_genres(own, "jazz", TagMode(mode)) == (genres, reason)


@pytest.mark.parametrize(
    ("prediction", "least", "reason"),
    [
        (TagPrediction(genre="jazz", confidence=0.8), 0.8, TagReason.WRITTEN),
        (TagPrediction(genre="jazz", confidence=0.79), 0.8, TagReason.UNSURE),
        (TagPrediction(genre="jazz", confidence=1.0), None, TagReason.NEVER),
        (TagPrediction(genre="jazz", confidence=1.0, unknown=True), 0.8, TagReason.UNKNOWN),
        (TagPrediction(genre="jazz", confidence=1.0, label="rock"), 0.8, TagReason.LABELLED),
        (TagPrediction(genre="jazz", confidence=1.0, label="jazz"), 0.8, TagReason.WRITTEN),
        (TagPrediction(genre="jazz", confidence=None), 0.8, TagReason.UNSURE),
        (TagPrediction(genre="", confidence=None, error="gone"), 0.8, TagReason.UNPREDICTED),
    ],
)
def test_only_a_sure_prediction_that_the_label_does_not_deny_is_written(
    prediction: TagPrediction, least: float | None, reason: TagReason
) -> None:
    assert find_objection(prediction, threshold(least)) == reason


@pytest.mark.parametrize(
    ("current", "former", "written", "expected"),
    [
        (("jazz",), (), ("jazz",), ()),
        (("jazz", "Bebop"), (), ("jazz",), ("Bebop",)),
        (("Rock", "Bebop", "jazz"), ("Rock",), ("Rock", "jazz"), ("Rock", "Bebop")),
        (("jazz", "Bebop"), ("Rock",), ("jazz",), ("Rock", "Bebop")),
        (("Bebop",), ("Rock",), ("jazz",), None),
        ((), (), ("jazz",), None),
    ],
)
def test_what_was_written_is_taken_out_of_edited_genres(
    current: tuple[str, ...],
    former: tuple[str, ...],
    written: tuple[str, ...],
    expected: tuple[str, ...] | None,
) -> None:
    assert without_written(current, former, written) == expected
