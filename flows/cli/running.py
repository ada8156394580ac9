"""Run a command, tell an error in one sentence; the commands are those imported before."""

import logging
import os
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from flows.cli.app import ERR, app, tell
from genre_core.errors import GenreflowError
from storage.files import find_full_disk


def hush_foreseen_errors() -> None:
    """Leave foreseen errors and their tracebacks to the Prefect UI; the command line tells them."""
    import prefect.main  # noqa: F401 - sets up the handlers that are hushed here

    logging.raiseExceptions = False  # a log that cannot be written is no news for the reader
    for handler in logging.getLogger().handlers:
        handler.addFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    told_before = record.getMessage().startswith("Finished in state Failed")
    return not isinstance(error, GenreflowError) and not told_before


STOPPED = 130  # what Typer makes of Ctrl-C, as shells do

_SILENCE = re.compile(r"httpx\.Connect(Error|Timeout)|.*RuntimeError: Failed to reach API")


def main() -> None:
    """Run the command line; the exit code is 0, 1 (failure), 2 (usage) or 130 (stopped)."""
    try:
        app()
    except GenreflowError as error:
        sys.exit(tell(error))
    except OSError as error:
        sys.exit(tell(GenreflowError(f"The machine refuses: {error}. Mend that, then try again.")))
    except Exception as error:
        if cause := find_cause(error):
            sys.exit(tell(cause))
        raise
    except SystemExit as end:
        if end.code == STOPPED:
            ERR.print("Stopped. What was finished is kept; run the same command again to resume.")
        raise


def find_cause(error: BaseException) -> GenreflowError | None:
    """Find the foreseen error behind an error of the orchestrator; none if there is none.

    A full disk, for one, also fails the orchestrator, which keeps its state there.
    """
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, GenreflowError):
            return cause
    shortage = find_full_disk(Path(os.environ.get("PREFECT_HOME", ".")))
    return shortage or find_silence(causes, os.environ.get("PREFECT_API_URL", ""))


def find_silence(causes: Sequence[BaseException], address: str) -> GenreflowError | None:
    """Find that the Prefect server at an address was not reached; none if it was, or none is set.

    Prefect says so in a ``RuntimeError`` before a flow begins, and passes on what httpx says later.
    """
    said = (f"{type(cause).__module__}.{type(cause).__name__}: {cause}" for cause in causes)
    if not address or not any(_SILENCE.match(sentence) for sentence in said):
        return None
    return GenreflowError(
        f"The Prefect server at {address} (PREFECT_API_URL) does not answer. Start it with "
        "`prefect server start`, or unset PREFECT_API_URL; then try again."
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen:
        yield seen
        seen = seen.__cause__ or seen.__context__
