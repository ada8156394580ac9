"""An MLflow client of a tracking server whose failures are sentences."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar, cast

import requests
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import PERMISSION_DENIED, UNAUTHENTICATED, ErrorCode

from genre_core.errors import GenreflowError, TransientError, UsageError
from storage.tracking.server_runs import tell_absence, tell_refusal

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
