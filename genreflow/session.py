"""The environment that flows and models need, for one call: the user's own is put back after it."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import RLock
from typing import TYPE_CHECKING

from genre_core.errors import UsageError

if TYPE_CHECKING:
    from flows.settings import Settings

_LOCK = RLock()
"""Variables belong to the process: calls that set them take turns."""


def read_settings(home: object, settings: Mapping[str, object]) -> "Settings":
    """Read the settings as commands do; importing them sets variables, which are put back."""
    with _environment():
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
    with _environment():
        _prepare(config, writes=writes)
        yield


@contextmanager
def directly() -> Iterator[None]:
    """Run tasks that need no home in this block, without Prefect unless the process uses it."""
    with _environment():
        _choose_engine()
        yield


def _prepare(config: "Settings", *, writes: bool) -> None:
    from flows.environment import pin_numbers, prepare_environment, set_environment
    from tasks.direct import artifacts

    pin_numbers()
    prepare = prepare_environment if writes else set_environment
    prepare(config.layout.home, False, config.device)
    _choose_engine()
    artifacts.folder = config.layout.reports / "artifacts" if writes else None


def _choose_engine() -> None:
    from flows.engine import run_directly
    from tasks.direct import artifacts

    orchestrator = sys.modules.get("tasks.orchestrator")
    if orchestrator is None or orchestrator.flow.__module__ == artifacts.__module__:
        run_directly()  # else the process runs its flows under Prefect


@contextmanager
def _environment() -> Iterator[None]:
    """Put back, at the end of a block, what it and its libraries have changed of the variables."""
    with _LOCK:
        before = dict(os.environ)
        try:
            yield
        finally:
            for name in os.environ.keys() - before.keys():
                del os.environ[name]
            changed = {name for name in before if os.environ.get(name) != before[name]}
            os.environ.update({name: before[name] for name in changed})
