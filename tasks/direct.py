"""Flows and tasks in this process, without Prefect: its names, as far as they are used here.

A command that is one step needs no server: it would wait seconds for a record that nobody reads.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent import futures
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from functools import update_wrapper
from pathlib import Path
from typing import Any, Generic, ParamSpec, TypeVar
from uuid import uuid4

from genre_core.errors import GenreflowError
from storage.files import write_bytes
from storage.telemetry import trace_step
from tasks.logs import is_json, step_name
from tasks.terminal import ERR

P = ParamSpec("P")
R = TypeVar("R")

CHOSEN = "_GENREFLOW_DIRECT"
"""Variable of the environment that is there where flows run without Prefect, also in the processes
that a command starts."""
_LOGGER = logging.getLogger("genreflow")
_THREADS: ContextVar[futures.Executor] = ContextVar("threads")


class Step(Generic[P, R]):
    """A flow or a task: a function that logs when it has ended."""

    def __init__(self, fn: Callable[P, R]) -> None:
        update_wrapper(self, fn)
        self.fn = fn

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run in this thread."""
        started_s, token = time.monotonic(), step_name.set(self.fn.__name__)
        try:
            with trace_step(self.fn.__name__):
                result = self.fn(*args, **kwargs)
        finally:
            step_name.reset(token)
        _LOGGER.info("%s ended after %.2f s", self.fn.__name__, time.monotonic() - started_s)
        return result

    def map(self, *columns: Any) -> "list[PrefectFuture[R]]":  # noqa: ANN401 - as in Prefect
        """Run once for each item, in the threads of `run_in_threads`; futures are waited for.

        Raises LookupError outside of its block.
        """
        n_calls = min(len(column) for column in columns if not isinstance(column, unmapped))
        lists = [
            [column.value] * n_calls if isinstance(column, unmapped) else column
            for column in columns
        ]
        threads = _THREADS.get()
        rows = zip(*lists, strict=True)
        # each with the step that it belongs to
        return [PrefectFuture(threads.submit(copy_context().run, self._run, r)) for r in rows]

    def _run(self, row: Sequence[Any]) -> R:
        call: Callable[..., R] = self
        values = [one.result() if isinstance(one, PrefectFuture) else one for one in row]
        try:
            return call(*values)
        except GenreflowError:  # the flow reports it
            raise
        except Exception:
            _LOGGER.exception("%s failed", self.fn.__name__)
            raise


def task(
    fn: Callable[P, R] | None = None,
    *,
    task_run_name: str = "",
) -> Any:  # noqa: ANN401 - as in Prefect
    """Make a task."""
    return Step if fn is None else Step(fn)


def flow(
    fn: Callable[P, R] | None = None,
    *,
    flow_run_name: "str | Callable[[], str]" = "",
) -> Any:  # noqa: ANN401 - as in Prefect
    """Make a flow."""
    return task(fn)


@dataclass(frozen=True, slots=True)
class unmapped(Generic[R]):
    """A value that is the same in each call."""

    value: R


@contextmanager
def run_in_threads(n_threads: int) -> Iterator[None]:
    """Run what is mapped in this block in threads."""
    with futures.ThreadPoolExecutor(n_threads) as pool:
        token = _THREADS.set(pool)
        try:
            yield
        finally:
            _THREADS.reset(token)
            pool.shutdown(cancel_futures=True)


@dataclass(frozen=True, slots=True)
class State:
    """How a call ended."""

    error: BaseException | None

    def is_completed(self) -> bool:
        """Whether it returned."""
        return self.error is None

    @property
    def message(self) -> str:
        """What it raised."""
        return f"Task run encountered an exception {type(self.error).__name__}: {self.error}"


class PrefectFuture(Generic[R]):
    """The result of a call, once it has ended."""

    def __init__(self, future: futures.Future[R]) -> None:
        self.future, self.task_run_id = future, uuid4()

    def wait(self) -> None:
        """Wait for the end."""
        futures.wait([self.future])

    @property
    def state(self) -> State:
        """How the call ended."""
        return State(self.future.exception())

    def result(self) -> R:
        """Return what the call returned, or raise what it raised."""
        return self.future.result()


def as_completed(calls: "Sequence[PrefectFuture[R]]") -> "Iterator[PrefectFuture[R]]":
    """Yield each call as it ends."""
    by_future = {call.future: call for call in calls}
    for future in futures.as_completed(by_future):
        yield by_future[future]


class flow_run:
    """No record of a flow run."""

    root_flow_run_id = None
    name = None
    scheduled_start_time = None

    @staticmethod
    def get_id() -> None:
        """No id."""


def get_run_logger() -> logging.Logger:
    """Return the logger of flows and tasks."""
    return _LOGGER


class TerminalHandler(logging.Handler):
    """Writes log records to the terminal, above a bar that may be there."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        try:
            ERR.print(self.format(record), soft_wrap=True)
        except Exception:  # as handlers of the standard library do
            self.handleError(record)


def log_to_terminal(*, verbose: bool) -> None:
    """Show warnings on the terminal, and on demand what each step logs; JSON has both."""
    if is_json():
        return
    handler = TerminalHandler()
    form = "%(asctime)s.%(msecs)03d | %(levelname)-7s | %(name)s - %(message)s"
    handler.setFormatter(logging.Formatter(form, datefmt="%H:%M:%S"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    _LOGGER.setLevel(logging.INFO if verbose else logging.WARNING)


@dataclass(slots=True)
class Artifacts:
    """Where artifacts are kept; None: nowhere."""

    folder: Path | None = None


artifacts = Artifacts()


def create_markdown_artifact(key: str, markdown: str, description: str = "") -> None:
    """Write ``<key>.md`` into the folder of the artifacts; one that cannot be is a warning."""
    if artifacts.folder is None:
        return
    text = f"{description}\n\n{markdown}".strip() + "\n"
    try:
        write_bytes(artifacts.folder / f"{key}.md", text.encode())
    except OSError as error:
        _LOGGER.warning("%s.md cannot be written into %s: %s", key, artifacts.folder, error)


def create_table_artifact(
    key: str, table: Sequence[Mapping[str, object]], description: str = ""
) -> None:
    """Write a table as Markdown."""
    names = list(table[0]) if table else []
    lines = [_line(names), _line(["---"] * len(names)), *(_line(row.values()) for row in table)]
    create_markdown_artifact(key, "\n".join(lines) if table else "", description)


def _line(values: Iterable[object]) -> str:
    cells = [str(value).replace("|", "\\|").replace("\n", "<br>") for value in values]
    return f"| {' | '.join(cells)} |"


def create_progress_artifact(progress: float, description: str = "") -> None:
    """Keep nothing: the bar in the terminal shows it."""


def update_progress_artifact(artifact: object, progress: float) -> None:
    """Keep nothing."""
