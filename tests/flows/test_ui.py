"""genreflow ui: both servers answer on 127.0.0.1, and none is left when it is stopped."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from flows.settings import Settings
from tests.flows.conftest import PROGRAM, Call
from tests.shared import Shared

pytestmark = pytest.mark.flow

LONGEST_STOP_S = 60


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def group_members(group: int) -> list[int]:
    """The living processes of a process group, as /proc knows them."""
    stats = [path.read_text() for path in Path("/proc").glob("[0-9]*/stat") if path.exists()]
    rows = [(stat.split()[0], stat.rpartition(")")[2].split()) for stat in stats]
    return [int(pid) for pid, fields in rows if int(fields[2]) == group and fields[0] != "Z"]


def read_until(lines: Iterator[str], end: str) -> str:
    result = ""
    for line in lines:
        result += line
        if end in line:
            return result
    raise AssertionError(f"{end!r} was never printed, only: {result}")


def answers(address: str) -> int:
    with urlopen(address, timeout=20) as response:
        return response.status


def is_silent(address: str) -> bool:
    try:
        answers(address)
    except (URLError, OSError):
        return True
    return False


class Pages:
    """The command ``ui`` over a finished store, on ports of its own."""

    def __init__(self, config: Settings) -> None:
        self.log = config.home / "ui.log"
        ports = [free_port(), free_port()]
        self.mlflow, self.prefect = (f"http://127.0.0.1:{port}" for port in ports)
        options = ["--mlflow-port", str(ports[0]), "--prefect-port", str(ports[1])]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [str(PROGRAM), "ui", "--home", str(config.home), *options],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
                env={**os.environ, "COLUMNS": "300", "PREFECT_HOME": str(config.layout.prefect)},
            )

    def members(self) -> list[int]:
        return group_members(self.process.pid)

    def read_until(self, end: str) -> str:
        assert self.process.stdout is not None
        return read_until(self.process.stdout, end)

    def stop(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(LONGEST_STOP_S)


@pytest.fixture
def pages(finished_copy: Settings, shared: Shared) -> Iterator[Pages]:
    finished_copy.layout.prefect.mkdir(exist_ok=True)
    shutil.copy(shared.prefect_database(), finished_copy.layout.prefect / "prefect.db")
    started = Pages(finished_copy)
    with started.process:
        yield started
        if started.members():
            os.killpg(started.process.pid, signal.SIGKILL)


@pytest.mark.long
def test_both_pages_answer_until_ctrl_c_stops_them_with_all_their_children(pages: Pages) -> None:
    result = pages.read_until("Ctrl-C")
    statuses = [answers(pages.mlflow), answers(f"{pages.prefect}/api/health")]
    n_members = len(pages.members())

    code = pages.stop(signal.SIGINT)

    assert f"{pages.mlflow}/" in result
    assert f"{pages.prefect}/" in result
    assert statuses == [200, 200]
    assert n_members >= 3
    assert code == 130
    assert "Stopped.\n" in pages.log.read_text("utf-8")
    assert wait_until_gone(pages) == []
    assert is_silent(pages.mlflow)
    assert is_silent(pages.prefect)


def test_a_signal_during_the_start_leaves_no_child(pages: Pages) -> None:
    while len(pages.members()) < 2:
        time.sleep(0.1)
    time.sleep(1)

    code = pages.stop(signal.SIGTERM)

    assert code == 130
    assert wait_until_gone(pages) == []


def wait_until_gone(pages: Pages) -> list[int]:
    """Return the processes that are still there after a while; the last ones need a moment."""
    deadline = time.monotonic() + LONGEST_STOP_S
    while pages.members() and time.monotonic() < deadline:
        time.sleep(0.2)
    return pages.members()


def test_a_port_that_is_taken_is_told_in_a_sentence(finished: Settings, program: Call) -> None:
    class Well(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

    with HTTPServer(("127.0.0.1", 0), Well) as server:
        Thread(target=server.serve_forever, daemon=True).start()

        result = program("ui", "--home", finished.home, "--prefect-port", str(server.server_port))

        server.shutdown()

    assert result.code == 2
    assert result.err.startswith("genreflow: The address of http://127.0.0.1:")
    assert len(result.err.splitlines()) == 1
