"""What commands that must answer at once do not import; no clock is looked at."""

import subprocess
import sys

import pytest

HEAVY = ("prefect", "mlflow", "keras", "tensorflow", "matplotlib", "sklearn")

CALL = """
import sys
from flows.cli.main import main
sys.argv = ["genreflow", *sys.argv[1:]]
try:
    main()
except SystemExit:
    pass
print("modules:", *sorted({name.partition(".")[0] for name in sys.modules}))
"""


def modules_after(code: str, *arguments: str) -> set[str]:
    ended = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    return set(ended.stdout.splitlines()[-1].split()[1:])


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("train", "--help"),
        ("--version",),
        ("sql", "select 1", "--home", "/nowhere"),
        ("status", "--json", "--home", "/nowhere"),
        ("compare", "--json", "--home", "/nowhere"),
        ("conflicts", "--json", "--home", "/nowhere"),
        ("morning", "--help"),
        ("decide", "song.mp3", "jazz", "--home", "/nowhere/at/all"),
    ],
)
def test_asking_imports_nothing_heavy(arguments: tuple[str, ...]) -> None:
    assert modules_after(CALL, *arguments).isdisjoint(HEAVY)


@pytest.mark.parametrize("module", ["tasks.spectrograms", "tasks.download", "flows.extract"])
def test_decoding_workers_import_neither_tensorflow_nor_mlflow(module: str) -> None:
    code = f"""
import sys, {module}
print("modules:", *sorted({{name.partition(".")[0] for name in sys.modules}}))
"""

    found = modules_after(code)

    assert "prefect" in found
    assert found.isdisjoint({"keras", "tensorflow", "mlflow"})


def test_no_flow_imports_tensorflow_before_it_trains() -> None:
    code = """
import sys, flows.nightly, flows.classify, flows.studies.kernels, flows.studies.ladder
import flows.promote, tasks.studies.explain, flows.studies.thesis_report, flows.studies.sweep
print("modules:", *sorted({name.partition(".")[0] for name in sys.modules}))
"""

    assert modules_after(code).isdisjoint({"keras", "tensorflow", "mlflow"})
