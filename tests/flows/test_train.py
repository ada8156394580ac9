"""Train: one cell that diverges leaves the others be."""

from dataclasses import replace

import pytest

from flows.settings import Settings
from genre_core.errors import GenreflowError
from genre_core.training.rules import TrainingConfig

pytestmark = [pytest.mark.flow, pytest.mark.keras]

DIVERGING = TrainingConfig(max_epochs=2, learning_rate=1e38)


def test_a_training_that_diverges_leaves_the_others_be(finished_copy: Settings) -> None:
    from prefect import flow

    from flows.train import plan_cells, train_cell
    from storage.models.store import open_tracking
    from tasks.compare import finished_runs, open_comparison
    from tasks.splits import assign_splits

    layout = finished_copy.layout
    config = replace(finished_copy, networks=("dense",), seeds=(7,), fragment_lengths_s=(1.0,))

    @flow
    def train_both() -> list[str]:
        snapshots = assign_splits(layout, config.features, (), 0)
        cells = [
            *plan_cells(replace(config, training=DIVERGING), config.features, snapshots),
            *plan_cells(config, config.features, snapshots),
        ]
        comparison_id = open_comparison(layout, cells)
        for cell in cells:
            train_cell(layout, cell, comparison_id)
        assert [run.cell_id for run in finished_runs(layout, cells)] == [cells[1].cell_id]
        return [comparison_id]

    comparison_id = train_both()[0]

    tracking = open_tracking(layout)
    runs = tracking.client.search_runs(
        [tracking.experiment_id], f"tags.mlflow.parentRunId = '{comparison_id}'"
    )
    status = {run.data.params["learning_rate"]: run.info.status for run in runs}
    failed = next(run for run in runs if run.info.status == "FAILED")
    assert status == {"1e+38": "FAILED", "0.001": "FINISHED"}
    assert failed.data.tags["failure"].startswith("TrainingDiverged: network dense")


def test_a_comparison_in_which_nothing_could_be_trained_fails_and_is_closed(
    finished_copy: Settings,
) -> None:
    from flows.train import train
    from storage.models.store import open_tracking

    config = replace(
        finished_copy, networks=("dense",), fragment_lengths_s=(1.0,), training=DIVERGING
    )

    with pytest.raises(GenreflowError, match="No network could be trained"):
        train(config)

    tracking = open_tracking(config.layout)
    running = tracking.client.search_runs([tracking.experiment_id], "status = 'RUNNING'")
    assert running == []
