"""Runs and models on a team's MLflow tracking server, asked over REST; imports no MLflow."""

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

import httpx

from genre_core.errors import TransientError, UsageError
from storage.files import read_home_id
from storage.home import DataLayout
from storage.models.champion import CHAMPION, EXPERIMENT, MODEL_URI_TAG, REGISTERED, Champion

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment

HOME_TAG = "genreflow.home_id"
USERNAME, PASSWORD = "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"
CERTIFICATES = "MLFLOW_TRACKING_SERVER_CERT_PATH"
TIMEOUT = httpx.Timeout(10.0, connect=5.0)
_NOTHING_THERE = {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}  # the latter: no such alias
_REFUSALS = {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}


@dataclass(frozen=True, slots=True)
class ServerRuns:
    """The place of runs that the setting ``tracking`` names; credentials stay in the environment.

    The experiment bears the id of the home, which alone writes it, so that another address of the
    same server is taken for the same place, and another server is not.
    """

    layout: DataLayout
    artifacts: ClassVar[str | None] = None
    is_there: ClassVar[bool] = True

    @property
    def uri(self) -> str:
        """The address of the server."""
        return self.layout.tracking_server

    @property
    def marks(self) -> Mapping[str, str]:
        """The tag that says which home the experiment is of."""
        return {HOME_TAG: read_home_id(self.layout)}

    def read_alias(self) -> Champion | None:
        """Give the network in use, by one request.

        Notes
        -----
        A server with accounts says 403 instead of 404 where nothing is registered yet, so then it
        is asked what this account may see.
        """
        try:
            answer = self._ask("registered-models/alias", {"name": REGISTERED, "alias": CHAMPION})
        except UsageError:
            if self._ask("registered-models/search", {"filter": f"name = '{REGISTERED}'"}):
                raise
            answer = None
        if answer is None:
            return None
        version = answer["model_version"]
        tags = {tag["key"]: tag["value"] for tag in version.get("tags", ())}
        return Champion(
            version=int(version["version"]),
            run_id=version.get("run_id", ""),
            model_uri=tags.get(MODEL_URI_TAG, ""),
        )

    def make_ready(self) -> None:
        """Make sure that the server answers, lets us in, and is the place of this home's runs."""
        answer = self._ask("experiments/get-by-name", {"experiment_name": EXPERIMENT})
        if answer is not None:
            tags = answer["experiment"].get("tags", ())
            self._require_own({tag["key"]: tag["value"] for tag in tags})
        elif self.layout.tracking_note.exists():
            raise UsageError(
                f"The tracking server {self.uri} does not hold the runs of {self.layout.home}, "
                f"which are on {self.layout.tracking_note.read_text('utf-8')}. Set `tracking` to "
                "that, or begin a new home."
            )

    def guard(self, client: "MlflowClient") -> "MlflowClient":
        """Give a client that says in a sentence when the server fails or refuses."""
        from storage.models.store import guard_client  # imports MLflow

        return guard_client(client, self.uri)

    def settle(self, experiment: "Experiment") -> None:
        """Let the home remember where its runs are."""
        self._require_own(experiment.tags)
        note = self.layout.tracking_note
        if not note.exists() or note.read_text("utf-8") != self.uri:
            note.write_text(self.uri, "utf-8")

    def _require_own(self, tags: Mapping[str, str]) -> None:
        if tags.get(HOME_TAG) != read_home_id(self.layout):
            raise UsageError(
                f"The experiment {EXPERIMENT!r} on the tracking server {self.uri} is not of "
                f"{self.layout.home}: one home alone trains there. Give each home a server of its "
                "own; another port is enough."
            )

    def _ask(self, path: str, parameters: Mapping[str, str]) -> dict[str, Any] | None:
        """Give the answer of the server; none where it knows no such thing."""
        address, trust = f"{self.uri}/api/2.0/mlflow/{path}", _trust()
        try:
            answer = httpx.get(
                address,
                params=dict(parameters),
                auth=_credentials(),
                verify=trust,
                timeout=TIMEOUT,
            )
        except (httpx.TransportError, OSError) as error:
            raise TransientError(tell_absence(self.uri, error)) from error
        return _read(self.uri, answer)


def _trust() -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=os.environ.get(CERTIFICATES) or None)
    except OSError as error:
        raise UsageError(
            f"{CERTIFICATES} names {os.environ[CERTIFICATES]}, which cannot be read as "
            f"certificates: {error}. Correct it."
        ) from error


def require_server(address: str) -> None:
    """Refuse what is no address of a tracking server, or holds credentials; none is named by "".

    Raises
    ------
    UsageError
        Databases are no such addresses: the server alone opens its own.
    """
    if not address:
        return
    try:
        parts = urlsplit(address)
        is_server = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        is_server = False
    if not is_server:
        # not shown: the address of a database holds its password
        raise UsageError(
            "The setting `tracking` is no address of a tracking server: write "
            "http://127.0.0.1:5000 or https://mlflow.example.org, or leave it empty."
        )
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise UsageError(
            "The setting `tracking` takes the address of the server alone; set its credentials as "
            f"{USERNAME} and {PASSWORD} in the environment."
        )


def tell_absence(uri: str, error: Exception) -> str:
    """Say that the server does not answer, and what to do."""
    return (
        f"The tracking server {uri} cannot be reached: {error or type(error).__name__}. See that "
        "it runs and that the network leads to it, then try again; what was finished is kept."
    )


def tell_refusal(uri: str, said: str) -> str:
    """Say that the server does not let us in, and what to do."""
    return (
        f"The tracking server {uri} refuses: {said}. Set {USERNAME} and {PASSWORD} to an account "
        "that may do this."
    )


def _credentials() -> tuple[str, str] | None:
    name = os.environ.get(USERNAME, "")
    return (name, os.environ.get(PASSWORD, "")) if name else None


def _read(uri: str, answer: httpx.Response) -> dict[str, Any] | None:
    """Read an answer of the server, or say what is wrong with it."""
    said = f"{answer.status_code} {answer.reason_phrase}".strip()
    if answer.status_code in _REFUSALS:
        raise UsageError(tell_refusal(uri, said))
    if answer.is_server_error:
        raise TransientError(tell_absence(uri, ConnectionError(f"it answers {said}")))
    try:
        document = answer.json()
    except ValueError:
        document = None
    if answer.is_success and isinstance(document, dict):
        return document
    if isinstance(document, dict) and document.get("error_code") in _NOTHING_THERE:
        return None
    raise UsageError(
        f"{uri} answers {said}, which no MLflow tracking server does. Correct `tracking`."
    )
