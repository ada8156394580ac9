"""Flows and tasks without Prefect."""

import subprocess
import sys
from pathlib import Path

import pytest

FLOW = """
import os, sys, threading
from pathlib import Path
from flows.engine import run_directly
run_directly()
from tasks.orchestrator import create_table_artifact, flow, get_run_logger, task, unmapped
from tasks.direct import artifacts, log_to_terminal
from flows.engine import RunnerConfig, mapping_on

@task(task_run_name="double {number}")
def double(number, unit):
    if number == 0:
        raise KeyError("a mistake of ours")
    get_run_logger().warning("doubling %s %s", number, unit)
    return 2 * number

@flow
def count(numbers):
    create_table_artifact(key="songs", table=[{"genre": "a|b", "songs": 2}], description="All.")
    with mapping_on(RunnerConfig(workers=2), len(numbers)):
        doubled = double.map(numbers, unmapped("songs"))
        return [future.result() for future in double.map(doubled, unmapped("songs"))]

log_to_terminal(verbose=True)
artifacts.folder = Path(sys.argv[1])
print(count([1, 2, 3]), "prefect" in sys.modules)
Path(sys.argv[1], "songs.md").rename(Path(sys.argv[1], "kept.md"))
artifacts.folder = Path(sys.argv[1], "kept.md")  # no folder
try:
    count([0])
except KeyError:
    print("raised")
"""


Ended = tuple[Path, subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def ended(
    tmp_path_factory: pytest.TempPathFactory,
) -> Ended:
    folder = tmp_path_factory.mktemp("direct") / "artifacts"
    answer = subprocess.run(
        [sys.executable, "-c", FLOW, str(folder)], capture_output=True, text=True, check=True
    )
    return folder, answer


def test_mapped_tasks_give_their_results_in_order_without_prefect(ended: Ended) -> None:
    assert ended[1].stdout == "[4, 8, 12] False\nraised\n"


def test_warnings_and_the_end_of_each_step_are_shown(ended: Ended) -> None:
    lines = [line.partition(" | ")[2] for line in ended[1].stderr.splitlines()]

    assert "WARNING | genreflow - doubling 3 songs" in lines
    assert any(line.startswith("INFO    | genreflow - count ended after ") for line in lines)


def test_an_artifact_is_kept_as_a_page(ended: Ended) -> None:
    page = (ended[0] / "kept.md").read_text("utf-8")

    assert page == "All.\n\n| genre | songs |\n| --- | --- |\n| a\\|b | 2 |\n"


def test_a_mistake_of_ours_in_a_chunk_is_shown_with_its_traceback(ended: Ended) -> None:
    assert "ERROR   | genreflow - double failed" in ended[1].stderr
    assert "KeyError: 'a mistake of ours'" in ended[1].stderr


def test_an_artifact_that_cannot_be_written_is_a_warning(ended: Ended) -> None:
    assert "WARNING | genreflow - songs.md cannot be written into " in ended[1].stderr
