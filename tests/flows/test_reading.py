"""Commands that only read work on a home that they may not write to."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.settings import Settings
from tests.flows.conftest import PROGRAM, Call

pytestmark = pytest.mark.flow

NOBODY = 65534
READING = (
    ("status", "--json"),
    ("sql", "select count(*) from spectrograms"),
    ("compare",),
    ("conflicts",),
    ("suspects",),
    ("golden",),
    ("morning",),
    ("tidy", "--dry-run"),
)


@pytest.fixture
def read_only(finished: Settings, tmp_path: Path) -> Iterator[Path]:
    """The home of the finished store, on a disk that is read-only."""
    place = tmp_path / "read-only"
    place.mkdir()
    bind = ["mount", "--bind", str(finished.home), str(place)]
    if subprocess.run(bind, capture_output=True, check=False).returncode:
        pytest.skip("mounting a disk takes root")
    subprocess.run(["mount", "-o", "remount,ro,bind", str(place)], check=True)
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_commands_that_read_work_on_a_read_only_disk(
    genreflow: Call, read_only: Path, library: Path
) -> None:
    classify = ("classify", str(library / "hums" / "song 0.wav"))

    codes = {
        command[0]: genreflow(*command, "--home", read_only).code
        for command in (*READING, classify)
    }

    assert set(codes.values()) == {0}, codes


def test_commands_that_read_work_as_another_user(finished_copy: Settings, tmp_path: Path) -> None:
    """A user without the power of root over the files of others."""
    home = finished_copy.home
    for path in (home, *home.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    without = ["setpriv", "--bounding-set", "-dac_override", "--inh-caps", "-dac_override"]

    def call(*command: str) -> subprocess.CompletedProcess[str]:
        words = [*without, str(PROGRAM), *command, "--home", str(home)]
        return subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)

    asked = {name: call(name) for name in ("status", "golden")}
    refused = call("decide", "12345678", "hums")

    assert {name: ended.returncode for name, ended in asked.items()} == {"status": 0, "golden": 0}
    assert refused.returncode == 1
    assert "cannot be written to" in refused.stderr
