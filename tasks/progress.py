"""Progress of a step: a bar in the terminal, an artifact where a server records the run."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar, cast
from uuid import UUID

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from tasks.orchestrator import (
    PrefectFuture,
    as_completed,
    create_progress_artifact,
    get_run_logger,
    update_progress_artifact,
)
from tasks.terminal import ERR

Result = TypeVar("Result")
ARTIFACT_PAUSE_S = 2.0


def completed(
    futures: Sequence[PrefectFuture[Result]],
    chunks: Sequence[Sequence[Any]],
    advance: Callable[[int], None],
) -> Iterator[Result]:
    """Yield results as their chunks end; a chunk that failed is logged and yields none.

    A failed upstream leaves a mapped task not ready, and a flow whose mapped tasks failed still
    completes: so callers must account for the chunks that give no result.
    """
    n_songs = {
        future.task_run_id: len(chunk) for future, chunk in zip(futures, chunks, strict=True)
    }
    for future in as_completed(list(futures)):
        advance(n_songs[future.task_run_id])
        future.wait()
        if future.state.is_completed():
            yield future.result()
        else:
            get_run_logger().error("a chunk was left out: %s", future.state.message)


class Advance(Protocol):
    """Takes how many more are done, and a remark to show beside the bar."""

    def __call__(self, n_more: int, remark: str = "") -> None:
        """Move the bar."""


@contextmanager
def show_progress(step: str, total: int, unit: str) -> Iterator[Advance]:
    """Show how far a step is; the function given moves the bar.

    The bar appears where standard error is a terminal; elsewhere only its last state is printed.
    """
    if not total:
        yield lambda n_more, remark="": None
        return
    artifact = cast(UUID, create_progress_artifact(0.0, description=f"{step}: {total} {unit}"))
    shown_at = time.monotonic()
    terminal = Progress(
        SpinnerColumn(finished_text="[green]✓"),
        TextColumn("{task.description:<12}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]}"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[remark]}", style="dim", markup=False),
        console=ERR,
    )
    with terminal as bar:
        row = bar.add_task(step, total=total, unit=unit, remark="")

        def advance(n_more: int, remark: str = "") -> None:
            nonlocal shown_at
            bar.update(row, advance=n_more, remark=remark)
            if time.monotonic() - shown_at > ARTIFACT_PAUSE_S:
                shown_at = time.monotonic()
                update_progress_artifact(artifact, 100.0 * bar.tasks[row].completed / total)

        yield advance
        bar.update(row, total=bar.tasks[row].completed)
    update_progress_artifact(artifact, 100.0)
