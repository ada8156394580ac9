"""How flows run: directly or under Prefect; chunks of songs over threads or a Dask cluster."""

import logging
import math
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from genre_core.errors import TransientError, UsageError
from storage.extras import has_module, require_extra
from storage.home import DataLayout
from tasks.direct import CHOSEN, artifacts, run_in_threads
from tasks.terminal import announce

if TYPE_CHECKING:
    from prefect.futures import PrefectFuture
    from prefect.task_runners import TaskRunner

    from flows.prefect_server import Server

    Runner = TaskRunner[PrefectFuture[Any]]

Song = TypeVar("Song")

MOST_SONGS = 64
CHUNKS_PER_WAVE = 8
_ADDRESS = re.compile(r"(tcp|tls)://[^/\s]+:\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerConfig:
    """Where the chunks of a wave are processed.

    ``threads`` of the flow's process, or ``dask``: the cluster whose scheduler has the ``address``
    (``tcp://…``, ``tls://…``), or worker processes that the flow starts here. ``workers``: chunks
    at the same time; 0: as many as this machine has cores.
    """

    kind: Literal["threads", "dask"] = "threads"
    workers: int = 0
    address: str = ""

    def __post_init__(self) -> None:
        if self.workers < 0:
            raise ValueError(f"runner.workers is {self.workers}; use 0 or more.")
        if self.address and self.kind != "dask":
            raise ValueError('runner.address names a Dask cluster; set runner.kind = "dask", too.')
        if self.address and not _ADDRESS.fullmatch(self.address):
            raise ValueError(
                f"runner.address is {self.address!r}; write it as the scheduler prints it, "
                "tcp://machine:8786 or tls://machine:8786."
            )

    @property
    def n_workers(self) -> int:
        """How many chunks are processed at the same time."""
        return self.workers or os.cpu_count() or 2

    @property
    def chunks_per_wave(self) -> int:
        """Twice as many as are processed at once, so that one slow chunk leaves no worker idle."""
        return max(CHUNKS_PER_WAVE, 2 * self.n_workers)


@dataclass(slots=True)
class _Chosen:
    """What `choose_engine` has chosen: an address that the user did not name, and our server."""

    address: str = ""
    server: "Server | None" = None


_chosen = _Chosen()


def run_directly() -> None:
    """Have flows that are imported from now on run without Prefect, as commands do by default."""
    os.environ[CHOSEN] = "true"


def is_direct() -> bool:
    """Whether flows run without Prefect."""
    return CHOSEN in os.environ


def choose_engine(layout: DataLayout, *, needs_prefect: bool) -> None:
    """Run directly, or under Prefect; call it before flows and tasks are imported.

    Under Prefect is what needs it, and, where it is installed, all if a server is named
    (``PREFECT_API_URL``) or serves the home. A server of this process is started for what has no
    other; `await_server` waits for it.
    """
    from flows.prefect_server import Server, find_home_server  # not for `classify`

    named = _named_server()
    api = (named or find_home_server(layout)) if has_module("prefect") else ""
    if not (api or needs_prefect):
        artifacts.folder = layout.reports / "artifacts"
        return
    if is_direct() and "tasks.orchestrator" in sys.modules:
        raise RuntimeError("tasks were imported before the engine was chosen")
    os.environ.pop(CHOSEN, None)
    if not api:
        _chosen.server = Server(layout)
        api, os.environ["PREFECT_UI_URL"] = _chosen.server.api, ""  # a page that ends with the run
    if not named:
        os.environ["PREFECT_API_URL"] = _chosen.address = api


def _named_server() -> str:
    """Return the address of a server that the environment names, or Prefect, if it is loaded."""
    if "prefect" not in sys.modules:
        return os.environ.get("PREFECT_API_URL", "")
    from prefect.settings import PREFECT_API_URL

    return PREFECT_API_URL.value() or ""


def require_reachable(config: RunnerConfig) -> None:
    """Refuse Dask where it is not installed, or where workers could not reach a Prefect server."""
    if config.kind == "dask":
        require_extra("dask", "A Dask cluster", 'set runner.kind = "threads"')
    if config.kind == "dask" and config.address and not _named_server():
        raise UsageError(
            "The workers of a cluster report to a Prefect server, and none is named. Run "
            "`prefect server start --host 0.0.0.0` where they can reach it, and set "
            "PREFECT_API_URL=http://that-machine:4200/api."
        )


def chosen_address() -> str:
    """Return the address of the Prefect server that was chosen here; empty if the user named it."""
    return _chosen.address


def await_server() -> None:
    """Wait for the server of this process, if it has one."""
    if _chosen.server and not _chosen.server.is_ready:
        announce("Waiting for the Prefect server")
        _chosen.server.wait()


def kill_server() -> None:
    """End the server of this process, if it has one, at once."""
    if _chosen.server:
        _chosen.server.kill()


def local_threads(n_threads: int = 0) -> "Runner":
    """One thread a core: decoding and the Fourier transform release the interpreter's lock."""
    from prefect.task_runners import ThreadPoolTaskRunner

    n_threads = n_threads or os.cpu_count() or 2
    return cast("Runner", ThreadPoolTaskRunner(max_workers=n_threads))


@contextmanager
def mapping_on(config: RunnerConfig, n_songs: int) -> Iterator[None]:
    """Process what a flow maps in this block as the settings say; without songs, open nothing.

    It stands inside the flow, because the settings of a deployed flow are read where it runs.
    Raises UsageError if Dask is not installed, or if workers elsewhere could not reach Prefect;
    TransientError if the cluster does not answer.
    """
    if not n_songs:
        yield
        return
    if config.kind == "threads" and is_direct():
        with run_in_threads(config.n_workers):
            yield
        return
    from prefect.context import FlowRunContext

    opened = _cluster(config) if config.kind == "dask" else local_threads(config.n_workers)
    with opened as runner:
        flow_run = FlowRunContext.get()
        if flow_run is None:
            raise RuntimeError("chunks are mapped within a flow")
        with flow_run.model_copy(update={"task_runner": runner}):
            yield


@contextmanager
def _cluster(config: RunnerConfig) -> Iterator["Runner"]:
    """Open a cluster, or start one; its workers talk to the server that the flow talks to.

    Worker processes are no daemons, which may start no process: a song that a worker has died on
    is read in a process of its own (``storage/audio/isolated.py``).
    """
    require_reachable(config)
    import dask
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_URL, temporary_settings
    from prefect_dask.task_runners import DaskTaskRunner

    server = {PREFECT_API_URL: str(get_client(sync_client=True).api_url)}
    alone = {"n_workers": config.n_workers, "threads_per_worker": 1, "dashboard_address": None}
    runner = DaskTaskRunner(
        address=config.address or None, cluster_kwargs=None if config.address else alone
    )
    if dask.config.get("logging", None) is None:  # else it logs each connection
        logging.getLogger("distributed").setLevel(logging.WARNING)
    no_daemons = {"distributed.worker.daemon": False}
    with dask.config.set(no_daemons), temporary_settings(server), runner:
        try:  # before the first chunk is sent, for a clear error
            n_here = len(runner.client.scheduler_info()["workers"])
        except OSError as error:
            raise TransientError(
                f"The Dask cluster at {config.address} does not answer: {error}. Start `dask "
                "scheduler` there, or correct runner.address."
            ) from error
        if not n_here:
            raise TransientError(
                f"The Dask cluster at {config.address} has no worker. Start `dask worker "
                f"{config.address}` on the machines that are to work."
            )
        yield cast("Runner", runner)


def cut_chunks(songs: Sequence[Song], per_wave: int = CHUNKS_PER_WAVE) -> list[list[Song]]:
    """Cut songs into chunks of equal size: 64 songs at most, fewer where that keeps all busy."""
    size = min(MOST_SONGS, max(1, math.ceil(len(songs) / per_wave)))
    return [list(songs[first : first + size]) for first in range(0, len(songs), size)]


def waves(songs: Sequence[Song], per_wave: int = CHUNKS_PER_WAVE) -> Iterator[list[list[Song]]]:
    """Yield the chunks wave by wave; a killed process loses one wave at most."""
    chunks = iter(cut_chunks(songs, per_wave))
    while wave := list(islice(chunks, per_wave)):
        yield wave
