"""What commands that must answer at once do not import; no clock is looked at."""

import json
import subprocess
import sys

HEAVY = {"prefect", "mlflow", "keras", "tensorflow", "matplotlib", "sklearn"}
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


def test_asking_imports_nothing_heavy() -> None:
    found = new_modules("command", COMMANDS)

    assert len(found) == len(COMMANDS)
    assert {name: loaded & HEAVY for name, loaded in found.items() if loaded & HEAVY} == {}


def test_no_flow_and_no_decoding_worker_imports_tensorflow_or_mlflow_before_it_needs_them() -> None:
    found = new_modules("module", MODULES)

    assert "prefect" in set().union(*found.values())
    assert {name: loaded & LEARNING for name, loaded in found.items() if loaded & LEARNING} == {}
