"""Open the store of runs and models, wherever the home has them."""

import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar, cast

import requests
from mlflow import MlflowClient
from mlflow.entities import LifecycleStage
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import (
    PERMISSION_DENIED,
    RESOURCE_ALREADY_EXISTS,
    UNAUTHENTICATED,
    ErrorCode,
)

from genre_core.errors import GenreflowError, TransientError, UsageError
from storage.home import DataLayout
from storage.models.alias import CHAMPION, REGISTERED
from storage.models.champion import EXPERIMENT
from storage.models.places import RunsPlace, find_place
from storage.models.server_runs import tell_absence, tell_refusal

P = ParamSpec("P")
R = TypeVar("R")
_REFUSED = {ErrorCode.Name(PERMISSION_DENIED), ErrorCode.Name(UNAUTHENTICATED)}


class _Guarded:
    """Passes every call on; MLflow itself has asked again for a minute before it gives up."""

    def __init__(self, client: MlflowClient, uri: str) -> None:
        self._client, self._uri = client, uri

    def __getattr__(self, name: str) -> object:
        found = getattr(self._client, name)
        return _told(found, self._uri) if callable(found) else found


def guard_client(client: MlflowClient, uri: str) -> MlflowClient:
    """Give a client that says in a sentence when the server fails or refuses."""
    return cast(MlflowClient, _Guarded(client, uri))


@contextmanager
def told(uri: str) -> Iterator[None]:
    """Say in a sentence that the server has failed or refused in this block."""
    try:
        yield
    except (MlflowException, requests.RequestException) as error:
        if (sentence := explain(error, uri)) is None:
            raise
        raise sentence from error


def _told(call: Callable[P, R], uri: str) -> Callable[P, R]:
    @wraps(call)
    def tell(*arguments: P.args, **named: P.kwargs) -> R:
        with told(uri):
            return call(*arguments, **named)

    return tell


def explain(error: Exception, uri: str) -> GenreflowError | None:
    """Give the sentence of what went wrong on the way; none where the server has answered.

    That it does not have what was asked for is an answer.
    """
    if getattr(error, "error_code", "") in _REFUSED:
        return UsageError(tell_refusal(uri, "this account has no right to it"))
    cause = _find_cause(error)
    if cause is None:
        return None
    answer = cause.response
    if answer is not None and answer.status_code == 404:
        return None
    if answer is not None and answer.status_code in (401, 403):
        return UsageError(tell_refusal(uri, f"{answer.status_code} {answer.reason}"))
    return TransientError(tell_absence(uri, ConnectionError(_brief(cause))))


def _brief(cause: requests.RequestException) -> str:
    """Say what happened, without the addresses and attempts that requests lists."""
    if isinstance(cause, requests.exceptions.RetryError | requests.HTTPError):
        return "it answers with errors alone"
    if isinstance(cause, requests.Timeout):
        return "it takes too long"
    return "the connection is refused, or breaks off"


def _find_cause(error: Exception) -> requests.RequestException | None:
    """Give what the network did; MLflow tells only its words."""
    seen: BaseException | None = error
    while seen:
        if isinstance(seen, requests.RequestException):
            return seen
        seen = seen.__cause__ or seen.__context__
    return None


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


def server_command(layout: DataLayout, port: int) -> list[str]:
    """Give the command that serves the runs of the home on 127.0.0.1; imports no MLflow."""
    return [
        *(sys.executable, "-m", "mlflow", "server"),
        *("--backend-store-uri", f"sqlite:///{layout.mlflow_db.resolve()}"),
        *("--default-artifact-root", layout.mlflow_artifacts.resolve().as_uri()),
        *("--no-serve-artifacts", "--workers", "1"),
        *("--host", "127.0.0.1", "--port", str(port)),
    ]


def champion_command(port: int) -> list[str]:
    """Give the command that serves the champion's verdicts on 127.0.0.1."""
    return [
        *(sys.executable, "-m", "mlflow", "models", "serve"),
        *("--model-uri", f"models:/{REGISTERED}@{CHAMPION}"),
        *("--host", "127.0.0.1", "--port", str(port), "--env-manager", "local"),
    ]


def champion_settings(layout: DataLayout, path: str) -> dict[str, str]:
    """Give the environment of that command; ``path`` is where programs are looked for now.

    MLflow starts uvicorn by its name, which stands beside this Python.
    """
    programs = str(Path(sys.executable).parent)
    return {
        "GENREFLOW_HOME": str(layout.home.resolve()),
        "GENREFLOW_TRACKING": layout.tracking_server,
        "MLFLOW_TRACKING_URI": find_place(layout).uri,
        "PATH": os.pathsep.join([programs, path]) if path else programs,
    }
