"""Prefect's way to run nights: a server, a pool, the deployments of prefect.yaml, a worker.

`genreflow ui --worker` brings them up and keeps them up; here is what it deploys, and how
`genreflow schedule` starts that command where nobody waits for it.
"""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import time as TimeOfDay
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import psutil

from flows.prefect_server import LONGEST_START_S, PAUSE_S
from flows.schedule import NIGHTLY, POOL, find_api, name_deployment, name_pool, read_prefect
from genre_core.errors import GenreflowError
from storage.home import DataLayout
from storage.schedule import cron, systemd
from storage.schedule.plan import SCHEDULED, Plan, name_of
from tasks.direct import CHOSEN
from tasks.logs import OPTION as LOG_JSON
from tasks.logs import is_json
from tasks.terminal import announce

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

PORTS = {"--prefect-port": 4200, "--mlflow-port": 5000}
LONGEST_STOP_S = 30.0
LONGEST_KEPT_START_S = 300.0
_ZONES = "zoneinfo/"


def deploy_flows(home: Path, api: str) -> None:
    """Create the pool, and the deployments of prefect.yaml; a schedule that is there stays.

    Where a timer or cron starts the nights, Prefect plans none. Flows read genreflow.toml in the
    folder of this process.
    """
    pool, nightly = name_pool(home), name_deployment(home)
    if not _has_pool(api, pool):
        _call_prefect(api, "work-pool", "create", pool, "--type", "process")
    schedules = _read_schedules(api, f"nightly/{nightly}")
    if schedules is None and (systemd.find(home) or cron.find(home)):
        schedules = []
    document = read_deployments(pool, nightly, schedules)
    with TemporaryDirectory(prefix="genreflow-") as folder:
        written = Path(folder) / "prefect.yaml"
        written.write_text(json.dumps(document), "utf-8")  # JSON is YAML
        _call_prefect(api, "--no-prompt", "deploy", "--all", "--prefect-file", str(written))


def read_deployments(
    pool: str, nightly: str, schedules: list[dict[str, Any]] | None
) -> dict[str, Any]:
    """Return prefect.yaml with a pool, a name of the nightly deployment, and other schedules.

    The other deployments are named after their flows on a server of one home, else as the nightly.
    """
    import yaml

    document = yaml.safe_load(files("flows").joinpath("prefect.yaml").read_text("utf-8"))
    for deployment in document["deployments"]:
        if deployment["name"] == NIGHTLY and schedules is not None:
            deployment["schedules"] = schedules
        deployment["name"] = deployment["name"] if pool == POOL else nightly
        deployment["work_pool"] = {**deployment["work_pool"], "name": pool}
    return dict(document)


@contextmanager
def _open_client(api: str) -> Iterator["SyncPrefectClient"]:
    """Open a client of the server at an address, with the account that the environment names."""
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: api}), get_client(sync_client=True) as client:
        yield client


def _has_pool(api: str, pool: str) -> bool:
    from prefect.exceptions import ObjectNotFound

    with _open_client(api) as client:
        try:
            client.read_work_pool(pool)
        except ObjectNotFound:
            return False
    return True


def _read_schedules(api: str, name: str) -> list[dict[str, Any]] | None:
    """Return the schedules of the nightly deployment as prefect.yaml has them; None without one."""
    from prefect.exceptions import ObjectNotFound

    with _open_client(api) as client:
        try:
            found = client.read_deployment_by_name(name).schedules
        except ObjectNotFound:
            return None
    return [
        {**one.schedule.model_dump(mode="json", exclude_none=True), "active": one.active}
        for one in found
    ]


