"""What flows run under: nothing, a server that stands for the home, or one of the command."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from flows.prefect_server import find_standing, stand_for
from storage.home import DataLayout

STANDING = """
import sys, time
from pathlib import Path
from flows.prefect_server import stand_for
from storage.home import DataLayout
with stand_for(DataLayout(Path(sys.argv[1])), sys.argv[2]):
    print("stands", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def listening() -> Iterator[str]:
    """The address of a port on which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/api"


def test_a_server_stands_for_a_home_as_long_as_its_command_lives(
    layout: DataLayout, listening: str
) -> None:
    assert find_standing(layout) == ""
    with subprocess.Popen(
        [sys.executable, "-c", STANDING, str(layout.home), listening],
        stdout=subprocess.PIPE,
        text=True,
    ) as command:
        assert command.stdout is not None
        assert command.stdout.readline() == "stands\n"
        while_it_lives = find_standing(layout)
        command.send_signal(signal.SIGKILL)

    assert while_it_lives == listening
    assert (layout.prefect / "server").read_text("utf-8") == listening
    assert find_standing(layout) == ""


def test_the_note_of_a_server_goes_with_it(layout: DataLayout, listening: str) -> None:
    with stand_for(layout, listening):
        pass

    assert list(layout.prefect.iterdir()) == []


def test_a_server_that_does_not_listen_any_more_stands_for_nothing(
    layout: DataLayout, listening: str
) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as gone,
        stand_for(layout, f"http://127.0.0.1:{gone.getsockname()[1]}/api"),
    ):
        gone.close()

        assert find_standing(layout) == ""


SERVER = """
import os, sys
from pathlib import Path
from urllib.request import urlopen
from flows.environment import set_environment
from flows.prefect_server import Server
from storage.home import DataLayout
home = Path(sys.argv[1])
set_environment(home)
server = Server(DataLayout(home))
server.wait()
print(urlopen(server.api + "/health").read().decode())
"""


@pytest.mark.prefect
def test_the_first_server_leaves_a_template_that_the_next_home_begins_with(tmp_path: Path) -> None:
    unset = ("PREFECT_API_URL", "PREFECT_HOME")
    known = {name: value for name, value in os.environ.items() if name not in unset}
    cache = tmp_path / "cache"

    answers = [
        subprocess.run(
            [sys.executable, "-c", SERVER, str(tmp_path / home)],
            env={**known, "XDG_CACHE_HOME": str(cache)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for home in ("one", "two")
    ]

    (template,) = (cache / "genreflow").iterdir()
    assert answers == ["true\n", "true\n"]
    tables = [
        tables_of(database) for database in (template, tmp_path / "two" / "prefect" / "prefect.db")
    ]
    assert tables[0] == tables[1]
    assert "flow_run" in tables[0]


def tables_of(database: Path) -> set[str]:
    with closing(sqlite3.connect(database)) as opened:
        return {name for (name,) in opened.execute("select name from sqlite_master")}
