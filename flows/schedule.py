"""The nightly run in a schedule: which engine starts it, what it starts, and when it is due.

systemd and cron start `genreflow night`; Prefect's worker runs the deployment `nightly`
(`flows/deployments.py`). What is scheduled is read where it is kept: there is no note beside it.
"""

import json
import os
import re
import shutil
import sys
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time
from http import HTTPStatus
from pathlib import Path
from typing import Any, Literal
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from flows.prefect_server import find_home_server
from flows.setting_faults import PREFIX
from genre_core.errors import UsageError
from storage.home import DataLayout
from storage.schedule import cron, systemd
from storage.schedule.plan import (
    SCHEDULED,
    SECRETS,
    Found,
    Plan,
    name_of,
    next_at,
    read_secrets,
    require_private,
)
from tasks.logs import OPTION as LOG_JSON
from tasks.logs import is_json

LONGEST_ANSWER_S = 1.0
Engine = Literal["systemd", "cron", "prefect"]
PROGRAM = "genreflow"
_ACCOUNT = "PREFECT_API_AUTH_STRING"
_SECRET, _HOME = f"{PREFIX}WEB_PASSWORD", f"{PREFIX}HOME"
_COPIED = re.compile(
    rf"({PREFIX}|OTEL_|OPENLINEAGE_).*|PATH|PREFECT_API_URL|SSL_CERT_FILE|XDG_CACHE_HOME"
    r"|((http|https|no)_proxy|(HTTP|HTTPS|NO)_PROXY)"
)
"""Variables that a night finds as the person had them who scheduled it."""
_CLOSED = re.compile(r"HEADERS|KEY|TOKEN|PASSWORD|SECRET")
"""Names of variables with secrets, which neither units nor a crontab are to hold."""
_LOGIN = re.compile(r"://[^/\s]*:[^/\s]*@")
"""An account in an address."""
_TEMPORARY = (".cache", "archive-v0", "environments-v2")
"""Folders in which `uvx` and `pipx run` have programs that they remove again."""
POOL, NIGHTLY = "genreflow", "nightly"
"""Work pool and nightly deployment of a server that serves one home."""


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
        runs = _ask(api, layout)
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


def name_pool(home: Path) -> str:
    """Return the name of a home's work pool; on a server that is named, other homes have theirs."""
    return name_of(home) if os.environ.get("PREFECT_API_URL") else POOL


def name_deployment(home: Path) -> str:
    """Return the name of a home's deployment of the flow ``nightly``, as `name_pool`."""
    return name_of(home) if os.environ.get("PREFECT_API_URL") else NIGHTLY


def require_account(layout: DataLayout) -> None:
    """Refuse a server that wants an account which ``schedule.env`` does not hold."""
    try:
        _ask(find_api(layout), layout, read_secrets(layout.schedule_secrets))
    except HTTPError as error:
        if error.code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise UsageError(
                f"The server of PREFECT_API_URL wants an account. Write the line {_ACCOUNT}=… into "
                f"{layout.schedule_secrets}, and chmod 600 that file: no schedule holds secrets."
            ) from error
    except (OSError, ValueError):
        return


def _ask(
    api: str, layout: DataLayout, given: Mapping[str, str] | None = None
) -> list[dict[str, str]]:
    """Ask a server of Prefect for the next nightly run of a home, with the account given."""
    wanted = {
        # one may have been deployed by hand
        "deployments": {"name": {"any_": [name_deployment(layout.home), NIGHTLY]}},
        "flows": {"name": {"any_": ["nightly"]}},
        "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}},
        "sort": "EXPECTED_START_TIME_ASC",
        "limit": 1,
    }
    headers = {"Content-Type": "application/json"}
    if given is None:
        given = {**os.environ, **read_secrets(layout.schedule_secrets)}
    if account := given.get(_ACCOUNT):
        headers["Authorization"] = f"Basic {b64encode(account.encode()).decode()}"
    request = Request(f"{api}/flow_runs/filter", json.dumps(wanted).encode(), headers)
    with urlopen(request, timeout=LONGEST_ANSWER_S) as response:
        return json.load(response)


def plan_night(layout: DataLayout, at: time) -> Plan:
    """Return what is to be scheduled for a home, with the program and settings of this command.

    Settings of genreflow.toml are those of the folder that the command is given in. Raises
    UsageError for an address with a password: it belongs into ``schedule.env``.
    """
    home = str(layout.home)
    require_private(layout.schedule_secrets)
    given = read_secrets(layout.schedule_secrets)
    settings = {
        name: text
        for name, text in sorted(os.environ.items())
        if _COPIED.fullmatch(name) and not _CLOSED.search(name) and name not in given
    }
    if shown := [name for name, text in settings.items() if _LOGIN.search(text)]:
        raise UsageError(
            f"{shown[0]} holds a password, which others would see in a schedule. Write the line "
            f"{shown[0]}=… into {layout.schedule_secrets}, and chmod 600 that file."
        )
    settings["PATH"] = os.pathsep.join(dict.fromkeys(os.get_exec_path()))
    json_option = (LOG_JSON,) if is_json() else ()
    return Plan(
        home=layout.home,
        at=at,
        program=str(find_program()),
        folder=Path.cwd(),
        variables={
            **settings,
            _HOME: home,
            SCHEDULED: "1",
            SECRETS: str(layout.schedule_secrets),
        },
        night=("night", *json_option, "--home", home),
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
