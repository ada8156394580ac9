"""Prefect's server: one that a command starts for itself, and one that serves all of a home.

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
PREFECT, MLFLOW = "server", "mlflow"
"""The notes of `announce_server`."""
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
        folder = Path(os.environ["PREFECT_HOME"]).expanduser().absolute()
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
        self.is_template = is_new and not is_elsewhere
        self.is_ready = False
        atexit.register(self.stop)

    def wait(self) -> None:
        """Wait until it answers.

        Raises GenreflowError if it ends instead: on a full disk, or a state that is not Prefect's.
        """
        deadline_s = time.monotonic() + LONGEST_START_S
        while not answers(f"{self.api}/health"):
            if self.process.poll() is not None or time.monotonic() > deadline_s:
                raise find_full_disk(self.state.parent) or GenreflowError(
                    f"Prefect's server does not start on {self.state.parent}. If its disk is "
                    "full, free some space; else move this folder away, which holds no songs and "
                    f"no models, and {_template()}, if it is there."
                )
            time.sleep(PAUSE_S)
        self.is_ready = True
        if self.is_template:
            _store_template(self.state)

    def stop(self) -> None:
        """End it, and wait for the end; what has not begun to serve has nothing to finish."""
        if not self.is_ready:
            self.kill()
        self.process.terminate()
        try:
            self.process.wait(LONGEST_STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
            self.process.wait()

    def kill(self) -> None:
        """End it at once; a signal may have come while it was waited for, so this does not wait."""
        self.process.kill()


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
    with suppress(OSError, RuntimeError):  # no home of the user, or one that is closed to us
        if _template().exists():
            with write_whole(state) as part:
                shutil.copyfile(_template(), part)


def _store_template(state: Path) -> None:
    """Store a database that has just been made; without effect where the cache is closed to us."""
    with suppress(OSError, RuntimeError, sqlite3.Error):
        if not _template().exists():
            opened = sqlite3.connect(f"{state.as_uri()}?mode=ro", uri=True)
            with closing(opened) as database, write_whole(_template()) as part:
                database.execute("vacuum into ?", [str(part)])


@contextmanager
def announce_server(layout: DataLayout, api: str, name: str = PREFECT) -> Iterator[None]:
    """Leave the address of a server in the home while this block runs; commands find Prefect's.

    The lock on the note says that its writer lives, also after a crash. Where another server has
    left its address, that one stays.
    """
    note = layout.prefect / name
    note.parent.mkdir(parents=True, exist_ok=True)
    with note.open("a", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield
            return
        file.truncate(0)
        file.write(api)
        file.flush()
        try:
            yield
        finally:
            note.unlink(missing_ok=True)


def find_home_server(layout: DataLayout, name: str = PREFECT) -> str:
    """Return the address of a server that serves a home; empty if none does, or it is dead."""
    try:
        with (layout.prefect / name).open(encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                api = file.read()
                return api if _listens(api) else ""
    except OSError:  # none has been here, or its note is not ours to read
        return ""
    return ""


def _listens(api: str) -> bool:
    with suppress(OSError, ValueError):
        place = urlsplit(api)
        socket.create_connection((place.hostname, place.port), LONGEST_CONNECT_S).close()
        return True
    return False
