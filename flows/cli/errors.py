"""What an error of the machine or of Prefect is called before a person."""

import logging
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from flows.engine import chosen_address
from genre_core.errors import DiskUnusable, GenreflowError, SystemFault, UsageError
from genre_core.locations import escape_text
from storage.extras import explain_missing
from storage.files import DISK_ERRORS, DISK_SIGNS, find_full_disk


class ServerSilent(GenreflowError):
    """A Prefect server does not answer."""

    code = "prefect-unreachable"


def find_cause(error: BaseException) -> GenreflowError | None:
    """Find the foreseen error behind an error of the machine or the orchestrator, or None.

    A full disk, for one, also fails the orchestrator, which keeps its state there.
    """
    causes = list(_causes(error))
    if isinstance(error, OSError):
        return explain_os_error(error)
    for cause in causes:
        if isinstance(cause, GenreflowError):
            return cause
        if isinstance(cause, ModuleNotFoundError) and (missing := explain_missing(cause)):
            return missing
        if isinstance(cause, UnicodeEncodeError):
            name = repr(escape_text(str(cause.object)))
            return UsageError(f"{name} is not UTF-8. Rename it, or correct the text.")
        if isinstance(cause, OSError) and cause.errno in DISK_ERRORS:
            return explain_os_error(cause)
    shortage = find_full_disk(Path(os.environ.get("PREFECT_HOME", ".")))
    return shortage or find_silence(causes, os.environ.get("PREFECT_API_URL", ""))


def explain_os_error(error: OSError) -> GenreflowError:
    """Return the error to show for one of the machine; a full disk is named by what it holds."""
    place = f"of {error.filename}" if error.filename else "that is written to"
    if error.errno in DISK_ERRORS:
        return DiskUnusable(f"The disk {place} {DISK_ERRORS[error.errno]}, then try again.")
    return SystemFault(f"System error: {error}. Fix it and retry.")


_SILENCE = re.compile(r"httpx\.Connect(Error|Timeout)|.*RuntimeError: Failed to reach API")


def find_silence(causes: Sequence[BaseException], address: str) -> GenreflowError | None:
    """Find that the Prefect server at an address was not reached; None if it was, or none is set.

    Prefect raises a ``RuntimeError`` before a flow begins, and errors of httpx later.
    """
    messages = (f"{type(cause).__module__}.{type(cause).__name__}: {cause}" for cause in causes)
    if not address or not any(_SILENCE.match(message) for message in messages):
        return None
    if address == chosen_address():
        return ServerSilent(
            "The Prefect server of this run has ended, perhaps with `genreflow ui`. What was "
            "finished is kept; run the same command again to resume."
        )
    return ServerSilent(
        f"The Prefect server at {address} (PREFECT_API_URL) does not answer. Start it with "
        "`prefect server start`, or unset PREFECT_API_URL; then try again."
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause:
        yield cause
        cause = cause.__cause__ or cause.__context__


def hush_foreseen_errors() -> None:
    """Leave foreseen errors and their tracebacks to the Prefect UI; `main` reports them here."""
    logging.raiseExceptions = False  # nor report a log that cannot be written
    unforeseen = Unforeseen()
    for handler in logging.getLogger().handlers:
        handler.addFilter(unforeseen)


_OF_PREFECT = ("Finished in state Failed", "Failed to write result")
"""Beginnings of messages of Prefect that say less than `main` says in the end."""


class Unforeseen(logging.Filter):
    """Passes what `main` does not report in the end, and the first message of a full disk."""

    def __init__(self) -> None:
        super().__init__()
        self._is_disk_reported = False

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record is to be shown."""
        message = record.getMessage()
        error = record.exc_info[1] if record.exc_info else None
        is_reported = error is not None and find_cause(error) is not None
        if is_reported or message.startswith(_OF_PREFECT):
            return False
        if not any(sign in message for sign in DISK_SIGNS):
            return True
        self._is_disk_reported, was_reported = True, self._is_disk_reported
        return not was_reported
