"""The environment of a run, set once, before Prefect, MLflow or TensorFlow is imported."""

import os
import re
from pathlib import Path

from genre_core.errors import UsageError
from storage.files import require_space
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
}
PINNED = {
    "KERAS_BACKEND": "tensorflow",
    "KERAS_HOME": f"{os.devnull}/keras",  # no place: Keras reads no settings, and writes none
    "TF_ENABLE_ONEDNN_OPTS": "0",
}
"""Variables that change the numbers of a training, as every run of genreflow has them."""
_NUMERIC = re.compile(
    r"(KERAS|TF|XLA|TFLITE|ONEDNN|DNNL|OMP|GOMP|KMP|MKL|OPENBLAS|GOTO|BLIS|VECLIB|NUMEXPR|NPY"
    r"|CUBLAS|CUDNN|NVIDIA_TF32)_.*"
)
_HARMLESS = re.compile(r"TF_(CPP_|FORCE_GPU_ALLOW_GROWTH|GPU_ALLOCATOR).*")
"""Of these, what only logs or gives memory."""


def pin_numbers() -> None:
    """Set what changes the numbers of a training; call it before NumPy and Keras are imported.

    What the user has set for other programs, such as a backend of Keras or a number of threads,
    does not reach a run.
    """
    for name in [name for name in os.environ if _NUMERIC.fullmatch(name)]:
        if not _HARMLESS.fullmatch(name):
            del os.environ[name]
    os.environ.update(PINNED)


def choose_device(device: str) -> None:
    """Hide GPUs from TensorFlow if ``device`` is ``cpu``; call it before Keras is imported."""
    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"


def prepare_environment(home: Path, verbose: bool, device: str = "cpu") -> None:
    """Make a home ready to be written to, and set the environment (`set_environment`).

    Raises UsageError if the home cannot be used, TransientError if its disk is full or read-only.
    """
    layout = DataLayout(home.resolve())
    try:
        require_space(layout)
        layout.prefect.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{home} cannot be used as home: {error.strerror}.") from error
    set_environment(home, verbose, device)


def set_environment(home: Path, verbose: bool = False, device: str = "cpu") -> None:
    """Keep the orchestrator's state below ``home``, and the libraries quiet; write nothing.

    What the user has set stays: ``PREFECT_API_URL`` leads to another server.
    """
    settings = {
        **QUIET,
        "PREFECT_HOME": str(DataLayout(home.resolve()).prefect),
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        "PREFECT_LOGGING_LEVEL": "INFO" if verbose else "WARNING",
        # errors of the embedded server are reported by its client
        "PREFECT_LOGGING_SERVER_LEVEL": "WARNING" if verbose else "CRITICAL",
    }
    for name, value in settings.items():
        os.environ.setdefault(name, value)
    choose_device(device)
