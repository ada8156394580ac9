"""Progress of a step: a bar in the terminal, an artifact where a server records the run."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from threading import Lock
from typing import Any, Protocol, TypeVar, cast
from uuid import UUID

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Column
from rich.text import Text

from tasks.logs import is_json
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
    shown_at, n_done = time.monotonic(), 0
    with _shared_bars() as bars:
        row = bars.add_task(step, total=total, unit=unit, remark="")

        def advance(n_more: int, remark: str = "") -> None:
            nonlocal shown_at, n_done
            n_done += n_more
            bars.update(row, advance=n_more, remark=remark)
            if time.monotonic() - shown_at > ARTIFACT_PAUSE_S:
                shown_at = time.monotonic()
                update_progress_artifact(artifact, 100.0 * n_done / total)

        try:
            yield advance
            bars.update(row, total=n_done)
        finally:  # a row that ended stands above those that are under way
            if is_json():
                get_run_logger().info("%s: %d of %d %s", step, n_done, total, unit)
            elif n_done:  # a step that failed at once has only its error
                shown = [task for task in bars.tasks if task.id == row]
                ERR.print(bars.make_tasks_table(shown))
            bars.remove_task(row)
    update_progress_artifact(artifact, 100.0)


class _TimeLeft(ProgressColumn):
    """An estimate from the pace so far, while a step is under way."""

    def render(self, task: Task) -> Text:
        """Write ``~0:01:20 left``; nothing as long as there is no pace, or at the end."""
        left_s = None if task.finished else task.time_remaining
        return Text(f"~{timedelta(seconds=int(left_s))} left" if left_s else "", style="dim")


_users: list[Progress] = []
"""The display of bars, once for each step that is under way: a terminal takes one display."""
_turn = Lock()


@contextmanager
def _shared_bars() -> Iterator[Progress]:
    with _turn:
        bars = _users[0] if _users else _new_bars()
        _users.append(bars)
        if ERR.is_interactive:  # elsewhere its end is an empty line
            bars.start()
    try:
        yield bars
    finally:
        with _turn:
            _users.pop()
            if not _users and ERR.is_interactive:
                bars.stop()


def _new_bars() -> Progress:
    return Progress(
        SpinnerColumn(finished_text="[green]✓"),
        TextColumn("{task.description:<12}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]}"),
        TimeElapsedColumn(),
        _TimeLeft(table_column=Column(no_wrap=True)),
        TextColumn("{task.fields[remark]:.32}", style="dim", markup=False),
        console=ERR,
        transient=True,
    )
