"""genreflow ui: both servers answer on 127.0.0.1, and none is left when it is stopped."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from flows.line import LineConfig
from tests.flows.conftest import PROGRAM

pytestmark = pytest.mark.flow

LONGEST_START_S = 240
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
    said = ""
    for line in lines:
        said += line
        if end in line:
            return said
    raise AssertionError(f"{end!r} was never said, only: {said}")


def answers(address: str) -> int:
    with urlopen(address, timeout=20) as response:
        return response.status


def is_silent(address: str) -> bool:
    try:
        answers(address)
    except (URLError, OSError):
        return True
    return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_both_pages_answer_until_a_signal_stops_them_with_all_their_children(
    finished_copy: LineConfig, number: signal.Signals
) -> None:
    ports = [free_port(), free_port()]
    mlflow, prefect = (f"http://127.0.0.1:{port}" for port in ports)
    names = ("--mlflow-port", "--prefect-port")
    options = [word for pair in zip(names, map(str, ports), strict=True) for word in pair]
    command = [str(PROGRAM), "ui", "--home", str(finished_copy.home), *options]

    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
        env={**os.environ, "COLUMNS": "300", "PREFECT_HOME": str(finished_copy.layout.prefect)},
    ) as process:
        assert process.stdout is not None
        said = read_until(process.stdout, "Ctrl-C")
        statuses = [answers(mlflow), answers(f"{prefect}/api/health")]
        members = group_members(process.pid)
        process.send_signal(number)
        code = process.wait(LONGEST_STOP_S)

    assert f"{mlflow}/" in said
    assert f"{prefect}/" in said
    assert statuses == [200, 200]
    assert len(members) >= 3
    assert code == 1
    deadline = time.monotonic() + LONGEST_STOP_S
    while group_members(process.pid) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert group_members(process.pid) == []
    assert is_silent(mlflow)
    assert is_silent(prefect)


def test_a_port_that_is_taken_is_told_in_a_sentence(finished: LineConfig) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = str(listener.getsockname()[1])
        ended = subprocess.run(
            [str(PROGRAM), "ui", "--home", str(finished.home), "--mlflow-port", port],
            capture_output=True,
            text=True,
            timeout=LONGEST_START_S,
            check=False,
        )

    assert ended.returncode in (1, 2)
    assert "Traceback" not in ended.stderr.splitlines()[-1]
    assert port in ended.stderr
