"""Worker processes, in which trainings, checks of the audit or predictions run side by side.

A process makes one call after the other, so that each imports TensorFlow once. What a call takes,
reports and returns is pickled; catalog and MLflow stay with the flow's own process. What is logged
or warned of in a call is logged in this process.
"""

import logging
import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from copy import copy
from functools import partial
from logging.handlers import QueueHandler
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar

from genre_core.errors import GenreflowError, TransientError

Item = TypeVar("Item")
Result = TypeVar("Result")
Report = Callable[[Any], None]


START_UP = 100_000
"""Examples, counted once an epoch, below which a process would take longer to start than to fit."""
PROCESS_BYTES = 1 << 30
"""What a process takes: TensorFlow and a network."""


class WorkerDied(TransientError):
    """A worker process ended in the middle of a call."""

    code = "worker-died"


class Worker:
    """A process that makes one call at a time."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, there = context.Pipe()
        level = logging.getLogger().level
        self._process = context.Process(target=_serve, args=(there, level), daemon=True)
        self._process.start()
        there.close()

    def call(
        self, function: Callable[..., Any], args: Sequence[object], on_report: Report | None
    ) -> tuple[str, Any]:
        """Return ``result`` and what a function returned there, or ``error`` and what it raised.

        Raises `WorkerDied` if the process ends before.
        """
        try:
            self._pipe.send((function, args, on_report is not None))
            while (answer := self._pipe.recv())[0] in ("report", "record"):
                if answer[0] == "record":
                    _log(answer[1])
                elif on_report:
                    on_report(answer[1])
        except (EOFError, ConnectionError) as error:
            self._process.join()
            raise WorkerDied(_explain_end(self._process.exitcode)) from error
        return answer

    def end(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.join()
        self._pipe.close()


class Workers:
    """At most ``n_workers`` processes, which start when they are needed, and stay for others."""

    def __init__(self, n_workers: int) -> None:
        self.n_workers = n_workers
        self._lock = threading.Lock()
        self._all: list[Worker] = []
        self._idle: list[Worker] = []
        self._is_ended = False

    def call(
        self,
        function: Callable[..., Result],
        args: Sequence[object],
        on_report: Report | None = None,
    ) -> Result:
        """Return what a function returns in an idle process or a new one, or raise the same."""
        with self._lock:
            if self._is_ended:
                raise WorkerDied("The worker processes were ended.")
            if not self._idle:
                self._all.append(Worker())
                self._idle.append(self._all[-1])
            worker = self._idle.pop()
        try:
            kind, value = worker.call(function, args, on_report)
        except BaseException:
            worker.end()
            raise
        self._idle.append(worker)
        if kind == "error":
            raise value
        result: Result = value
        return result

    def side_by_side(
        self, function: Callable[[Item], Result], items: Sequence[Item]
    ) -> Iterator[Result]:
        """Yield what a function of this process returns for each item, in order.

        Its calls are made in as many threads as there are processes; an error ends all.
        """
        threads = ThreadPoolExecutor(self.n_workers)
        try:
            calls = [threads.submit(copy_context().run, function, item) for item in items]
            finished = as_completed(calls)
            calls.reverse()
            while calls:
                while not calls[-1].done():
                    next(finished).result()
                yield calls.pop().result()
        except BaseException:
            self.end()
            raise
        finally:
            threads.shutdown(cancel_futures=True)

    def end(self) -> None:
        """End all processes, and start none any more."""
        with self._lock:
            self._is_ended = True
            for worker in self._all:
                worker.end()


_WORKERS: ContextVar[Workers | None] = ContextVar("workers", default=None)


@contextmanager
def open_workers(n_workers: int) -> Iterator[None]:
    """Let `side_by_side` and `in_worker` use processes in this block, those of a block around it.

    For one worker none is started: all happens in this process.
    """
    if n_workers < 2 or _WORKERS.get():
        yield
        return
    workers = Workers(n_workers)
    token = _WORKERS.set(workers)
    try:
        yield
    finally:
        _WORKERS.reset(token)
        workers.end()


def side_by_side(function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Call a function for each item, as many at a time as there are workers; an error ends all."""
    workers = _WORKERS.get()
    if workers is None:
        return [function(item) for item in items]
    return list(workers.side_by_side(function, items))


