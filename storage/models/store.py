"""Open the store of runs and models: SQLite in the home, or a team's tracking server."""

import getpass
import logging
import socket
import sqlite3
import sys
import uuid
import warnings
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock
from typing import cast

import mlflow
import requests
from mlflow import MlflowClient
from mlflow.entities import Experiment, LifecycleStage
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from genre_core.errors import CatalogMismatch, GenreflowError, TransientError, UsageError
from storage.files import explain_sqlite, make_home, read_home_id, require_sqlite, write_bytes
from storage.home import DataLayout
from storage.models.champion import REGISTERED
from storage.models.server import describe_absence, describe_refusal, require_answer

EXPERIMENT = "genreflow"
_SQLITE = "sqlite:///"
HOME_TAG, NOTE_TAG = "genreflow.home_id", "mlflow.note.content"
ID_CHARACTERS = 8
"""Of a home's id, in the name of its experiment on a server that was another home's before."""
EXPERIMENT_TAGS = {
    # without its kind the page wants the kind of experiment before it shows the runs
    "mlflow.experimentKind": "custom_model_development",
    NOTE_TAG: "A parent run for each comparison, a child run for each training.",
}
IN_TURN = RLock()
"""Held where warnings are filtered: the filters are those of all threads."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracking:
    """An open store of runs: its client and the experiment that the runs belong to.

    Every run that is made through it bears ``run_tags``. ``registered`` is the name of the models
    of the home in the registry: also on a server that other homes use.
    """

    client: MlflowClient
    uri: str
    experiment_id: str
    layout: DataLayout
    run_tags: Mapping[str, str] = field(default_factory=dict)
    registered: str = REGISTERED


def has_runs(layout: DataLayout) -> bool:
    """Whether there may be runs already, without a request."""
    return bool(layout.tracking_server) or layout.mlflow_db.exists()


def open_tracking(layout: DataLayout, run_tags: Mapping[str, str] | None = None) -> Tracking:
    """Open the store of runs and models; the first time creates it, in 2.6 s.

    A `TransientError` if the tracking server does not answer; a `UsageError` if it refuses, or the
    setting ``tracking`` does not fit the home. MLflow reads ``MLFLOW_DISABLE_TELEMETRY`` when it is
    imported: set it before this module is.
    """
    make_home(layout)
    _require_place(layout)
    uri = tracking_uri(layout)
    for noisy in ("mlflow.store.db.utils", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    with IN_TURN, warnings.catch_warnings():
        # MLflow's own mapping uses a loader strategy that SQLAlchemy 2.1 is to drop
        warnings.filterwarnings("ignore", "The ``noload`` loader strategy", DeprecationWarning)
        if layout.tracking_server:
            require_answer(uri)
        else:
            require_sqlite(layout, layout.mlflow_db)
        client, experiment = _open_client(layout, uri)
    mlflow.set_tracking_uri(uri)  # read where a model is logged and loaded
    mlflow.set_registry_uri(uri)
    return Tracking(
        client=client,
        uri=uri,
        experiment_id=str(experiment.experiment_id),
        layout=layout,
        run_tags=run_tags or {},
        registered=str(experiment.name),
    )


def _open_client(layout: DataLayout, uri: str) -> tuple[MlflowClient, Experiment]:
    if layout.tracking_server:
        client = cast(MlflowClient, _ReportingClient(_client(uri), uri))
        return client, _open_experiment(client, layout)
    try:
        _create_tables(layout)
        client = cast(MlflowClient, _ReportingClient(_client(uri), uri))
        experiment = _open_experiment(client, layout)
        relocate(layout, experiment.artifact_location)
    except (MlflowException, SQLAlchemyError, sqlite3.Error) as error:
        raise explain_sqlite(layout, layout.mlflow_db, error) from error
    return client, experiment


def tracking_uri(layout: DataLayout) -> str:
    """Return the address of the runs, as MLflow's own commands take it."""
    return layout.tracking_server or f"{_SQLITE}{layout.mlflow_db.resolve()}"


def server_command(layout: DataLayout, port: int) -> list[str]:
    """Return the command that serves MLflow's pages of the home on 127.0.0.1."""
    return [
        *(sys.executable, "-m", "mlflow", "server"),
        *("--backend-store-uri", tracking_uri(layout)),
        *("--default-artifact-root", layout.mlflow_artifacts.resolve().as_uri()),
        *("--no-serve-artifacts", "--workers", "1"),
        *("--host", "127.0.0.1", "--port", str(port)),
    ]


def _client(uri: str) -> MlflowClient:
    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def _require_place(layout: DataLayout) -> None:
    """Check that the setting ``tracking`` names the place where the runs of the home are."""
    note, server = layout.tracking_note, layout.tracking_server
    if server and layout.mlflow_db.exists() and not note.exists():
        raise UsageError(
            f"The runs of {layout.home} are in its own {layout.mlflow_db.name}, and cannot be "
            f"moved to {server}. Remove the setting `tracking`, or use a new home with it."
        )
    if note.exists() and not server:
        raise UsageError(
            f"The runs of {layout.home} are on the tracking server {note.read_text('utf-8')}. Set "
            "`tracking` to its address, in genreflow.toml or as GENREFLOW_TRACKING."
        )


def _create_tables(layout: DataLayout) -> None:
    """Create the SQLite tables beside their place, so that a killed process leaves no half there.

    MLflow makes them step by step, and refuses a file that lacks some of the steps.
    """
    if layout.mlflow_db.exists():
        return
    home = layout.home.resolve()
    for left in home.glob(".mlflow.db.*"):
        left.unlink()
    fresh = home / f".mlflow.db.{uuid.uuid4().hex}"
    _client(f"{_SQLITE}{fresh}").search_experiments()
    fresh.chmod(0o600)
    fresh.replace(layout.mlflow_db)


