"""What the charts of models count."""

import pytest

from flows.web.model_charts import arrange_runs, bin_confidence, count_confusion
from storage.catalog.versions import EvaluatedSong
from tasks.comparison import compare_groups
from tests.tasks.test_comparison import N_SONGS, result, row, wrong_songs


def song(label: str, predicted: str, confidence: float | None = None) -> EvaluatedSong:
    return EvaluatedSong(
        track_id="0",
        name="",
        label=label,
        predicted=predicted,
        confidence=confidence,
        unknown=False,
    )


def test_songs_are_counted_by_label_and_prediction() -> None:
    songs = [song("jazz", "jazz"), song("jazz", "rock"), song("jazz", "rock"), song("rock", "pop")]
    found = count_confusion(songs)
    assert found.genres == ("jazz", "pop", "rock")
    assert found.counts == {("jazz", "jazz"): 1, ("jazz", "rock"): 2, ("rock", "pop"): 1}
    assert [found.shade("jazz", genre) for genre in found.genres] == [2, 0, 4]  # 1/3 and 2/3 of 5


def test_songs_are_binned_by_confidence_and_those_without_are_left_out() -> None:
    songs = [
        *(song("a", "a", 0.95), song("a", "b", 0.91), song("a", "a", 0.25), song("b", "a", 1.0)),
        song("a", "a", None),
    ]
    found = bin_confidence(songs)
    assert [one.n_songs for one in found] == [0, 0, 1, 0, 0, 0, 0, 0, 0, 3]
    assert (found[2].n_right, found[9].n_right) == (1, 1)
    assert found[9].accuracy == pytest.approx(1 / 3)
    assert found[9].confidence == pytest.approx((0.95 + 0.91 + 1.0) / 3)
    assert found[0].accuracy is None
    assert bin_confidence([song("a", "a")]) == []


def test_a_run_that_is_worse_stands_outside_the_bracket() -> None:
    groups = {"a": 2, "b": 3, "c": N_SONGS - 2}
    splits = [one for name, n in groups.items() for one in result(name, wrong_songs(n))]
    comparison = compare_groups([row(name, name) for name in groups], splits)
    shown = arrange_runs(comparison, "b")
    assert [run.title.split()[0] for run in shown.tied] == ["a", "b"]
    assert [run.title.split()[0] for run in shown.others] == ["c"]
    assert [run.is_champion for run in shown.tied] == [False, True]
