"""Between two mapped steps: wait, keep the good results, log the others."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from prefect import get_run_logger
from prefect.futures import PrefectFuture, as_completed

Result = TypeVar("Result")


def completed(
    futures: Sequence[PrefectFuture[Result]],
    chunks: Sequence[Sequence[Any]],
    advance: Callable[[int], None],
) -> Iterator[Result]:
    """Give results as their chunks end; a chunk that failed is logged and gives none.

    Notes
    -----
    A failed upstream leaves a mapped task not ready, and a flow whose mapped tasks failed still
    completes: so whoever calls this must account for the chunks that give no result.
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
