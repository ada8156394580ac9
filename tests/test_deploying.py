"""What the page on deploying names is there, and nothing listens to other machines."""

import configparser
import re
import shlex
import sys
from pathlib import Path

import pytest

from storage.home import DataLayout

PROJECT = Path(__file__).parents[1]
PAGE = (PROJECT / "docs" / "how-to" / "deploy.md").read_text("utf-8")
FOLDER = PROJECT / "docs" / "systemd"
FILES = sorted(path for path in FOLDER.iterdir() if path.suffix in (".service", ".path"))
UNITS = [path for path in FILES if path.suffix == ".service" and "restart" not in path.stem]


def read_unit(path: Path) -> configparser.ConfigParser:
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(path)
    return unit


def test_the_page_names_each_unit_and_no_other() -> None:
    named = set(re.findall(r"\(\.\./systemd/(genreflow-[\w-]+\.(?:service|path))\)", PAGE))

    assert named == {path.name for path in FILES}


def test_genreflow_serve_starts_again_when_the_export_of_a_champion_comes() -> None:
    folder = PROJECT / "docs" / "systemd"
    watch = read_unit(folder / "genreflow-serve-restart.path")["Path"]
    restart = read_unit(folder / watch["Unit"])["Service"]

    assert Path(watch["PathChanged"]) == DataLayout(Path("/srv/genreflow/home")).champion
    assert restart["ExecStart"].split()[-2:] == ["try-restart", "genreflow-serve.service"]


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_a_unit_starts_a_program_of_the_project_as_a_user_without_rights(path: Path) -> None:
    service = read_unit(path)["Service"]

    program = Path(shlex.split(service["ExecStart"])[0])
    assert Path(sys.executable).with_name(program.name).is_file()
    assert (service["User"], service["NoNewPrivileges"]) == ("genreflow", "true")
    assert service["ReadWritePaths"] == "/srv/genreflow"


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_a_unit_that_listens_does_so_on_this_machine_alone(path: Path) -> None:
    words = shlex.split(read_unit(path)["Service"]["ExecStart"])

    assert "0.0.0.0" not in words
    assert ("server" in words) == ("127.0.0.1" in words)


def test_the_worker_tells_of_itself_on_this_machine_alone() -> None:
    settings = (PROJECT / "docs" / "systemd" / "genreflow.env").read_text("utf-8").splitlines()

    assert "PREFECT_WORKER_WEBSERVER_HOST=127.0.0.1" in settings
