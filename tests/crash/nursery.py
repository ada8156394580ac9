"""The process that runs flows in forks of itself, and how to ask it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SONGS = ("flows.ingest", "flows.extract")
LINE = (
    *("flows.nightly", "genre_core.training.fit", "storage.models.logged", "storage.models.runs"),
    "storage.models.registry",
)
KILLED = -signal.SIGKILL


@dataclass(frozen=True, slots=True)
class Nursery:
    """Runs flows over one library; each run is a process of its own."""

    process: subprocess.Popen[str]
    library: Path

    def run(self, home: Path, *flows: str, point: str = "", killed_after_s: float = 1e4) -> int:
        """Run flows on a home; give the exit code, negative if they were killed."""
        request = {
            "home": str(home),
            "music": str(self.library),
            "flows": flows,
            "point": point,
            "killed_after_s": killed_after_s,
        }
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


@contextmanager
def open_nursery(library: Path, log: Path, modules: Sequence[str]) -> Iterator[Nursery]:
    """Start a nursery that knows some modules; Prefect's server must run."""
    from prefect.settings import PREFECT_API_URL

    known = {"PREFECT_API_URL": PREFECT_API_URL.value() or "", "PYTHONPATH": str(ROOT)}
    with (
        log.open("w") as result,
        subprocess.Popen(
            [sys.executable, "-m", "tests.crash.driver", *modules],
            cwd=ROOT,
            env={**os.environ, **known, "PYTHONWARNINGS": "ignore"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=result,
            text=True,
        ) as process,
    ):
        assert process.stdout
        assert process.stdout.readline() == "ready\n", log.read_text()
        yield Nursery(process, library)
        assert process.stdin
        process.stdin.close()