def in_worker(
    function: Callable[..., Result], *args: object, on_report: Report | None = None
) -> Result:
    """Return what a function of a module returns: in a worker process, if some are open.

    ``on_report``, if given, is its last argument: what it is called with arrives in this process.
    """
    workers = _WORKERS.get()
    if workers is None:
        return function(*args, *([on_report] if on_report else []))
    return workers.call(function, args, on_report)


def _explain_end(exit_code: int | None) -> str:
    if exit_code == -signal.SIGKILL:
        return (
            "Its process was killed, most often for want of memory. Try again with more of it free."
        )
    return (
        f"Its process ended with exit code {exit_code}. Try again; if it does so again, report it."
    )


def count_workers(n_bytes: int) -> int:
    """Return how many calls that take so much memory each this machine can make side by side.

    They get half of the memory that is free. A GPU, unless `choose_device` has hidden it, is for
    one process.
    """
    import psutil

    if os.environ.get("CUDA_VISIBLE_DEVICES") != "-1":
        return 1
    n_free = min(psutil.virtual_memory().available, *free_in_groups())
    return max(1, min(count_cores(), int(n_free / 2 // n_bytes)))


def free_in_groups(
    groups: Path = Path("/proc/self/cgroup"), mount: Path = Path("/sys/fs/cgroup")
) -> list[int]:
    """Return the bytes that each control group around this process has left, where it has a limit.

    ``groups`` names the groups of the process, ``mount`` has their folders (cgroups(7), versions 1
    and 2). In a container, whose groups are named as outside, the limit is that of ``mount``
    itself. Cached pages of files that are not in use count as free.
    """
    found: list[int] = []
    for line in groups.read_text().splitlines() if groups.exists() else []:
        _, controllers, name = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        root = mount / "memory" if controllers else mount
        folder = root / name.strip("/")
        while folder.is_relative_to(root):
            found += _free_in_group(folder)
            folder = folder.parent
    return found


def _free_in_group(folder: Path) -> list[int]:
    """Return what a group has left; nothing if it has no limit or no such files."""
    for limit, used, cached in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        try:
            n_most = int((folder / limit).read_text())
            n_used = int((folder / used).read_text())
            stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        except (OSError, ValueError):  # no such file, or "max"
            continue
        return [max(0, n_most - n_used + int(stat.get(cached, 0)))]
    return []


def count_cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _serve(pipe: Connection, level: int) -> None:
    """Answer calls until the process that asks has ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sending = threading.RLock()

    def send(kind: str, value: object) -> None:
        with sending:
            pipe.send((kind, value))

    while True:
        function, args, is_reporting = pipe.recv()
        logging.basicConfig(handlers=[_Forwarder(send)], level=level, force=True)
        logging.captureWarnings(True)
        report = [partial(send, "report")] if is_reporting else []
        try:
            send("result", function(*args, *report))
        except MemoryError as error:
            why = f"There is not enough memory beside other work: {error}"
            send("error", TransientError(why))
        except (GenreflowError, OSError) as error:
            send("error", error)
        except Exception as error:  # not every one can be pickled
            unforeseen = RuntimeError(f"{type(error).__name__}: {error}")
            unforeseen.add_note(traceback.format_exc())
            send("error", unforeseen)


class _Forwarder(QueueHandler):
    """Sends log records to the process that asks; tracebacks become text, which can be pickled."""

    def __init__(self, send: Callable[[str, object], None]) -> None:
        super().__init__(None)  # type: ignore[arg-type]
        self._send = send

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """Return the record with its message and traceback as texts."""
        plain = copy(record)
        plain.msg, plain.args = record.getMessage(), None
        if record.exc_info:
            plain.exc_text = record.exc_text or logging.Formatter().formatException(record.exc_info)
            plain.exc_info = None
        return plain

    def enqueue(self, record: logging.LogRecord) -> None:
        self._send("record", record)


def _log(record: logging.LogRecord) -> None:
    """Log here what a worker has logged."""
    logger = logging.getLogger(record.name)
    if logger.isEnabledFor(record.levelno):
        logger.handle(record)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
    os._exit(1)
