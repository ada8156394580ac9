"""When a night trains again."""

import pytest

from genre_core.training.rules import NightConfig, explain_rest, is_enough


@pytest.mark.parametrize(
    ("n_songs", "share", "n_new", "n_known", "enough"),
    [
        (1, 0.0, 0, 100, False),
        (1, 0.0, 1, 100, True),
        (20, 0.0, 19, 100, False),
        (20, 0.0, 20, 100, True),
        (20, 0.05, 5, 100, True),
        (20, 0.05, 4, 100, False),
        (20, 0.05, 20, 1000, True),
        (20, 0.05, 0, 0, False),
        (0, 0.0, 0, 100, True),
    ],
)
def test_enough_is_a_number_of_songs_or_a_part_of_them(
    n_songs: int, share: float, n_new: int, n_known: int, enough: bool
) -> None:
    config = NightConfig(min_new_songs=n_songs, min_new_share=share)

    assert is_enough(config, n_new, n_known) is enough


def test_the_sentence_says_at_how_many_songs_training_begins() -> None:
    assert (
        explain_rest(NightConfig(min_new_songs=20), 3)
        == "3 new songs since the last training; it begins at 20."
    )
    assert (
        explain_rest(NightConfig(min_new_songs=20, min_new_share=0.05), 1)
        == "1 new song since the last training; it begins at 20, or 5% of the songs."
    )


def test_no_budget_is_no_limit_and_minutes_are_seconds() -> None:
    assert NightConfig().budget_s == float("inf")
    assert NightConfig(budget_min=1.5).budget_s == 90


@pytest.mark.parametrize(
    "setting", [{"min_new_songs": -1}, {"min_new_share": 1.5}, {"budget_min": -1.0}]
)
def test_settings_that_make_no_sense_are_refused(setting: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"night.{next(iter(setting))} is"):
        NightConfig(**setting)
