"""The environment of a run, set once, before Prefect, MLflow or TensorFlow is imported."""

import os
from pathlib import Path

from genre_core.errors import UsageError
from storage.files import require_space, require_sqlite
from storage.home import DataLayout

QUIET = {
    "DO_NOT_TRACK": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # a tracking server's messages on each run and file would mix with ours
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    # wait a minute, not four, for a tracking server that goes away
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "5",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",
}


def choose_device(device: str) -> None:
    """Hide GPUs from TensorFlow if ``device`` is ``cpu``; call it before Keras is imported."""
    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"


def prepare_environment(home: Path, verbose: bool, device: str = "cpu") -> None:
    """Keep the orchestrator's state below ``home``, and the libraries quiet.

    What the user has set stays: ``PREFECT_API_URL`` leads to another server. Raises UsageError if
    the home cannot be used, TransientError if its disk is full or read-only.
    """
    state = (home / "prefect").resolve()
    try:
        require_space(DataLayout(home))
        state.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{home} cannot be used as home: {error.strerror}.") from error
    if (state / "prefect.db").exists() and (state / "prefect.db").stat().st_size:
        require_sqlite(DataLayout(home), state / "prefect.db")
    settings = {
        **QUIET,
        "PREFECT_HOME": str(state),
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        "PREFECT_LOGGING_LEVEL": "INFO" if verbose else "WARNING",
        # errors of the embedded server are reported by its client
        "PREFECT_LOGGING_SERVER_LEVEL": "WARNING" if verbose else "CRITICAL",
    }
    for name, value in settings.items():
        os.environ.setdefault(name, value)
    choose_device(device)
