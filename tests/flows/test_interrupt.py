"""Ctrl-C in a terminal reaches every process of the group, the embedded server included."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.shared import Shared

INTERRUPTED = """
import sys, time
from pathlib import Path
from flows.cli.start import stop_on_interrupt
from flows.environment import prepare_environment
prepare_environment(Path(sys.argv[1]), verbose=False)
from prefect import flow
@flow
def endless():
    print("begun", flush=True)
    for _ in range(6000):  # the signal may reach another thread, which does not end a sleep
        time.sleep(0.1)
stop_on_interrupt()
endless()
"""


@pytest.mark.flow
def test_ctrl_c_ends_a_flow_at_once_with_one_sentence(tmp_path: Path, shared: Shared) -> None:
    state = tmp_path / "prefect"
    state.mkdir()
    shutil.copy(shared.prefect_database(), state / "prefect.db")
    unset = ("PREFECT_API_URL", "PREFECT_HOME")
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    told = tmp_path / "told.txt"
    with (
        told.open("w") as stderr,  # no pipe: an embedded server that lingers would hold it open
        subprocess.Popen(
            [sys.executable, "-c", INTERRUPTED, str(tmp_path)],
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            start_new_session=True,
            env=environment,
        ) as program,
    ):
        assert program.stdout is not None
        assert program.stdout.readline() == "begun\n"
        interrupted_at = time.monotonic()
        os.killpg(program.pid, signal.SIGINT)
        try:
            code = program.wait(timeout=60)
        finally:
            program.kill()
        took_s = time.monotonic() - interrupted_at

    assert code == 130
    assert took_s < 30
    assert "Stopped. What was finished is kept" in told.read_text()
    assert "Traceback" not in told.read_text()


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
