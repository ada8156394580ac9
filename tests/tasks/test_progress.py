"""Progress: a bar where someone looks, an artifact in the Prefect UI."""

import pytest
from prefect import flow
from prefect.artifacts import Artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.runtime import flow_run

from tasks.progress import show_progress

pytestmark = [pytest.mark.flow, pytest.mark.usefixtures("prefect_server"), pytest.mark.prefect]


def artifacts_of(flow_run_id: str) -> list[Artifact]:
    wanted = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[flow_run_id]))
    with get_client(sync_client=True) as client:
        return client.read_artifacts(artifact_filter=wanted)


@flow
def show_step(n_songs: int, n_done: int) -> str:
    with show_progress("extract", n_songs, "songs") as advance:
        for _ in range(n_done):
            advance(1, "well")
    return flow_run.id


def test_a_step_that_ended_stands_at_a_hundred_in_the_prefect_ui() -> None:
    flow_run_id = show_step(4, 4)

    artifacts = artifacts_of(flow_run_id)
    assert [(a.type, a.data, a.description) for a in artifacts] == [
        ("progress", 100.0, "extract: 4 songs")
    ]


def test_the_last_state_is_one_line_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show_step(4, 4)

    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[1] for line in lines if "4/4" in line] == ["extract"]


def test_a_step_that_fails_before_anything_is_done_leaves_no_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(n_done: int) -> None:
        with show_progress("audit", 6, "steps") as advance:
            advance(n_done, "reading")
            raise ValueError("no table")

    for n_done in (0, 2):
        with pytest.raises(ValueError, match="no table"):
            flow(fail)(n_done)

    lines = [line for line in capsys.readouterr().err.splitlines() if "/6" in line]
    assert [line.split()[1] for line in lines] == ["audit"]
    assert "2/6" in lines[0]


def test_a_step_with_nothing_to_do_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    flow_run_id = show_step(0, 1)

    assert artifacts_of(flow_run_id) == []
    assert "extract" not in capsys.readouterr().err
