"""Between two mapped steps: a chunk that fails is reported, and the others go on."""

import pytest

from flows.engine import RunnerConfig, mapping_on
from tasks.orchestrator import flow, task, unmapped
from tasks.progress import completed

pytestmark = [pytest.mark.flow, pytest.mark.usefixtures("prefect_server"), pytest.mark.both]

CHUNKS = [["a", "b"], ["broken"], ["c"]]


@task
def shout(chunk: list[str]) -> list[str]:
    if "broken" in chunk:
        raise OSError("no space left on the device")
    return [song.upper() for song in chunk]


@task
def join(chunk: list[str], mark: str) -> str:
    return mark.join(chunk)


STEPS: list[int] = []


@flow
def one_step() -> list[list[str]]:
    with mapping_on(RunnerConfig(), len(CHUNKS)):
        return list(completed(shout.map(CHUNKS), CHUNKS, STEPS.append))


@flow
def two_steps() -> list[str]:
    with mapping_on(RunnerConfig(), len(CHUNKS)):
        shouted = shout.map(CHUNKS)
        return list(completed(join.map(shouted, unmapped("+")), CHUNKS, STEPS.append))


def test_a_chunk_that_fails_is_logged_and_the_others_go_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    results = one_step()

    assert sorted(results) == [["A", "B"], ["C"]]
    assert "a chunk was left out: Task run encountered an exception OSError: no" in caplog.text


def test_a_chunk_whose_first_step_failed_is_left_out_of_the_second(
    caplog: pytest.LogCaptureFixture,
) -> None:
    results = two_steps()

    assert sorted(results) == ["A+B", "C"]
    assert caplog.text.count("a chunk was left out") == 1


def test_the_bar_moves_by_the_songs_of_each_chunk_also_of_the_failed_one() -> None:
    STEPS.clear()

    one_step()

    assert sorted(STEPS) == [1, 1, 2]
