"""The summary of a night, as people read it in the morning."""

from datetime import UTC, datetime

import pytest

from storage.catalog.runs import Run
from tasks.report import summarise


def run(**ends: float) -> Run:
    return Run(
        run_id="run",
        cell_id="cell",
        comparison_id="comparison",
        network="cnn",
        representation="thesis",
        fragment_s=3.0,
        seed=0,
        snapshot_id="snapshot",
        n_parameters=100,
        epochs=12,
        validation_accuracy=0.75,
        validation_macro_f1=0.7,
        test_macro_f1=0.56,
        test_accuracy=0.65,
        seconds=3.5,
        model_uri="models:/m",
        started_at=datetime(2020, 6, 1, tzinfo=UTC),
        **ends,
    )


@pytest.mark.parametrize(
    ("ends", "shown"),
    [
        ({"test_macro_f1_low": 0.31, "test_macro_f1_high": 0.78}, "0.56 [0.31, 0.78]"),
        ({}, "0.56"),
    ],
)
def test_the_scores_of_a_night_have_their_intervals(ends: dict[str, float], shown: str) -> None:
    summary = summarise({"ok": 4}, 60, [run(**ends)], None)

    assert f"| cnn | 3 | 0 | 0.70 | {shown} | 12 | 4 |" in summary
    assert "Songs: 4 ok. Examples: 60." in summary
