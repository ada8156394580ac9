"""Run a command, tell an error in one sentence; the commands are those imported before."""

import os
import sys
from pathlib import Path

from flows.cli.app import ERR, app, tell
from genre_core.errors import GenreflowError
from storage.disk import find_shortage

STOPPED = 130  # what Typer makes of Ctrl-C, as shells do


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
            ERR.print("Stopped. What was finished is kept; the same command goes on from there.")
        raise


def find_cause(error: BaseException) -> GenreflowError | None:
    """Find the foreseen error behind an error of the orchestrator; none if there is none.

    A full disk, for one, also fails the orchestrator, which keeps its state there.
    """
    seen: BaseException | None = error
    while seen:
        if isinstance(seen, GenreflowError):
            return seen
        seen = seen.__cause__ or seen.__context__
    return find_shortage(Path(os.environ.get("PREFECT_HOME", ".")))
