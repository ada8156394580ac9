"""How long a stranger waits for the first word of a command, and for a wrong argument.

``python -m benchmarks.starting WORK``

Everything is timed against a process that imports what no command does without: NumPy, DuckDB and
pyarrow. Machines differ; that ratio does less.
"""

import os
import pty
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.bars import Bar
from benchmarks.homes import (
    bare_prefect_s,
    fresh,
    installed_environment,
    measure_start_up,
    record_tracks,
)
from benchmarks.tables import print_bars
from flows.prefect_server import Server, announce_server
from storage.home import DataLayout

N_TIMES = 5
PROGRAM = (sys.executable, "-c", "from flows.cli.start import main; main()")
PYTHON = (sys.executable, "-c", "import genreflow")
IMPORTS = (sys.executable, "-c", "import duckdb, numpy, pyarrow")


def measure(work: Path) -> list[Bar]:
    """Time what comes first, the median of five each, in alternation."""
    home = fresh(work / "starting")
    imports_s, wrong_s, first_s, version_s, python_s = [], [], [], [], []
    record_tracks(DataLayout((home / "home").resolve()), [])
    for _ in range(N_TIMES):
        imports_s.append(_end_s(IMPORTS))
        python_s.append(_end_s(PYTHON))
        wrong_s.append(_end_s((*PROGRAM, "ingest", "/no/such/music", "--home", str(home))))
        version_s.append(
            _end_s((*PROGRAM, "promote", "--version", "99", "--home", str(home / "home")))
        )
        first_s.append(_first_word_s((*PROGRAM, "ingest", str(home), "--home", str(home))))
    base_s, prefect_s = statistics.median(imports_s), bare_prefect_s()
    start_up = measure_start_up(work)
    return [
        _bar("import genreflow, Python's start included", statistics.median(python_s), 0.2, base_s),
        _bar("a wrong path is answered", statistics.median(wrong_s), 1.0, base_s),
        _bar("a version that does not exist is refused", statistics.median(version_s), 1.0, base_s),
        _bar("the first word on a terminal", statistics.median(first_s), 0.5, base_s),
        _bar("extract without songs, new home", start_up.new_s, 1.5, base_s),
        _bar("extract without songs, used home", start_up.used_s, 1.5, base_s),
        _bar("the same with a standing server", _standing_s(work), 4.0, base_s),
        Bar(
            name="extract without songs in a new home, against a Prefect flow that does nothing",
            measured=start_up.new_s / prefect_s,
            bar=0.5,
            unit="×",
            at_least=False,
            note=f"the flow: {prefect_s:.1f} s, most of them its server",
        ),
    ]


def _bar(name: str, seconds: float, most_s: float, base_s: float) -> Bar:
    note = f"{seconds / base_s:.1f} × the import of NumPy, DuckDB and pyarrow ({base_s:.2f} s)"
    return Bar(name=name, measured=seconds, bar=most_s, unit="s", at_least=False, note=note)


def _standing_s(work: Path) -> float:
    """Time `extract` on an empty home for which a server of Prefect stands."""
    layout = DataLayout(fresh(work / "standing").resolve())
    record_tracks(layout, [])
    os.environ["PREFECT_HOME"] = str(layout.prefect)
    server = Server(layout)
    server.wait()
    try:
        with announce_server(layout, server.api):
            words = (*PROGRAM, "extract", "--home", str(layout.home))
            _end_s(words)
            return _end_s(words)
    finally:
        server.stop()


def _end_s(command: tuple[str, ...]) -> float:
    return _time(lambda: subprocess.run(command, capture_output=True, env=_environment()))


def _first_word_s(command: tuple[str, ...]) -> float:
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, env=_environment()) as process:
        os.close(theirs)
        seconds = _time(lambda: os.read(ours, 1))
        process.kill()
    os.close(ours)
    return seconds


def _time(action: Callable[[], object]) -> float:
    begin_s = time.perf_counter()
    action()
    return time.perf_counter() - begin_s


def _environment() -> dict[str, str]:
    return {**installed_environment(), "TERM": "xterm"}


if __name__ == "__main__":
    print_bars(measure(Path(sys.argv[1])))
