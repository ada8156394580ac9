"""The next nightly run, as a server of Prefect knows it."""

import json
import os
from dataclasses import dataclass
from datetime import datetime
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from flows.prefect_server import find_home_server
from storage.home import DataLayout

LONGEST_ANSWER_S = 1.0
_WANTED = {
    "flows": {"name": {"any_": ["nightly"]}},
    "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}},
    "sort": "EXPECTED_START_TIME_ASC",
    "limit": 1,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Prefect's page, empty where no server runs; and when its next nightly run is due."""

    page: str = ""
    due_at: datetime | None = None
    flow_run_id: str = ""


def read_schedule(layout: DataLayout) -> Schedule:
    """Ask the server that the environment names, or that serves a home; it may be there or not."""
    api = (os.environ.get("PREFECT_API_URL") or find_home_server(layout)).rstrip("/")
    if urlsplit(api).scheme not in ("http", "https"):
        return Schedule()
    try:
        found = _ask(f"{api}/flow_runs/filter")
        due = [datetime.fromisoformat(one["expected_start_time"]) for one in found]
        flow_run_ids = [str(one["id"]) for one in found]
    except (URLError, OSError, ValueError, KeyError, TypeError):
        return Schedule()
    return Schedule(
        page=api.removesuffix("/api"),
        due_at=next(iter(due), None),
        flow_run_id=next(iter(flow_run_ids), ""),
    )


def _ask(address: str) -> list[dict[str, str]]:
    kind = {"Content-Type": "application/json"}
    request = Request(address, json.dumps(_WANTED).encode(), kind)
    with urlopen(request, timeout=LONGEST_ANSWER_S) as response:
        return json.load(response)