def _open_experiment(client: MlflowClient, layout: DataLayout) -> Experiment:
    """Return the experiment of the home; created where absent, restored where deleted."""
    experiment = _find_experiment(client, layout)
    if experiment.lifecycle_stage == LifecycleStage.DELETED:
        client.restore_experiment(experiment.experiment_id)
    note = layout.tracking_note
    if layout.tracking_server and (
        not note.exists() or note.read_text("utf-8") != layout.tracking_server
    ):
        write_bytes(note, layout.tracking_server.encode())
    return experiment


def _find_experiment(client: MlflowClient, layout: DataLayout) -> Experiment:
    """Find the experiment of the home by its tag, or create it.

    On a server, the first home has `EXPERIMENT`, each further one a name of its own.
    """
    names = [EXPERIMENT]
    if layout.tracking_server:
        names.append(f"{EXPERIMENT}-{read_home_id(layout)[:ID_CHARACTERS]}")
    for name in names:
        found = client.get_experiment_by_name(name) or _create_experiment(client, layout, name)
        if not layout.tracking_server or found.tags.get(HOME_TAG) == read_home_id(layout):
            return found
    raise UsageError(
        f"The experiments {' and '.join(names)} on the tracking server {layout.tracking_server} "
        f"are not of {layout.home}. Use another server."
    )


def _create_experiment(client: MlflowClient, layout: DataLayout, name: str) -> Experiment:
    """Create an experiment, unless another process was faster."""
    note, server = layout.tracking_note, layout.tracking_server
    if server and note.exists():
        raise UsageError(
            f"The tracking server {server} does not hold the runs of {layout.home}, which are on "
            f"{note.read_text('utf-8')}. Set `tracking` to that, or use a new home."
        )
    tags, artifacts = dict(EXPERIMENT_TAGS), None
    if server:
        whose = f"{layout.home.resolve()} of {getpass.getuser()} on {socket.gethostname()}"
        note_text = f"{EXPERIMENT_TAGS[NOTE_TAG]} Home: {whose}."
        tags |= {HOME_TAG: read_home_id(layout), NOTE_TAG: note_text}
    else:
        artifacts = layout.mlflow_artifacts.resolve().as_uri()
    try:
        client.create_experiment(name, artifacts, tags)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    return cast(Experiment, client.get_experiment_by_name(name))


# The one place that depends on MLflow's tables: no call changes where artifacts are. The columns
# that hold addresses are checked by tests/storage/models/test_store.py.
ADDRESSES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


def relocate(layout: DataLayout, recorded: str) -> None:
    """Change every address below ``recorded`` to where the artifacts are since the home moved."""
    present = layout.mlflow_artifacts.resolve().as_uri()
    if recorded == present:
        return
    logger.warning("the artifacts of %s were moved from %s to %s", layout.home, recorded, present)
    with closing(sqlite3.connect(layout.mlflow_db)) as connection, connection:
        for table, column in ADDRESSES:
            # the slash keeps ``mlartifacts2`` out of ``mlartifacts``
            connection.execute(
                f"update {table} set {column} = ? || substr({column}, length(?) + 1) "
                f"where substr({column} || '/', 1, length(?) + 1) = ? || '/'",
                (present, recorded, recorded, recorded),
            )


class _ReportingClient:
    """Passes every call on, and reports the failures of the server in a sentence."""

    def __init__(self, client: MlflowClient, uri: str) -> None:
        self._client, self._uri = client, uri

    def __getattr__(self, name: str) -> object:
        found = getattr(self._client, name)
        return reporting(self._uri)(found) if callable(found) else found


@contextmanager
def reporting(uri: str) -> Iterator[None]:
    """Raise a failure of the tracking server as `TransientError`, a refusal as `UsageError`.

    A database of the home that is damaged is a `CatalogMismatch`.
    """
    try:
        yield
    except (MlflowException, requests.RequestException) as error:
        failure = _find_damage(error, uri) or _find_failure(error, uri)
        if failure is None:
            raise
        raise failure from error


def _find_damage(error: Exception, uri: str) -> GenreflowError | None:
    """Return the fault of the database of the home, or of a store that lacks a run."""
    if "Run with id=" in str(error) and "not found" in str(error):
        return CatalogMismatch(
            f"{str(error).rpartition(': ')[2]} in {uri.removeprefix(_SQLITE)}, though the catalog "
            "names it. Restore a backup (`genreflow restore`), or train again (`genreflow train`)."
        )
    path = Path(uri.removeprefix(_SQLITE))
    is_damage = uri.startswith(_SQLITE) and "(sqlite3." in str(error)
    return explain_sqlite(DataLayout(path.parent), path, error) if is_damage else None


def _find_failure(error: Exception, uri: str) -> GenreflowError | None:
    """Return what went wrong on the way to the server; none if it answered, also with a 404."""
    if getattr(error, "error_code", "") in ("PERMISSION_DENIED", "UNAUTHENTICATED"):
        return UsageError(describe_refusal(uri, "this account has no right to it"))
    cause: BaseException | None = error
    while cause and not isinstance(cause, requests.RequestException):
        cause = cause.__cause__ or cause.__context__
    if not isinstance(cause, requests.RequestException):
        return None
    answer = cause.response
    if answer is not None and answer.status_code == 404:
        return None
    if answer is not None and answer.status_code in (401, 403):
        return UsageError(describe_refusal(uri, f"{answer.status_code} {answer.reason}"))
    description = "the connection is refused, or breaks off"
    if isinstance(cause, requests.exceptions.RetryError | requests.HTTPError):
        description = "it answers with errors alone"
    elif isinstance(cause, requests.Timeout):
        description = "it takes too long"
    return TransientError(describe_absence(uri, description))
