"""What commands that must answer at once do not import; no clock is looked at."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from flows.cli.app import USAGE, command_name
from flows.cli.main import app
from tests.flows.conftest import Call

HEAVY = {"prefect", "mlflow", "keras", "tensorflow", "matplotlib", "sklearn"}
STORES = {"duckdb", "pyarrow", "pandas"}
LEARNING = {"keras", "tensorflow", "mlflow"}
COMMANDS = (
    ("--help",),
    ("train", "--help"),
    ("--version",),
    ("sql", "select 1", "--home", "/nowhere"),
    ("status", "--json", "--home", "/nowhere"),
    ("compare", "--json", "--home", "/nowhere"),
    ("conflicts", "--json", "--home", "/nowhere"),
    ("morning", "--help"),
    ("run", "/nowhere"),
    ("ingest", "/nowhere"),
    ("promote", "--rollback", "--version", "1"),
    ("decide", "song.mp3", "jazz", "--home", "/nowhere/at/all"),
)
ARGUMENTS = {
    "backup": ("elsewhere",),
    "check": ("/no/music",),
    "classify": ("song.mp3",),
    "decide": ("song.mp3", "jazz"),
    "explain": ("song.mp3",),
    "export-model": ("model",),
    "export-dataset": ("set",),
    "import-labels": ("labels.csv",),
    "playlists": ("lists",),
    "remove": ("12345678",),
    "reproduce": ("12345678",),
    "retry": ("--reason", "not_found"),
    "schedule": ("--at", "03:00"),
    "similar": ("song.mp3",),
    "sql": ("select 1",),
}
MAKE_HOMES = {"run", "ingest", "restore", "demo-library", "benchmark", "import-model"}
FAULTY = (
    *(("run", "/no/music"), ("ingest",), ("ingest", "/no/music"), ("restore", "/no/backup")),
    *(("benchmark", "gtzan", "/no/music"), ("import-model", "/no/model")),
)
HOMELESS = tuple(
    (name, *ARGUMENTS.get(name, ()))
    for name in map(command_name, app.registered_commands)
    if name not in MAKE_HOMES
)
MODULES = (
    *("tasks.spectrograms", "tasks.download", "flows.extract", "flows.nightly", "flows.classify"),
    *(
        "flows.studies.kernels",
        "flows.studies.ladder",
        "flows.promote",
        "tasks.studies.explain",
        "flows.studies.thesis_report",
    ),
    "flows.studies.sweep",
)
WAIT = """
import sys
from flows.cli.start import show_wait

with show_wait():
    print(sorted({"typer", "numpy", "pydantic", "rich"} & set(sys.modules)))
"""
AFTER_EACH = """
import importlib, json, sys
from flows.cli.main import main

def call(arguments):
    sys.argv = ["genreflow", *arguments]
    try:
        main()
    except SystemExit:
        pass

known, found = set(), {}
for kind, name in json.loads(sys.argv[1]):
    call(name) if kind == "command" else importlib.import_module(name)
    loaded = {module.partition(".")[0] for module in sys.modules}
    found[str(name)] = sorted(loaded - known)
    known |= loaded
print(json.dumps(found))
"""


def new_modules(kind: str, names: tuple[object, ...]) -> dict[str, set[str]]:
    """Packages that each command or import loads, the ones before it in the same process."""
    asked = json.dumps([(kind, name) for name in names])
    ended = subprocess.run(
        [sys.executable, "-c", AFTER_EACH, asked], capture_output=True, text=True, check=True
    )
    return {name: set(found) for name, found in json.loads(ended.stdout.splitlines()[-1]).items()}


def test_a_terminal_says_that_a_command_has_begun_until_it_has_words_of_its_own() -> None:
    ours, theirs = pty.openpty()

    ended = subprocess.run([sys.executable, "-c", WAIT], stdout=subprocess.PIPE, stderr=theirs)

    os.close(theirs)
    assert os.read(ours, 100) == b"Starting\r        \r"
    assert ended.stdout == b"[]\n"  # nothing that takes long is imported before
    os.close(ours)


def test_asking_imports_nothing_heavy() -> None:
    found = new_modules("command", COMMANDS)

    assert len(found) == len(COMMANDS)
    slow = HEAVY | STORES
    assert {name: loaded & slow for name, loaded in found.items() if loaded & slow} == {}


@pytest.mark.parametrize("is_there", [True, False], ids=["a folder", "no folder"])
def test_a_wrong_home_is_refused_before_anything_heavy_is_imported_and_stays_as_it_is(
    tmp_path: Path, is_there: bool
) -> None:
    home = tmp_path / "home"
    if is_there:
        home.mkdir()
        (home / "letter.txt").write_text("not mine", encoding="utf-8")
    commands = tuple((*command, "--home", str(home)) for command in (*HOMELESS, *FAULTY))

    found = new_modules("command", commands)

    assert len(HOMELESS) == len(app.registered_commands) - len(MAKE_HOMES)
    slow = HEAVY | STORES
    assert {name: loaded & slow for name, loaded in found.items() if loaded & slow} == {}
    assert [path.name for path in home.glob("*")] == (["letter.txt"] if is_there else [])


@pytest.mark.parametrize(
    "command",
    # status reports that there is none, check needs none
    [command for command in HOMELESS if command[0] not in ("status", "check")],
    ids=lambda command: command[0],
)
def test_a_command_that_makes_no_home_refuses_a_folder_that_is_none(
    genreflow: Call, tmp_path: Path, command: tuple[str, ...]
) -> None:
    result = genreflow(*command, "--home", tmp_path)

    assert result.code == USAGE
    assert f"in {tmp_path} yet" in result.err
    assert "Traceback" not in result.err
    assert result.out == ""


def test_no_flow_and_no_decoding_worker_imports_tensorflow_or_mlflow_before_it_needs_them() -> None:
    found = new_modules("module", MODULES)

    assert "prefect" in set().union(*found.values())
    assert {name: loaded & LEARNING for name, loaded in found.items() if loaded & LEARNING} == {}
