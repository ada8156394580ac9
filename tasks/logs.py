"""Logs as JSON lines: one object a line on standard error, and nothing else there."""

import io
import json
import logging
import os
import sys
import threading
from collections.abc import Iterable
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import TextIO

from genre_core.errors import GenreflowError

CHOSEN = "_GENREFLOW_LOG_JSON"
"""Variable of the environment that is there where logs are JSON, also in the processes that a
command starts."""
OPTION = "--log-json"
step_name: ContextVar[str] = ContextVar("step_name", default="")
"""The task or flow that is at work, where no server records it."""
_LOGGER = logging.getLogger("genreflow")


def is_json() -> bool:
    """Whether logs are JSON lines."""
    return CHOSEN in os.environ


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON.

    ``time`` (UTC, ISO 8601), ``level``, ``logger`` and ``message`` are always there; ``step``,
    ``run``, ``track_id``, ``code`` and ``traceback`` where they are known.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        error = record.exc_info[1] if record.exc_info else None
        known = vars(record)
        fields = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "step": known.get("task_run_name") or known.get("flow_name") or step_name.get(),
            "run": known.get("run_id") or known.get("flow_run_id"),
            "track_id": known.get("track_id"),
            "code": known.get("code") or _code_of(error, record.exc_text),
            "traceback": self._traceback(record),
        }
        return json.dumps({key: str(text) for key, text in fields.items() if text})

    def _traceback(self, record: logging.LogRecord) -> str:
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        return record.exc_text or ""


def _code_of(error: BaseException | None, traceback: str | None) -> str:
    """Code of an error; that of a worker process is known by its traceback alone."""
    if isinstance(error, GenreflowError):
        return error.code
    return "unforeseen" if error or traceback else ""


class JsonLines(io.TextIOBase):
    """Standard error: each line that anything writes becomes a record, unless it is one."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self._rest = ""
        self._lock = threading.RLock()

    def write(self, text: str) -> int:
        """Write a text; lines that are not ended wait for their end."""
        with self._lock:
            *lines, self._rest = (self._rest + text).replace("\r", "\n").split("\n")
        self._record(lines)
        return len(text)

    def _record(self, lines: Iterable[str]) -> None:
        for line in filter(str.strip, lines):
            _LOGGER.handle(
                _LOGGER.makeRecord("genreflow", logging.INFO, "", 0, line.strip(), (), None)
            )

    def flush(self) -> None:
        """Write what waits, also a line that is not ended."""
        with self._lock:
            line, self._rest = self._rest, ""
        self._record([line])
        self.stream.flush()

    def fileno(self) -> int:
        """Return the descriptor of the stream."""
        return self.stream.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """Encoding of the stream."""
        return "utf-8"


class JsonHandler(logging.StreamHandler[TextIO]):
    """Writes records to the stream that `JsonLines` stands before."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self.setFormatter(JsonFormatter())


def log_as_json() -> None:
    """Make standard error JSON lines: records, warnings, errors, and what libraries print."""
    if not isinstance(sys.stderr, JsonLines):
        sys.stderr = JsonLines(sys.stderr)
        _LOGGER.setLevel(logging.INFO)
        logging.captureWarnings(True)
        sys.excepthook = _log_uncaught
        threading.excepthook = lambda args: _log_uncaught(
            args.exc_type, args.exc_value or args.exc_type(), args.exc_traceback
        )
    _replace_handlers()
    root = logging.getLogger()
    if not any(isinstance(handler, JsonHandler) for handler in root.handlers):
        root.addHandler(JsonHandler(sys.stderr.stream))  # a library may have taken it away


def _replace_handlers() -> None:
    """Have handlers that a library has set up for the terminal give way to ours."""
    root = logging.getLogger()
    names = [
        name
        for name, one in logging.root.manager.loggerDict.items()
        if isinstance(one, logging.Logger)
    ]
    for logger in (root, *map(logging.getLogger, names)):
        for handler in list(logger.handlers):
            if isinstance(handler, logging.StreamHandler) and not isinstance(
                handler, JsonHandler | logging.FileHandler
            ):
                logger.removeHandler(handler)
                logger.propagate = True


def _log_uncaught(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    _LOGGER.critical("%s: %s", kind.__name__, error, exc_info=(kind, error, trace))
