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

import imageio_ffmpeg

MIGRATE = """
import asyncio
from prefect.server.database import provide_database_interface
asyncio.run(provide_database_interface().create_db())
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
        """A database of Prefect with all migrations applied."""
        return self.once("prefect.db", _migrate_prefect)


def run_ffmpeg(*arguments: str | Path) -> None:
    """Run the packaged ffmpeg, silent unless it fails."""
    program = imageio_ffmpeg.get_ffmpeg_exe()
    subprocess.run([program, "-v", "error", "-y", *map(str, arguments)], check=True)


def _identity(argument: str | Path) -> str:
    path = Path(argument)
    is_file = len(str(argument)) < 255 and path.is_file()
    return hashlib.sha256(path.read_bytes()).hexdigest() if is_file else str(argument)


def _migrate_prefect(target: Path) -> None:
    url = {"PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{target}"}
    command = [sys.executable, "-W", "ignore", "-c", MIGRATE]
    subprocess.run(command, env={**os.environ, **url}, check=True)
