"""What flows run under: nothing, a server that stands for the home, or one of the command."""

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from flows.prefect_server import announce_server, find_home_server
from storage.home import DataLayout
from tests.shared import Shared, start_server

ANNOUNCED = """
import sys, time
from pathlib import Path
from flows.prefect_server import announce_server
from storage.home import DataLayout
with announce_server(DataLayout(Path(sys.argv[1])), sys.argv[2]):
    print("stands", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def address() -> Iterator[str]:
    """The address of a port that accepts connections."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/api"


def test_a_server_stands_for_a_home_as_long_as_its_command_lives(
    layout: DataLayout, address: str
) -> None:
    assert find_home_server(layout) == ""
    with subprocess.Popen(
        [sys.executable, "-c", ANNOUNCED, str(layout.home), address],
        stdout=subprocess.PIPE,
        text=True,
    ) as command:
        assert command.stdout is not None
        assert command.stdout.readline() == "stands\n"
        while_it_lives = find_home_server(layout)
        command.send_signal(signal.SIGKILL)

    assert while_it_lives == address
    assert (layout.prefect / "server").read_text("utf-8") == address
    assert find_home_server(layout) == ""


def test_the_server_that_came_first_serves_a_home_until_it_ends(
    layout: DataLayout, address: str
) -> None:
    with announce_server(layout, address):
        with announce_server(layout, "http://127.0.0.1:1/api"):
            pass
        after_the_second = find_home_server(layout)

    assert after_the_second == address
    assert find_home_server(layout) == ""


CHOOSING = """
import os, sys
from pathlib import Path
from flows.engine import RunnerConfig, choose_engine, is_direct, require_reachable, run_directly
from flows.environment import set_environment
from flows.prefect_server import announce_server
from storage.home import DataLayout
layout, named, of_home, needed = DataLayout(Path(sys.argv[1])), *sys.argv[2:]
set_environment(layout.home)
run_directly()
os.environ.update({"PREFECT_API_URL": named} if named else {})
with announce_server(layout, of_home or "http://127.0.0.1:1/api"):
    choose_engine(layout, needs_prefect=needed == "yes")
print(is_direct(), os.environ.get("PREFECT_API_URL", ""), "prefect" in sys.modules)
"""


@pytest.mark.parametrize(
    ("named", "of_home", "needed", "chosen"),
    [
        ("", "", "no", "True  False"),
        ("NAMED", "", "no", "False NAMED False"),
        ("", "HOME", "no", "False HOME False"),
        ("NAMED", "HOME", "yes", "False NAMED False"),
        ("", "", "yes", "False http://127.0.0.1:"),
    ],
)
def test_a_command_runs_directly_unless_a_server_is_named_or_serves_the_home_or_is_needed(
    tmp_path: Path, address: str, named: str, of_home: str, needed: str, chosen: str
) -> None:
    addresses = {"NAMED": "http://127.0.0.1:9/api", "HOME": address, "": ""}
    unset = ("PREFECT_API_URL", "PREFECT_HOME")
    known = {name: value for name, value in os.environ.items() if name not in unset}

    ended = subprocess.run(
        [sys.executable, "-c", CHOOSING, tmp_path, addresses[named], addresses[of_home], needed],
        env=known,
        capture_output=True,
        text=True,
        check=True,
    )

    for word, place in addresses.items():
        chosen = chosen.replace(word, place) if word else chosen
    assert ended.stdout.startswith(chosen)


SIGNAL = """
import os, signal, sys, types
from flows.cli.start import stop_on_signals
sys.modules["flows.engine"] = types.ModuleType("flows.engine")  # while it is imported
stop_on_signals()
os.kill(os.getpid(), signal.SIGINT)
"""


def test_ctrl_c_ends_a_command_also_while_it_is_imported() -> None:
    ended = subprocess.run([sys.executable, "-c", SIGNAL], capture_output=True, text=True)

    assert ended.returncode == 130
    assert "Traceback" not in ended.stderr


def test_the_note_of_a_server_goes_with_it(layout: DataLayout, address: str) -> None:
    with announce_server(layout, address):
        pass

    assert list(layout.prefect.iterdir()) == []


def test_a_server_that_does_not_listen_any_more_stands_for_nothing(
    layout: DataLayout, address: str
) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as gone,
        announce_server(layout, f"http://127.0.0.1:{gone.getsockname()[1]}/api"),
    ):
        gone.close()

        assert find_home_server(layout) == ""


@pytest.mark.prefect
def test_the_first_server_leaves_a_template_that_the_next_home_begins_with(
    shared: Shared, tmp_path: Path
) -> None:
    first = shared.first_server()
    cache = tmp_path / "cache" / "genreflow"
    cache.mkdir(parents=True)
    template = Path(shutil.copy(shared.prefect_database(), cache))
    with closing(sqlite3.connect(template)) as opened:
        opened.execute("create table mark (of integer)")
        opened.commit()

    second = start_server(tmp_path / "two", tmp_path / "cache")

    assert ((first / "answer").read_text("utf-8"), second) == ("true\n", "true\n")
    tables = tables_of(tmp_path / "two" / "prefect" / "prefect.db")
    assert tables_of(first / "home" / "prefect" / "prefect.db") | {"mark"} == tables


def tables_of(database: Path) -> set[str]:
    with closing(sqlite3.connect(database)) as opened:
        return {name for (name,) in opened.execute("select name from sqlite_master")}