def _call_prefect(api: str, *words: str) -> None:
    """Call Prefect's program; a `GenreflowError` with what it printed, if it fails."""
    environment = {**os.environ, "PREFECT_API_URL": api, "PWD": os.getcwd()}  # noqa: PTH109 - text
    environment.pop(CHOSEN, None)  # flows are loaded under Prefect
    ended = subprocess.run(
        [sys.executable, "-m", "prefect", *words],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        raise GenreflowError(
            f"`prefect {' '.join(words)}` failed: {(ended.stderr or ended.stdout).strip()}"
        )


def worker_command(home: Path) -> list[str]:
    """Return the command of a worker, by its absolute program, named after a home."""
    return [
        *(sys.executable, "-m", "prefect", "worker", "start", "--pool", name_pool(home)),
        *("--type", "process", "--name", name_of(home), "--install-policy", "never"),
    ]


def is_online(api: str, home: Path) -> bool:
    """Whether the worker of a home works, as the server knows."""
    pool = name_pool(home)
    if not _has_pool(api, pool):  # it is made at the first start
        return False
    with _open_client(api) as client:
        workers = client.read_workers_for_work_pool(pool)
    return any(one.name == name_of(home) and str(one.status.value) == "ONLINE" for one in workers)


def find_worked(layout: DataLayout) -> str:
    """Return the address of the server that a worker of a home takes runs from, if there is one."""
    api = find_api(layout)
    return api if api and read_prefect(layout) and is_online(api, layout.home) else ""


def set_schedule(layout: DataLayout, api: str, at: TimeOfDay) -> None:
    """Let the nightly deployment start at a time of day (local), and wait until a run is due."""
    from prefect.client.schemas.actions import DeploymentScheduleCreate
    from prefect.client.schemas.schedules import CronSchedule

    nightly = name_deployment(layout.home)
    clear_schedule(api, nightly)
    daily = CronSchedule(cron=f"{at.minute} {at.hour} * * *", timezone=local_zone())
    with _open_client(api) as client:
        deployment = client.read_deployment_by_name(f"nightly/{nightly}")
        client.create_deployment_schedules(
            deployment.id, [DeploymentScheduleCreate(schedule=daily, active=True)]
        )
    deadline = time.monotonic() + LONGEST_START_S
    while (found := read_prefect(layout)) and found.fault and time.monotonic() < deadline:
        time.sleep(10 * PAUSE_S)


def clear_schedule(api: str, nightly: str) -> None:
    """Let a nightly deployment of a server start at no time, if it is there."""
    from prefect.exceptions import ObjectNotFound

    with _open_client(api) as client, suppress(ObjectNotFound):
        deployment = client.read_deployment_by_name(f"nightly/{nightly}")
        for one in deployment.schedules:
            client.delete_deployment_schedule(deployment.id, one.id)


def local_zone() -> str:
    """Return the name of the time zone of this machine, such as ``Europe/Brussels``."""
    given = os.environ.get("TZ", "").removeprefix(":")
    place = given or os.path.realpath("/etc/localtime")
    zone = place.partition(_ZONES)[2] or given
    return zone if zone and not zone.startswith("/") else "UTC"


def start_kept(plan: Plan) -> str:
    """Start `genreflow ui --worker` so that it outlives this terminal; return what keeps it.

    ``systemd`` starts it again after a failure and a reboot, ``cron`` after a reboot; empty: what
    nothing starts again.
    """
    others = {name: text for name, text in plan.variables.items() if name != SCHEDULED}
    plan = replace(plan, variables=others)  # what people start there is started by no schedule
    json_option = (LOG_JSON,) if is_json() else ()
    words = (*json_option, "ui", "--worker", "--home", str(plan.home), *_free_ports())
    if systemd.is_reachable():
        systemd.keep(plan, words)
        return "systemd"
    is_kept = cron.is_usable()
    if is_kept:
        cron.keep(plan, words)
    with plan.log.open("ab") as log:
        subprocess.Popen(
            [plan.program, *words],
            cwd=plan.folder,
            env={**os.environ, **plan.variables},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    return "cron" if is_kept else ""


def await_kept(layout: DataLayout) -> str:
    """Wait until server, deployments and worker are there; return the address of the server."""
    announce("Starting Prefect's server and worker, which may take some minutes on a busy machine")
    deadline = time.monotonic() + LONGEST_KEPT_START_S
    while time.monotonic() < deadline and is_kept(layout.home):
        if api := find_worked(layout):
            return api
        time.sleep(10 * PAUSE_S)
    stop_kept(layout)
    raise GenreflowError(
        "Prefect's server or its worker has not started, and what had started is stopped. The last "
        f"messages of both are in {layout.schedule_log}. Run the same command again."
    )


def is_kept(home: Path) -> bool:
    """Whether `start_kept` has started server and worker of a home."""
    return systemd.is_kept(home) or cron.is_kept(home) or bool(_find_processes(home))


def stop_kept(layout: DataLayout) -> bool:
    """Clear the schedule and stop what `start_kept` has started; whether there was such a thing.

    A server that others have started stays as it is.
    """
    home = layout.home
    if not is_kept(home):
        return False
    if (found := read_prefect(layout)) and found.page:  # a client without a server starts one
        clear_schedule(f"{found.page}/api", name_deployment(home))
    systemd.release(home)
    if cron.is_kept(home):
        cron.remove(home)
    _end_processes(home)
    return True


def _find_processes(home: Path) -> list[psutil.Process]:
    """Return the commands of this user that bring Prefect up for a home."""
    return [process for process in psutil.process_iter() if _brings_up(process, home)]


def _end_processes(home: Path) -> None:
    """End the commands that bring Prefect up for a home, and wait for their end."""
    ours = _find_processes(home)
    for process in ours:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    psutil.wait_procs(ours, LONGEST_STOP_S)


def _brings_up(process: psutil.Process, home: Path) -> bool:
    with suppress(psutil.Error):
        words: Sequence[str] = process.cmdline()
        if ("ui", "--worker", "--home", str(home)) == tuple(words[-8:-4]):
            return process.uids().real == os.getuid()
    return False


def _free_ports() -> list[str]:
    """Return options with the first free port of each server: other homes may have servers, too."""
    words: list[str] = []
    for option, first in PORTS.items():
        port = next(port for port in range(first, first + 100) if _is_free(port))
        words += (option, str(port))
    return words


def _is_free(port: int) -> bool:
    with closing(socket.socket()) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
