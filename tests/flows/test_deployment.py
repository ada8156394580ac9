"""Every night: a server, a pool, the deployments, a worker and a night, on this machine alone."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest

from storage.catalog.nightly import read_nights
from storage.catalog.query import query_rows
from storage.home import DataLayout
from tests.catalogs import in_catalog
from tests.conftest import IDLE_SERVICES
from tests.flows.test_ui import free_port
from tests.shared import Shared

pytestmark = [pytest.mark.long, pytest.mark.flow, pytest.mark.keras, pytest.mark.prefect]

ROOT = Path(__file__).resolve().parents[2]
PREFECT = str(Path(sys.executable).with_name("prefect"))
LONGEST_S = 300


class Prefect:
    """The orchestrator's own program, with a server and a state of its own."""

    def __init__(self, folder: Path, music: Path) -> None:
        self.port = free_port()
        self.layout = DataLayout(folder / "home")
        self.log = folder / "prefect.log"
        # no proxy: whatever is asked for must be on this machine
        fragments = {"n_fragments": 3, "longest_s": 1.0, "margin_s": 0.5, "min_track_s": 4.0}
        self.environment = {
            **{name: value for name, value in os.environ.items() if name not in IDLE_SERVICES},
            "PWD": str(ROOT),
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_API_URL": f"http://127.0.0.1:{self.port}/api",
            "PREFECT_WORKER_QUERY_SECONDS": "1",
            "GENREFLOW_HOME": str(self.layout.home),
            "GENREFLOW_MUSIC": str(music),
            "GENREFLOW_FRAGMENTS": json.dumps(fragments),
            "GENREFLOW_FRAGMENT_LENGTHS_S": "[1.0]",
            "GENREFLOW_NETWORKS": '["dense"]',
            "GENREFLOW_TRAINING__MAX_EPOCHS": "2",
            "GENREFLOW_AUDIT": '{"n_draws": 1, "n_folds": 2, "max_epochs": 2}',
        }

    def start(self, *arguments: str) -> "subprocess.Popen[bytes]":
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [PREFECT, *arguments],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_hear_interrupts,
            )

    def run(self, *arguments: str) -> str:
        ended = subprocess.run(
            [PREFECT, *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=LONGEST_S,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr + self.log.read_text("utf-8")
        return ended.stdout

    def ask(self, path: str, **question: object) -> list[dict[str, object]]:
        request = Request(
            f"http://127.0.0.1:{self.port}/api/{path}",
            data=json.dumps(question).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urlopen(request, timeout=LONGEST_S) as response:
            return json.load(response)

    def wait_for_run(self, state: str) -> str:
        """Return the id of a night that the schedule has started and that ended in a state."""
        deadline = time.monotonic() + LONGEST_S
        asked = {"state": {"name": {"any_": [state]}}, "deployment_id": {"is_null_": False}}
        while time.monotonic() < deadline:
            runs = self.ask("flow_runs/filter", flow_runs=asked)
            if found := [run["id"] for run in runs if run["auto_scheduled"]]:
                return str(found[0])
            time.sleep(1)
        raise AssertionError(self.log.read_text("utf-8"))

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + LONGEST_S
        while time.monotonic() < deadline:
            try:
                with urlopen(f"http://127.0.0.1:{self.port}/api/health", timeout=5):
                    return
            except (URLError, OSError):
                time.sleep(0.5)
        raise AssertionError(self.log.read_text("utf-8"))


def _hear_interrupts() -> None:
    """Hear SIGINT, by which a worker ends, also where the tests run in a background job."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def stop(process: "subprocess.Popen[bytes]") -> None:
    os.killpg(process.pid, signal.SIGTERM)
    process.wait(LONGEST_S)


@pytest.fixture(scope="module")
def prefect(
    tmp_path_factory: pytest.TempPathFactory, library: Path, shared: Shared
) -> Iterator[Prefect]:
    """A server with a pool, a worker and the deployments, as the README tells to make them."""
    served = Prefect(tmp_path_factory.mktemp("deployed"), library)
    state = Path(served.environment["PREFECT_HOME"])
    state.mkdir()
    shutil.copy(shared.prefect_database(), state / "prefect.db")
    server = served.start("server", "start", "--host", "127.0.0.1", "--port", str(served.port))
    try:
        served.wait_until_ready()
        served.run("work-pool", "create", "genreflow", "--type", "process")
        worker = served.start("worker", "start", "--pool", "genreflow", "--name", "tester")
        try:
            served.run("--no-prompt", "deploy", "--all")
            yield served
        finally:
            stop(worker)
    finally:
        stop(server)


def test_the_schedule_itself_starts_a_night(prefect: Prefect) -> None:
    prefect.run("deployment", "schedule", "create", "nightly/nightly", "--interval", "45")

    finished = prefect.wait_for_run("Completed")

    prefect.run("deployment", "schedule", "clear", "nightly/nightly", "--accept-yes")
    nights = {night.flow_run_id: night for night in in_catalog(prefect.layout, read_nights)}
    artifacts = prefect.ask("artifacts/filter", artifacts={"key": {"any_": ["morning"]}})
    promotions = query_rows(prefect.layout, "select who from promotions")
    outcomes = query_rows(prefect.layout, "select * from outcomes where outcome = 'ok'")
    assert (nights[finished].who, nights[finished].outcome) == ("schedule", "finished")
    assert [step.step for step in nights[finished].steps] == [
        *("ingest", "extract", "train", "map", "tidy", "report"),
    ]
    assert "new champion: version 1" in str([found["data"] for found in artifacts])
    assert promotions == [{"who": "schedule"}]
    assert len(outcomes) == 18
