"""Between two mapped steps: a chunk that fails is reported, and the others go on."""

import pytest
from prefect import flow, task, unmapped

from flows.engine import local_threads
from tasks.progress import completed

pytestmark = [pytest.mark.flow, pytest.mark.usefixtures("prefect_server")]

CHUNKS = [["a", "b"], ["broken"], ["c"]]


@task
def shout(chunk: list[str]) -> list[str]:
    if "broken" in chunk:
        raise OSError("no space left on the device")
    return [song.upper() for song in chunk]


@task
def join(chunk: list[str], mark: str) -> str:
    return mark.join(chunk)


@flow(task_runner=local_threads())
def one_step(steps: list[int]) -> list[list[str]]:
    return list(completed(shout.map(CHUNKS), CHUNKS, steps.append))


@flow(task_runner=local_threads())
def two_steps(steps: list[int]) -> list[str]:
    return list(completed(join.map(shout.map(CHUNKS), unmapped("+")), CHUNKS, steps.append))


def test_a_chunk_that_fails_is_logged_and_the_others_go_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    results = one_step([])

    assert sorted(results) == [["A", "B"], ["C"]]
    assert "a chunk was left out: Task run encountered an exception OSError: no" in caplog.text


def test_a_chunk_whose_first_step_failed_is_left_out_of_the_second(
    caplog: pytest.LogCaptureFixture,
) -> None:
    results = two_steps([])

    assert sorted(results) == ["A+B", "C"]
    assert caplog.text.count("a chunk was left out") == 1


def test_the_bar_moves_by_the_songs_of_each_chunk_also_of_the_failed_one() -> None:
    steps: list[int] = []

    one_step.with_options(validate_parameters=False)(steps)

    assert sorted(steps) == [1, 1, 2]
