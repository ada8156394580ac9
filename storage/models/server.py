"""A team's MLflow tracking server: its address, whether it answers, and the message if not.

Nothing here imports MLflow.
"""

import os
import ssl
from urllib.parse import urlsplit

from genre_core.errors import TransientError, UsageError

USERNAME, PASSWORD = "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"
CERTIFICATES = "MLFLOW_TRACKING_SERVER_CERT_PATH"
LONGEST_ANSWER_S, LONGEST_CONNECT_S = 10.0, 5.0
_PROBE = "api/2.0/mlflow/experiments/get-by-name"
_REFUSALS = {401, 403}


def require_server(address: str) -> None:
    """Check that the setting ``tracking`` is empty, or the address of a server alone.

    A database, which only the server opens, or credentials are a `UsageError`.
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


def require_answer(address: str) -> None:
    """Check within seconds that a tracking server answers and accepts this account.

    No answer is a `TransientError`; a refusal, or another kind of server, a `UsageError`. MLflow's
    own client repeats a request for a minute before it gives up.
    """
    import httpx  # which takes a moment to load

    name = os.environ.get(USERNAME, "")
    try:
        answer = httpx.get(
            f"{address}/{_PROBE}",
            params={"experiment_name": "genreflow"},
            auth=(name, os.environ.get(PASSWORD, "")) if name else None,
            verify=_trusted_certificates(),
            timeout=httpx.Timeout(LONGEST_ANSWER_S, connect=LONGEST_CONNECT_S),
        )
    except (httpx.TransportError, OSError) as error:
        raise TransientError(describe_absence(address, str(error))) from error
    status = f"{answer.status_code} {answer.reason_phrase}".strip()
    if answer.status_code in _REFUSALS:
        raise UsageError(describe_refusal(address, status))
    if answer.is_server_error:
        raise TransientError(describe_absence(address, f"it answers {status}"))
    try:
        document = answer.json()
    except ValueError:
        document = None
    known = "experiment" if answer.is_success else "error_code"
    if not isinstance(document, dict) or known not in document:
        raise UsageError(
            f"{address} answers {status}, which no MLflow tracking server does. Correct `tracking`."
        )


def describe_absence(address: str, cause: str) -> str:
    """Return the message for a server that does not answer."""
    return (
        f"The tracking server {address} cannot be reached: {cause}. Check that it runs and that "
        "the network leads to it, then try again; finished work is kept."
    )


def describe_refusal(address: str, cause: str) -> str:
    """Return the message for a server that does not accept this account."""
    return (
        f"The tracking server {address} refuses: {cause}. Set {USERNAME} and {PASSWORD} to an "
        "account that may do this."
    )


def _trusted_certificates() -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=os.environ.get(CERTIFICATES) or None)
    except OSError as error:
        raise UsageError(
            f"{CERTIFICATES} names {os.environ[CERTIFICATES]}, which cannot be read as "
            f"certificates: {error}. Correct it."
        ) from error
