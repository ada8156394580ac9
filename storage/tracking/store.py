"""Open the store of runs and models, wherever the home has them."""

import logging
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field

from mlflow import MlflowClient
from mlflow.entities import LifecycleStage
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_ALREADY_EXISTS, ErrorCode

from storage.layout import DataLayout
from storage.tracking.champion import EXPERIMENT
from storage.tracking.places import RunsPlace, find_place

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


def open_tracking(layout: DataLayout, run_tags: Mapping[str, str] | None = None) -> Tracking:
    """Open the store of runs and models; the first time creates it.

    Raises
    ------
    TransientError
        If the tracking server does not answer.
    UsageError
        If it refuses, or the setting ``tracking`` does not fit the home.

    Notes
    -----
    Creating the SQLite tables takes about 2.6 s, opening them again 0.05 s. MLflow reads
    ``MLFLOW_DISABLE_TELEMETRY`` when it is imported: set it before this module is.
    """
    layout.home.mkdir(parents=True, exist_ok=True)
    place = find_place(layout)
    for noisy in ("mlflow.store.db.utils", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    with warnings.catch_warnings():
        # MLflow's own mapping uses a loader strategy that SQLAlchemy 2.1 is to drop
        warnings.filterwarnings("ignore", "The ``noload`` loader strategy", DeprecationWarning)
        place.make_ready()
        client = place.guard(MlflowClient(tracking_uri=place.uri, registry_uri=place.uri))
        experiment_id = _find_experiment(client, place)
    return Tracking(
        client=client, experiment_id=experiment_id, layout=layout, run_tags=run_tags or {}
    )


def _find_experiment(client: MlflowClient, place: RunsPlace) -> str:
    """The experiment's id; created where absent, restored where deleted, moved with its home."""
    experiment = client.get_experiment_by_name(EXPERIMENT)
    if experiment is None:
        _create_experiment(client, place)
        return _find_experiment(client, place)
    if experiment.lifecycle_stage == LifecycleStage.DELETED:
        client.restore_experiment(experiment.experiment_id)
    place.settle(experiment)
    return str(experiment.experiment_id)


def _create_experiment(client: MlflowClient, place: RunsPlace) -> None:
    """Create the experiment, unless another process was faster."""
    tags = {**EXPERIMENT_TAGS, **place.marks}
    try:
        client.create_experiment(EXPERIMENT, place.artifacts, tags)
    except MlflowException as error:
        if error.error_code != ErrorCode.Name(RESOURCE_ALREADY_EXISTS):
            raise
