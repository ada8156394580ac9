"""The command line, called in this process or as the real program."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from storage.catalog.connection import open_catalog
from storage.home import DataLayout

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(sys.executable).with_name("genreflow")
LONGEST_COMMAND_S = 240


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str


Call = Callable[..., CommandResult]


@pytest.fixture
def genreflow(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Call:
    """Call the command line in this process, from an empty folder and an empty home."""
    from flows.cli.main import main
    from tasks import direct

    monkeypatch.setattr(direct, "artifacts", direct.Artifacts())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GENREFLOW_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments: str | Path) -> CommandResult:
        monkeypatch.setattr(sys, "argv", ["genreflow", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        result = capsys.readouterr()
        return CommandResult(code=int(end.value.code or 0), out=result.out, err=result.err)

    return call


@pytest.fixture
def empty_home(tmp_path: Path) -> DataLayout:
    """The home of the command line, with a catalog of no songs."""
    layout = DataLayout(tmp_path / "home")
    with open_catalog(layout):
        return layout


@pytest.fixture
def program(tmp_path: Path) -> Call:
    """Run the real program in a process of its own, from an empty folder."""

    def run(*arguments: str | Path, **environment: str) -> CommandResult:
        ended = subprocess.run(
            [str(PROGRAM), *map(str, arguments)],
            cwd=tmp_path,
            env={**os.environ, "PYTHONWARNINGS": "", **environment},
            capture_output=True,
            text=True,
            timeout=LONGEST_COMMAND_S,
            check=False,
        )
        return CommandResult(code=ended.returncode, out=ended.stdout, err=ended.stderr)

    return run
