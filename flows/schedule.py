"""The nightly run in a schedule: which engine starts it, what it starts, and when it is due.

systemd and cron start `genreflow night`; Prefect's worker runs the deployment `nightly`
(`flows/deployments.py`). What is scheduled is read where it is kept: there is no note beside it.
"""

import json
import os
import shutil
import sys
from dataclasses import dataclass
from datetime import datetime, time
from pathlib import Path
from typing import Any, Literal
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from flows.prefect_server import find_home_server
from flows.setting_faults import PREFIX
from storage.home import DataLayout
from storage.schedule import cron, systemd
from storage.schedule.plan import SCHEDULED, Found, Plan, next_at

LONGEST_ANSWER_S = 1.0
Engine = Literal["systemd", "cron", "prefect"]
PROGRAM = "genreflow"
_SECRET, _HOME = f"{PREFIX}WEB_PASSWORD", f"{PREFIX}HOME"
_KEPT = (
    *("PATH", "PREFECT_API_URL", "SSL_CERT_FILE"),
    *("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
)
"""Variables beside the settings that a night finds as the person had them who scheduled it."""
_TEMPORARY = (".cache", "archive-v0", "environments-v2")
"""Folders in which `uvx` and `pipx run` have programs that they remove again."""
_WANTED = {
    "flows": {"name": {"any_": ["nightly"]}},
    "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}},
    "sort": "EXPECTED_START_TIME_ASC",
    "limit": 1,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """An engine that starts nightly runs, when the next one is due, and why it would not start.

    ``where`` is a command that shows it; ``page`` that of Prefect, ``flow_run_id`` its planned run.
    """

    engine: Engine
    due_at: datetime | None = None
    where: str = ""
    fault: str = ""
    page: str = ""
    flow_run_id: str = ""


def choose_engine() -> Engine:
    """Return the engine of this machine: systemd, else cron, else Prefect."""
    if systemd.is_reachable():
        return "systemd"
    return "cron" if cron.is_usable() else "prefect"


def find_schedules(layout: DataLayout) -> list[Schedule]:
    """Return what starts nightly runs of a home, as far as this user can see."""
    found: list[tuple[Engine, Found | None]] = [
        ("systemd", systemd.find(layout.home)),
        ("cron", cron.find(layout.home)),
    ]
    now = datetime.now().astimezone()
    timers = [
        Schedule(engine=engine, due_at=next_at(one.at, now), where=one.where, fault=one.fault)
        for engine, one in found
        if one
    ]
    prefect = read_prefect(layout)
    if prefect is None or (timers and not prefect.due_at):  # a server that plans nothing
        return timers
    return [*timers, prefect]


def read_prefect(layout: DataLayout) -> Schedule | None:
    """Ask the server that the environment names, or that serves a home, if there is one."""
    api = find_api(layout)
    if urlsplit(api).scheme not in ("http", "https"):
        if not (systemd.is_kept(layout.home) or cron.is_kept(layout.home)):
            return None
        return Schedule(engine="prefect", fault="Prefect's server does not run.")
    page = api.removesuffix("/api")
    try:
        runs = _ask(f"{api}/flow_runs/filter")
        due = [datetime.fromisoformat(run["expected_start_time"]).astimezone() for run in runs]
        flow_run_ids = [str(run["id"]) for run in runs]
    except (URLError, OSError, ValueError, KeyError, TypeError):
        return None
    return Schedule(
        engine="prefect",
        due_at=next(iter(due), None),
        where=f"{page}/deployments",
        fault="" if due else "Prefect's server runs, but plans no nightly run.",
        page=page,
        flow_run_id=next(iter(flow_run_ids), ""),
    )


def find_api(layout: DataLayout) -> str:
    """Return the address of the server that is named, or serves a home; empty without one."""
    return (os.environ.get("PREFECT_API_URL") or find_home_server(layout)).rstrip("/")


def _ask(address: str) -> list[dict[str, str]]:
    kind = {"Content-Type": "application/json"}
    request = Request(address, json.dumps(_WANTED).encode(), kind)
    with urlopen(request, timeout=LONGEST_ANSWER_S) as response:
        return json.load(response)


def plan_night(layout: DataLayout, at: time) -> Plan:
    """Return what is to be scheduled for a home, with the program and settings of this command.

    Settings of genreflow.toml are those of the folder that the command is given in.
    """
    home = str(layout.home)
    settings = {
        name: text
        for name, text in sorted(os.environ.items())
        if (name.startswith(PREFIX) and name not in (_SECRET, _HOME)) or name in _KEPT
    }
    settings["PATH"] = os.pathsep.join(dict.fromkeys(os.get_exec_path()))
    return Plan(
        home=layout.home,
        at=at,
        program=str(find_program()),
        folder=Path.cwd(),
        variables={**settings, _HOME: home, SCHEDULED: "1"},
        night=("night", "--home", home),
        failed=("morning", "--failed", "--home", home),
        log=layout.schedule_log,
    )


def find_program() -> Path:
    """Return the absolute path of the program of this installation."""
    given = Path(sys.argv[0])
    beside = Path(sys.executable).with_name(PROGRAM)
    places = [given.absolute()] if given.name == PROGRAM else []
    places += [beside, Path(shutil.which(PROGRAM) or beside)]
    return next((place for place in places if os.access(place, os.X_OK)), beside)


def is_temporary(program: str) -> bool:
    """Whether a program is where `uvx` or `pipx run` put it for one call."""
    return bool(set(Path(program).resolve().parts) & set(_TEMPORARY))


def as_facts(schedule: Schedule) -> dict[str, Any]:
    """Return a schedule as plain values for programs."""
    due_at = schedule.due_at.isoformat() if schedule.due_at else None
    return {
        "engine": schedule.engine,
        "due_at": due_at,
        "where": schedule.where,
        "fault": schedule.fault,
    }
