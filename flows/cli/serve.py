"""Commands ui and serve: both pages, and the champion, on this machine alone."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Annotated

import typer

from flows.cli.app import Home, app, require_store, show
from flows.cli.start import handle_signals
from flows.environment import prepare_environment, set_environment
from flows.prefect_server import MLFLOW, announce_server, answers
from flows.settings import read_settings
from genre_core.errors import GenreflowError, UsageError
from storage.home import DataLayout
from tasks.direct import CHOSEN
from tasks.logs import is_json
from tasks.terminal import ERR

LONGEST_START_S = 120.0
LONGEST_STOP_S = 20.0
LONGEST_ANSWER_S = 5
"""Time for the answers that a stopped server still owes."""
PAUSE_S = 0.5
_MMAP_THRESHOLD, _LARGE_BYTES = -3, 1 << 20  # M_MMAP_THRESHOLD of malloc.h


@app.command()
def ui(
    home: Home = None,
    mlflow_port: Annotated[int, typer.Option(help="Port of the MLflow UI.")] = 5000,
    prefect_port: Annotated[int, typer.Option(help="Port of the Prefect UI.")] = 4200,
    worker: Annotated[
        bool,
        typer.Option(
            "--worker",
            help="Create the work pool and the deployments, too, and run what Prefect schedules.",
        ),
    ] = False,
) -> None:
    """Start the MLflow UI and the Prefect UI on 127.0.0.1; Ctrl-C stops both.

    Meanwhile commands on this home report to the Prefect UI; close it when they have ended.

    Where the runs are on a team's tracking server, its own pages show them. With `--worker`, a
    server of Prefect that `PREFECT_API_URL` names is used in place of one of this command.

    Example: `genreflow ui --mlflow-port 5001`
    """
    layout = read_settings(home=home).layout
    is_trained = _is_trained(layout)
    if not (is_trained or worker):
        raise UsageError(f"There is no run in {layout.home} yet. Run `genreflow run` first.")
    prepare_environment(layout.home, verbose=False)
    _unwind_on_signals()
    mlflow = layout.tracking_server or _address(mlflow_port)
    named = (os.environ.get("PREFECT_API_URL") or "").rstrip("/") if worker else ""
    api = named or f"{_address(prefect_port)}/api"
    commands = {} if named else {f"{api}/health": _prefect_command(prefect_port)}
    if is_trained and not layout.tracking_server:
        from storage.models.store import server_command

        commands[f"{mlflow}/health"] = server_command(layout, mlflow_port)
    with ExitStack() as stack:
        servers = [stack.enter_context(_server(commands[health], health)) for health in commands]
        if not named:
            stack.enter_context(announce_server(layout, api))
        if is_trained:
            stack.enter_context(announce_server(layout, mlflow, MLFLOW))
            show(f"MLflow UI:  {mlflow}{_runs_page(layout)}")
        show(f"Prefect UI: {api.removesuffix('/api')}/dashboard")
        if worker:
            servers.append(stack.enter_context(_worker(layout, api)))
            show("The worker runs what Prefect schedules.")
        show("Ctrl-C ends this.")
        _watch(servers)


def _is_trained(layout: DataLayout) -> bool:
    """Whether a home has runs; without a tracking server, it has to have a store."""
    if not layout.tracking_server:
        require_store(layout)
    from storage.models.store import has_runs

    return has_runs(layout)


def _watch(servers: Sequence[subprocess.Popen[bytes]]) -> None:
    """Wait until a server ends, which is a `GenreflowError`."""
    while all(server.poll() is None for server in servers):
        time.sleep(PAUSE_S)
    raise GenreflowError("One of the servers has stopped; see its last messages above.")


def _runs_page(layout: DataLayout) -> str:
    """Return the page of a home's runs, below the address of MLflow."""
    from storage.models.store import open_tracking

    return f"/#/experiments/{open_tracking(layout).experiment_id}/runs"


