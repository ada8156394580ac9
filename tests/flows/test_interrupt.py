"""Ctrl-C reaches the whole group; SIGTERM and SIGHUP, one process; neither leaves a server."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

from flows.cli.start import stopped_sentence
from flows.environment import OWNER, end_orphaned_servers
from tests.shared import Shared

INTERRUPTED = """
import sys, time
from pathlib import Path
from flows.cli.app import prepare_config, settle_engine
from flows.engine import run_directly
from flows.environment import end_orphaned_servers
end_orphaned_servers()
recorded = sys.argv[2] == "prefect"
run_directly()
prepare_config(False, check=lambda config: None, recorded=recorded, home=Path(sys.argv[1]))
if recorded:
    settle_engine()
from tasks.orchestrator import flow
@flow
def endless():
    print("begun", flush=True)
    for _ in range(6000):  # the signal may reach another thread, which does not end a sleep
        time.sleep(0.1)
endless()
"""
LAST_S = 20


@dataclass
class Program:
    """A flow that does not end, in a process group of its own, with a server of its own."""

    process: subprocess.Popen[str]
    stderr: Path

    def servers(self) -> list[psutil.Process]:
        """The servers that it has started."""
        children = psutil.Process(self.process.pid).children()
        return [child for child in children if "uvicorn" in child.cmdline()]

    def wait_until_gone(self, servers: list[psutil.Process]) -> list[psutil.Process]:
        """Return the servers that are still there after a while."""
        return psutil.wait_procs(servers, LAST_S)[1]


def obey_hang_up() -> None:
    """Undo what ``nohup`` sets, under which these tests may run."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture
def engine() -> str:
    """What the flow runs under."""
    return "prefect"


@pytest.fixture
def program(tmp_path: Path, shared: Shared, engine: str) -> Iterator[Program]:
    home = tmp_path / "home"
    (home / "prefect").mkdir(parents=True)
    shutil.copy(shared.prefect_database(), home / "prefect" / "prefect.db")
    unset = ("PREFECT_API_URL", "PREFECT_HOME")
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    stderr = tmp_path / "stderr.txt"
    with (
        stderr.open("w") as file,  # no pipe: a server that lingers would hold it open
        subprocess.Popen(
            [sys.executable, "-c", INTERRUPTED, str(home), engine],
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
            start_new_session=True,
            preexec_fn=obey_hang_up,
            env=environment,
        ) as process,
    ):
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        program = Program(process, stderr)
        left = [process, *program.servers()]
        yield program
        for one in left:
            with suppress(psutil.NoSuchProcess):
                one.kill()


@pytest.mark.parametrize("words", [["web"], ["serve", "--port", "1"], ["--home", "x", "ui"]])
def test_a_server_that_is_stopped_names_nothing_to_resume(
    words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["genreflow", *words])

    assert stopped_sentence() == "Stopped."


@pytest.mark.flow
@pytest.mark.parametrize("engine", ["direct", "prefect"])
def test_ctrl_c_ends_a_flow_at_once_with_one_sentence(program: Program, engine: str) -> None:
    servers = program.servers()

    os.killpg(program.process.pid, signal.SIGINT)

    assert program.process.wait(LAST_S) == 130
    assert len(servers) == (engine == "prefect")
    assert program.wait_until_gone(servers) == []
    assert "Stopped. What was finished is kept" in program.stderr.read_text()
    assert "Traceback" not in program.stderr.read_text()


@pytest.mark.flow
@pytest.mark.parametrize(
    ("number", "engine"),
    [(signal.SIGTERM, "direct"), (signal.SIGTERM, "prefect"), (signal.SIGHUP, "direct")],
)
def test_a_signal_to_the_command_alone_ends_its_server_too(
    program: Program, number: signal.Signals, engine: str
) -> None:
    servers = program.servers()

    program.process.send_signal(number)

    assert program.process.wait(LAST_S) == -number
    assert len(servers) == (engine == "prefect")
    assert program.wait_until_gone(servers) == []


