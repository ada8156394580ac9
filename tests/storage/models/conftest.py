"""Real stores: the tables are made once a session, each test gets a copy of them."""

import os
import shutil
from pathlib import Path

import pytest

from storage.home import DataLayout

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"  # read when mlflow is imported

from storage.models.runs import RunDescription, create_run, start_training
from storage.models.store import Tracking, open_tracking


@pytest.fixture
def layout(tracking_tables: Path, tmp_path: Path) -> DataLayout:
    layout = DataLayout(tmp_path)
    shutil.copy(tracking_tables, layout.mlflow_db)
    return layout


@pytest.fixture
def tracking(layout: DataLayout) -> Tracking:
    return open_tracking(layout)


@pytest.fixture
def parent_id(tracking: Tracking) -> str:
    return create_run(tracking, "two networks", "comparison", {})


@pytest.fixture
def described() -> RunDescription:
    return RunDescription(
        network="cnn",
        representation="thesis",
        fragment_s=1.5,
        seed=0,
        snapshot_id="3f9a0c1d2e4b5a69",
        feature_key="8c1fe27d",
        genres=("jazz", "rock"),
        n_examples={"train": 140, "validation": 30, "test": 30},
        config={"batch_size": 32, "learning_rate": 0.001},
    )


@pytest.fixture
def run_id(tracking: Tracking, parent_id: str, described: RunDescription) -> str:
    return start_training(tracking, parent_id, described)