@app.command()
def serve(
    home: Home = None,
    port: Annotated[int, typer.Option(help="Port of the champion.")] = 5001,
) -> None:
    """Serve the champion over HTTP on 127.0.0.1, in MLflow's form; Ctrl-C stops it.

    Example: `genreflow serve --port 5002`
    """
    config = read_settings(home=home)
    set_environment(config.layout.home)
    import uvicorn
    from uvicorn.config import LOGGING_CONFIG

    from flows.serving import MAX_CONNECTIONS, PredictionServer
    from tasks.champion import load_classifier

    classifier = load_classifier(config.layout)
    _return_memory()
    with listen_on("127.0.0.1", port) as listener:
        show(f"Champion {classifier.version}: POST {_address(port)}/invocations")
        show("Ctrl-C stops it.")
        uvicorn.Server(
            uvicorn.Config(
                PredictionServer(classifier, config.limits).make_app(),
                limit_concurrency=MAX_CONNECTIONS,
                timeout_graceful_shutdown=LONGEST_ANSWER_S,
                log_level="warning",
                log_config=None if is_json() else LOGGING_CONFIG,
                lifespan="off",
            )
        ).run([listener])


def _return_memory() -> None:
    """Let the C library give large blocks back to the system, not keep them for its threads."""
    with suppress(AttributeError, OSError):  # another library than GNU's
        ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)


def listen_on(host: str, port: int) -> socket.socket:
    """Return a socket that listens; `UsageError` if the address is in use, or none of ours."""
    try:
        return socket.create_server((host, port))
    except OSError as error:
        raise UsageError(
            f"The server cannot listen on {host}:{port}: {error.strerror}. Name another one "
            "with --port."
        ) from error


def _unwind_on_signals() -> None:
    """Raise KeyboardInterrupt at Ctrl-C, SIGTERM and SIGHUP, so that the servers are stopped."""
    handle_signals(signal.default_int_handler)


def _address(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def _prefect_command(port: int) -> list[str]:
    return [
        *(sys.executable, "-m", "prefect", "server", "start"),
        *("--host", "127.0.0.1", "--port", str(port)),
    ]


@contextmanager
def _worker(layout: DataLayout, api: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker on the deployments of this home until the block ends."""
    from flows.deployments import deploy_flows, worker_command

    deploy_flows(layout.home, api)
    environment = {
        **os.environ,
        "GENREFLOW_HOME": str(layout.home),
        "PREFECT_API_URL": api,
    }
    environment.pop(CHOSEN, None)  # what a worker starts runs under it
    command = worker_command(layout.home)
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            _stop(process)


@contextmanager
def _server(command: list[str], health: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the block ends; it answers when the block begins."""
    if answers(health):
        raise UsageError(f"The address of {health} is in use; name another port.")
    settings = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "PYTHONWARNINGS": "ignore"}
    settings["PREFECT_UI_API_URL"] = health.removesuffix("/health")
    settings["PREFECT_SERVER_CORS_ALLOWED_ORIGINS"] = (  # the same pages under their other name
        os.environ["PREFECT_SERVER_CORS_ALLOWED_ORIGINS"]
        or health.partition("/api")[0].replace("127.0.0.1", "localhost")
    )
    environment = {**os.environ, **settings}
    environment.pop(CHOSEN, None)  # what a server starts runs under it
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            _wait_until_ready(process, health)
            yield process
        finally:
            _stop(process)


def _wait_until_ready(process: subprocess.Popen[bytes], health: str) -> None:
    deadline = time.monotonic() + LONGEST_START_S
    while not answers(health):
        if process.poll() is not None or time.monotonic() > deadline:
            raise GenreflowError(f"The server of {health} did not start; is the port free?")
        time.sleep(PAUSE_S)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(LONGEST_STOP_S)
    except subprocess.TimeoutExpired:
        ERR.print(f"The server {process.pid} does not end; it is killed.")
        process.kill()
