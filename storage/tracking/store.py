"""Open the store of runs and models: SQLite and local files below the layout."""

import logging
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from mlflow import MlflowClient
from mlflow.entities import LifecycleStage
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_ALREADY_EXISTS, ErrorCode

from storage.layout import DataLayout
from storage.tracking.relocation import relocate

EXPERIMENT = "genreflow"
EXPERIMENT_TAGS = {
    # without its kind the page asks what the experiment is for before it shows the runs
    "mlflow.experimentKind": "custom_model_development",
    "mlflow.note.content": "A parent run for each comparison, a child run for each training.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracking:
    """An open store of runs: its client and the experiment that the runs belong to.

    Every run that is made through it bears ``run_tags``.
    """

    client: MlflowClient
    experiment_id: str
    layout: DataLayout
    run_tags: Mapping[str, str] = field(default_factory=dict)


def tracking_uri(layout: DataLayout) -> str:
    """The address of the runs, as MLflow's own commands take it."""
    return f"sqlite:///{layout.mlflow_db.resolve()}"


def open_tracking(layout: DataLayout, run_tags: Mapping[str, str] | None = None) -> Tracking:
    """Open the store of runs and models; the first time creates it.

    Notes
    -----
    Creating the SQLite tables takes about 2.6 s, opening them again 0.05 s. MLflow reads
    ``MLFLOW_DISABLE_TELEMETRY`` when it is imported: set it before this module is.
    """
    layout.home.mkdir(parents=True, exist_ok=True)
    for noisy in ("mlflow.store.db.utils", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    with warnings.catch_warnings():
        # MLflow's own mapping uses a loader strategy that SQLAlchemy 2.1 is to drop
        warnings.filterwarnings("ignore", "The ``noload`` loader strategy", DeprecationWarning)
        if not layout.mlflow_db.exists():
            _create_tables(layout)
        uri = tracking_uri(layout)
        client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        experiment_id = _find_experiment(client, layout)
    return Tracking(
        client=client, experiment_id=experiment_id, layout=layout, run_tags=run_tags or {}
    )


def _create_tables(layout: DataLayout) -> None:
    """Create the tables in a file beside: a killed process leaves no half of them in place.

    MLflow makes them step by step, and refuses a file in which some of the steps are missing.
    """
    # imported late, because that warns: see `open_tracking`
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    fresh = layout.home.resolve() / ".mlflow.db.new"
    for left in fresh.parent.glob(f"{fresh.name}*"):
        left.unlink()
    create_store = cast(Callable[[str, str], Any], SqlAlchemyStore)  # MLflow tells no types here
    store = create_store(f"sqlite:///{fresh}", layout.mlflow_artifacts.resolve().as_uri())
    store.engine.dispose()
    fresh.replace(layout.mlflow_db)


def _find_experiment(client: MlflowClient, layout: DataLayout) -> str:
    """The experiment's id; created where absent, restored where deleted, moved with its home."""
    experiment = client.get_experiment_by_name(EXPERIMENT)
    if experiment is None:
        return _create_experiment(client, layout)
    if experiment.lifecycle_stage == LifecycleStage.DELETED:
        client.restore_experiment(experiment.experiment_id)
    relocate(layout, experiment.artifact_location)
    return str(experiment.experiment_id)


def _create_experiment(client: MlflowClient, layout: DataLayout) -> str:
    """Create the experiment, unless another process was faster."""
    location = layout.mlflow_artifacts.resolve().as_uri()
    try:
        return str(client.create_experiment(EXPERIMENT, location, EXPERIMENT_TAGS))
    except MlflowException as error:
        if error.error_code != ErrorCode.Name(RESOURCE_ALREADY_EXISTS):
            raise
        return _find_experiment(client, layout)
