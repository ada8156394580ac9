"""The environment of a run, set once, before Prefect, MLflow or TensorFlow is imported."""

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from genre_core.errors import UsageError
from storage.files import make_home, require_space
from storage.home import DataLayout

if TYPE_CHECKING:
    from psutil import Process

QUIET = {
    "DO_NOT_TRACK": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # a page in the user's browser is no client of our server
    "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": "",
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
    # a step that is called twice, as publishing is, runs twice: where a user lets Prefect keep
    # results, it would take the second call for the first
    "PREFECT_TASKS_DEFAULT_NO_CACHE": "true",
}
"""Variables that change what a run does, as every run of genreflow has them."""
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


OWNER = "_GENREFLOW_OWNER"
"""Variable by which a server names its process: ``id@namespace``."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")


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
        make_home(layout)
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
        "PREFECT_LOGGING_LEVEL": "INFO" if verbose else "WARNING",
        # errors of our server are reported by its client
        "PREFECT_LOGGING_SERVER_LEVEL": "WARNING" if verbose else "CRITICAL",
    }
    for name, value in settings.items():
        os.environ.setdefault(name, value)
    choose_device(device)


def reach_loopback_directly() -> None:
    """Keep the proxy of the environment, if any, out of the way to our own servers."""
    if not any(
        os.environ.get(f"{kind}_proxy") or os.environ.get(f"{kind.upper()}_PROXY")
        for kind in ("http", "https", "all")
    ):
        return
    known = os.environ.get("no_proxy") or os.environ.get("NO_PROXY", "")
    hosts = [host for host in known.split(",") if host.strip()]
    if "*" not in hosts:
        hosts += [host for host in LOOPBACK if host not in hosts]
    for name in ("no_proxy", "NO_PROXY"):
        os.environ[name] = ",".join(hosts)


def end_orphaned_servers() -> None:
    """End the servers of commands that were killed, and mark those to come as this process's."""
    import psutil

    ours = _namespace()
    for server in psutil.process_iter():
        with suppress(psutil.Error):
            if {"uvicorn", "prefect", "mlflow"} & set(server.cmdline()):
                owner, _, namespace = server.environ().get(OWNER, "").partition("@")
                if namespace == ours and owner.isdecimal() and not _owns(int(owner), server):
                    server.kill()
    os.environ[OWNER] = f"{os.getpid()}@{ours}"


def _namespace() -> str:
    """Where the ids of processes hold: one of a container may belong to anyone outside of it."""
    with suppress(OSError):
        return os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - no path
    return "all"  # systems without containers


def _owns(owner: int, server: "Process") -> bool:
    """Whether a process is the one that started a server, and no later one with its id."""
    import psutil

    try:
        process = psutil.Process(owner)
        is_alive = process.status() != psutil.STATUS_ZOMBIE
        return is_alive and process.create_time() <= server.create_time()
    except psutil.NoSuchProcess:
        return False
