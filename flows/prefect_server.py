"""Prefect's server: the one of a command, on its own process, and the one that stands for a home.

`flows/engine.py` says when; a command's server is started before Prefect is imported here.
"""

import atexit
import fcntl
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

from genre_core.errors import GenreflowError
from storage.files import find_full_disk, require_sqlite, write_whole
from storage.home import DataLayout, cache_folder

LONGEST_START_S = 120.0
LONGEST_STOP_S = 5.0
LONGEST_CONNECT_S = 0.2
PAUSE_S = 0.05
_SETTINGS = {
    "PREFECT_UI_ENABLED": "0",
    "PREFECT__SERVER_EPHEMERAL": "1",
    "PREFECT__SERVER_FINAL": "1",
    "PREFECT_API_BLOCKS_REGISTER_ON_START": "false",
}
"""What Prefect sets for a server of one command; types of blocks are registered where one is."""


class Server:
    """Prefect's server of this process, with its state in ``PREFECT_HOME``, by default the home's.

    Raises CatalogMismatch if that is no database.
    """

    def __init__(self, layout: DataLayout) -> None:
        folder = Path(os.environ["PREFECT_HOME"])
        folder.mkdir(parents=True, exist_ok=True)
        self.state = folder / "prefect.db"
        is_new = not self.state.exists() or not self.state.stat().st_size
        is_elsewhere = "PREFECT_SERVER_DATABASE_CONNECTION_URL" in os.environ
        if not is_new:
            require_sqlite(layout, self.state)
        elif not is_elsewhere:
            _copy_template(self.state)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.api = f"http://127.0.0.1:{listener.getsockname()[1]}/api"
            self.process = _start(listener)
        self.keeps_template = is_new and not is_elsewhere and not _template().exists()
        atexit.register(self.stop)

    @property
    def answers(self) -> bool:
        """Whether it is ready."""
        return answers(f"{self.api}/health")

    def wait(self) -> None:
        """Wait until it answers.

        Raises GenreflowError if it ends instead: on a full disk, or a state that is not Prefect's.
        """
        deadline_s = time.monotonic() + LONGEST_START_S
        while not self.answers:
            if self.process.poll() is not None or time.monotonic() > deadline_s:
                raise find_full_disk(self.state.parent) or GenreflowError(
                    f"Prefect's server does not start on {self.state.parent}. If its disk is "
                    "full, free some space; else move this folder away: it holds no songs and no "
                    "models."
                )
            time.sleep(PAUSE_S)
        if self.keeps_template:
            self.keeps_template = False
            _keep_template(self.state)

    def stop(self) -> None:
        """End it, and wait for the end."""
        self.process.terminate()
        try:
            self.process.wait(LONGEST_STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.wait()


def _start(listener: socket.socket) -> "subprocess.Popen[bytes]":
    """Start a server on a socket that listens already, so that no other process takes its port."""
    program = (sys.executable, "-m", "uvicorn", "--factory", "prefect.server.api.server:create_app")
    options = ("--fd", str(listener.fileno()), "--log-level", "error", "--lifespan", "on")
    return subprocess.Popen(
        [*program, *options], env={**os.environ, **_SETTINGS}, pass_fds=[listener.fileno()]
    )


def answers(health: str, timeout_s: float = 2.0) -> bool:
    """Whether a server says that it is well."""
    from urllib.error import URLError
    from urllib.request import urlopen

    try:
        with urlopen(health, timeout=timeout_s) as response:
            return response.status == 200
    except (URLError, OSError):
        return False


def _template() -> Path:
    """A database with all tables, which Prefect takes seconds to make; of this version alone."""
    return cache_folder() / f"prefect-{version('prefect')}.db"


def _copy_template(state: Path) -> None:
    if _template().exists():
        with write_whole(state) as part:
            shutil.copyfile(_template(), part)


def _keep_template(state: Path) -> None:
    """Keep a database that has just been made; without effect where the cache is read-only."""
    with (
        suppress(OSError, sqlite3.Error),
        write_whole(_template()) as part,
        closing(sqlite3.connect(f"{state.as_uri()}?mode=ro", uri=True)) as database,
    ):
        database.execute("vacuum into ?", [str(part)])


@contextmanager
def stand_for(layout: DataLayout, api: str) -> Iterator[None]:
    """Leave the address of a server in the home while this block runs: commands report there.

    The lock on the note says that its writer lives, also after a crash.
    """
    note = layout.prefect / "server"
    note.parent.mkdir(parents=True, exist_ok=True)
    with note.open("w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(api)
        file.flush()
        try:
            yield
        finally:
            note.unlink(missing_ok=True)


def find_standing(layout: DataLayout) -> str:
    """Return the address of the server that stands for a home; empty if none is, or it is dead."""
    try:
        with (layout.prefect / "server").open(encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        api = (layout.prefect / "server").read_text("utf-8")
        return api if _listens(api) else ""
    except OSError:
        return ""
    return ""


def _listens(api: str) -> bool:
    place = urlsplit(api)
    with suppress(OSError):
        socket.create_connection((place.hostname, place.port), LONGEST_CONNECT_S).close()
        return True
    return False
