"""The environment that flows and models need, for one call: the user's own is put back after it."""

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from importlib import import_module
from threading import RLock
from typing import TYPE_CHECKING

from genre_core.errors import UsageError

if TYPE_CHECKING:
    from flows.settings import Settings

_LOCK, _WRITING = RLock(), RLock()
"""Of the variables, which belong to the process; and of the calls that write, which take turns."""
_BLOCKS: list[Mapping[str, str]] = []
"""The variables before each block that runs."""
_CHANGED: dict[str, tuple[str | None, str | None]] = {}
"""Name → the user's value and ours; None: not set."""
_OF_LIBRARIES = re.compile(
    "_?(PREFECT|MLFLOW|GENREFLOW|KERAS|TF|TF2|TPU|HDF5|KMP)_|ENABLE_RUNTIME_UPTIME_TELEMETRY"
)
"""Variables that libraries set when they are imported."""


def read_settings(home: object, settings: Mapping[str, object]) -> "Settings":
    """Read the settings as commands do; importing them sets variables, which are put back."""
    with _environment(lambda: import_module("flows.settings")):
        from flows.settings import read_settings

        return read_settings(home=home, **settings)


@contextmanager
def prepared(config: "Settings", *, writes: bool = False) -> Iterator[None]:
    """Run flows, or load models, in this block as a command does: without Prefect, in this process.

    Raises UsageError if the settings name Dask, whose workers need Prefect, if Keras is loaded with
    another backend, or if the home cannot be written to; TransientError if its disk is full.
    """
    keras = sys.modules.get("keras")
    if keras and keras.backend.backend() != "tensorflow":
        raise UsageError(
            f"Keras is loaded in this process with the backend {keras.backend.backend()}. Use "
            "genreflow in a process of its own, or load Keras with KERAS_BACKEND=tensorflow."
        )
    if writes and config.runner.kind == "dask":
        raise UsageError(
            "The settings name Dask, whose workers report to Prefect. Use the commands `genreflow "
            'ingest` and `genreflow train`, or open the library with runner={"kind": "threads"}.'
        )
    turn = _WRITING if writes else nullcontext()
    with turn, _environment(lambda: _prepare(config, writes=writes)), _artifacts(config, writes):
        yield


@contextmanager
def directly() -> Iterator[None]:
    """Run tasks that need no home in this block, without Prefect unless the process uses it."""
    with _environment(_choose_engine):
        yield


def _prepare(config: "Settings", *, writes: bool) -> None:
    from flows.environment import pin_numbers, prepare_environment, set_environment

    pin_numbers()
    prepare = prepare_environment if writes else set_environment
    prepare(config.layout.home, False, config.device)
    _choose_engine()


@contextmanager
def _artifacts(config: "Settings", writes: bool) -> Iterator[None]:
    """Keep the artifacts of flows in the home of the call that writes."""
    from tasks.direct import artifacts

    if not writes:
        yield
        return
    artifacts.folder = config.layout.reports / "artifacts"
    try:
        yield
    finally:
        artifacts.folder = None


def _choose_engine() -> None:
    from flows.engine import run_directly
    from tasks.direct import artifacts

    orchestrator = sys.modules.get("tasks.orchestrator")
    if orchestrator is None or orchestrator.flow.__module__ == artifacts.__module__:
        run_directly()  # else the process runs its flows under Prefect


@contextmanager
def _environment(prepare: Callable[[], object]) -> Iterator[None]:
    """Set variables by ``prepare``; after the last block at a time, put back what it has changed.

    So is what imports of libraries have set. What other threads set in the meantime stays.
    """
    with _LOCK:
        _BLOCKS.append(before := dict(os.environ))
        try:
            prepare()
        finally:
            _note_changes(before, set(os.environ) | set(before))
    try:
        yield
    finally:
        with _LOCK:
            imported = {name for name in os.environ if _OF_LIBRARIES.match(name)}
            _note_changes(before, imported)
            _BLOCKS.pop()
            if not _BLOCKS:
                _put_back()


def _note_changes(before: Mapping[str, str], names: Iterable[str]) -> None:
    """Remember what names were before the first block at a time, and what they are now."""
    for name in names:
        now = os.environ.get(name)
        if now != before.get(name):
            first, _ = _CHANGED.get(name, (before.get(name), None))
            _CHANGED[name] = (first, now)


def _put_back() -> None:
    """Put variables back whose value is still ours."""
    for name, (before, ours) in _CHANGED.items():
        if os.environ.get(name) != ours:
            continue
        if before is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = before
    _CHANGED.clear()
