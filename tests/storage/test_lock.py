"""One writer a home, however it ends."""

import subprocess
import sys
from pathlib import Path

import pytest

from genre_core.errors import TransientError
from storage.home import DataLayout
from storage.lock import hold_home

HOLD = """
import sys, time
from pathlib import Path
from storage.home import DataLayout
from storage.lock import hold_home
with hold_home(DataLayout(Path(sys.argv[1]))):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_second_writer_is_told_to_wait(tmp_path: Path) -> None:
    layout = DataLayout(tmp_path / "home")

    with (
        hold_home(layout),
        pytest.raises(TransientError, match="wait until it has ended"),
        hold_home(layout),
    ):
        pass


def test_a_home_is_free_again_after_its_writer(tmp_path: Path) -> None:
    layout = DataLayout(tmp_path / "home")
    with hold_home(layout):
        pass

    with hold_home(layout):
        held = True

    assert held


def test_a_killed_writer_leaves_the_home_free(tmp_path: Path) -> None:
    layout = DataLayout(tmp_path)
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        with pytest.raises(TransientError), hold_home(layout):
            pass

        writer.kill()
        writer.wait()

    with hold_home(layout):
        held = True
    assert held
