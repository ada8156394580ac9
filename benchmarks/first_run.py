"""What the first run on the built-in library takes, once everything is installed.

``python -m benchmarks.first_run WORK``

The bars are those of two idle cores, on the clock; the seconds of the processor, which other work
on the machine changes less, stand beside them.
"""

import os
import resource
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.bars import Bar
from benchmarks.homes import fresh
from benchmarks.tables import print_bars
from storage.catalog.query import query_rows
from storage.home import DataLayout

COMPOSE_S, AUDIT_S, RUN_S = 60, 30, 180


def measure(work: Path) -> list[Bar]:
    """Compose the library, then run everything on it."""
    layout = DataLayout(fresh(work / "first").resolve())
    compose_s, compose_cpu_s = _run("demo-library", str(layout.builtin))
    run_s, run_cpu_s = _run("run", "--home", str(layout.home))
    audit_s = query_rows(layout, "select seconds from audits")[0]["seconds"]
    cpu_s = compose_cpu_s + run_cpu_s
    return [
        _bar("compose the built-in library", compose_s, COMPOSE_S, f"{compose_cpu_s:.0f} s of CPU"),
        _bar("audit it", audit_s, AUDIT_S),
        _bar("the first run", compose_s + run_s, RUN_S, f"{cpu_s:.0f} s of CPU"),
    ]


def _bar(name: str, seconds: float, bar_s: float, note: str = "") -> Bar:
    return Bar(name=name, measured=seconds, bar=bar_s, unit="s", at_least=False, note=note)


def _run(*words: str) -> tuple[float, float]:
    """Run a command with its default settings; return seconds of the clock and the processor."""
    begin_s, spent_s = time.perf_counter(), _children_s()
    code = "from flows.cli.start import main; main()"
    paths = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    subprocess.run([sys.executable, "-c", code, *words], check=True, stdout=2, env=paths)
    return time.perf_counter() - begin_s, _children_s() - spent_s


def _children_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    print_bars(measure(Path(sys.argv[1])))