@pytest.mark.flow
def test_the_next_command_ends_the_server_of_one_that_was_killed(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(OWNER, "")
    servers = program.servers()
    end_orphaned_servers()
    kept = [server.is_running() for server in servers]
    allowed = httpx.get(api_of(servers[0]), headers={"origin": "http://songs.test"}, timeout=20)
    program.process.kill()
    program.process.wait()
    orphans = [server.is_running() for server in servers]

    end_orphaned_servers()

    assert kept == orphans == [True]
    assert program.wait_until_gone(servers) == []
    assert (allowed.status_code, allowed.headers.get("access-control-allow-origin")) == (200, None)


def api_of(server: psutil.Process) -> str:
    open_ports = [place for place in server.net_connections() if place.status == "LISTEN"]
    return f"http://127.0.0.1:{open_ports[0].laddr.port}/api/health"


SERVER = "read owner; export {owner}=$owner; exec {python} -c 'import time; time.sleep(60)' uvicorn"
"""A process that looks like a server, and gets its owner after it has begun."""
COMMANDS = """
import os, subprocess, sys
from flows.environment import end_orphaned_servers
end_orphaned_servers()
sleep = "import time; time.sleep(60)"
server = subprocess.Popen([sys.executable, "-c", sleep, "uvicorn"])
for _ in range(20):
    end_orphaned_servers()
print(server.poll())
server.kill()
"""


@pytest.fixture
def servers() -> Iterator[Callable[[], subprocess.Popen[str]]]:
    script = SERVER.format(owner=OWNER, python=sys.executable)
    with ExitStack() as stack:

        def start() -> subprocess.Popen[str]:
            process = subprocess.Popen(["sh", "-c", script], stdin=subprocess.PIPE, text=True)
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield start


def own(server: subprocess.Popen[str], owner: str) -> None:
    """Name the owner of a server, and wait until it runs."""
    assert server.stdin is not None
    server.stdin.write(f"{owner}\n")
    server.stdin.flush()
    while "uvicorn" not in psutil.Process(server.pid).cmdline():
        time.sleep(0.01)


def test_only_the_servers_of_commands_that_are_gone_are_ended(
    servers: Callable[[], subprocess.Popen[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(OWNER, "")
    end_orphaned_servers()
    here = os.environ[OWNER].partition("@")[2]
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    zombie = subprocess.Popen([sys.executable, "-c", ""])
    while psutil.Process(zombie.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    names = ("alive", "of nobody", "older form", "other container", "dead", "zombie", "reused")
    found = {name: servers() for name in names}
    time.sleep(0.05)  # ids of processes are given again only after a while
    later = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    owners = [
        *(f"{os.getpid()}@{here}", "", str(gone.pid), f"{gone.pid}@pid:[1]"),
        *(f"{gone.pid}@{here}", f"{zombie.pid}@{here}", f"{later.pid}@{here}"),
    ]
    for server, owner in zip(found.values(), owners, strict=True):
        own(server, owner)

    end_orphaned_servers()

    for name in ("dead", "zombie", "reused"):
        found[name].wait(LAST_S)
    ended = [name for name, server in found.items() if server.poll() is not None]
    later.communicate(b"\n")
    zombie.wait()
    assert ended == ["dead", "zombie", "reused"]


def test_commands_that_start_at_the_same_time_leave_each_other_their_servers() -> None:
    commands = [
        subprocess.Popen([sys.executable, "-c", COMMANDS], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]

    assert [command.communicate()[0] for command in commands] == ["None\n"] * 4


QUIET = """
import os, sys
from flows.cli.start import quiet_libraries
quiet_libraries()
os.write(2, b"of a library in C++")
print("of Python", file=sys.stderr)
"""


def test_standard_error_shows_what_python_writes_and_nothing_of_c_libraries() -> None:
    program = subprocess.run(
        [sys.executable, "-c", QUIET], capture_output=True, text=True, check=True
    )

    assert program.stderr == "of Python\n"
