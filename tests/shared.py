"""What is slow to make is made by one process of a test session, for all of its processes."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SERVER = """
import sys
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


@dataclass(frozen=True, slots=True)
class Shared:
    """A folder that the processes of a session have in common."""

    folder: Path

    def once(self, name: str, make: Callable[[Path], object]) -> Path:
        """Path of a file or folder that ``make`` has written; nobody may write into it again."""
        target, done = self.folder / name, self.folder / f"{name}.done"
        with (self.folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                make(target)
                done.touch()
        return target

    def encode(self, target: Path, *arguments: str | Path) -> Path:
        """Have ffmpeg write a file; equal arguments and suffixes are encoded once, then copied.

        An argument that names a file is known by the content of that file.
        """
        words = [target.suffix, *map(_identity, arguments)]
        key = hashlib.sha256("\0".join(words).encode()).hexdigest()[:24] + target.suffix
        encoded = self.once(key, lambda made: run_ffmpeg(*arguments, made))
        shutil.copyfile(encoded, target)
        return target

    def prefect_database(self) -> Path:
        """A database of Prefect with all migrations applied: the template of the first server."""
        (template,) = (self.first_server() / "cache" / "genreflow").iterdir()
        return template

    def first_server(self) -> Path:
        """Folder with the ``home`` and the ``cache`` that the first server of a user leaves."""
        return self.once("first server", _start_first_server)


def run_ffmpeg(*arguments: str | Path) -> None:
    """Run the packaged ffmpeg, silent unless it fails."""
    import imageio_ffmpeg  # of the extra `train`: tests of the core do without

    program = imageio_ffmpeg.get_ffmpeg_exe()
    subprocess.run([program, "-v", "error", "-y", *map(str, arguments)], check=True)


def _identity(argument: str | Path) -> str:
    path = Path(argument)
    is_file = len(str(argument)) < 255 and path.is_file()
    return hashlib.sha256(path.read_bytes()).hexdigest() if is_file else str(argument)


def start_server(home: Path, cache: Path) -> str:
    """Start Prefect's server of a new home, in a process that then ends; give what it answers."""
    unset = ("PREFECT_API_URL", "PREFECT_HOME")
    known = {name: value for name, value in os.environ.items() if name not in unset}
    return subprocess.run(
        [sys.executable, "-c", SERVER, str(home)],
        env={**known, "XDG_CACHE_HOME": str(cache)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout


def _start_first_server(folder: Path) -> None:
    answer = start_server(folder / "home", folder / "cache")
    (folder / "answer").write_text(answer, "utf-8")
