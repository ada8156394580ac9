"""The entry of ``genreflow``: run a command, tell an error in one sentence."""

import sys

from flows.cli import ask, audit, classify, demo, line, retry, serve
from flows.cli.app import ERR, app, tell
from genre_core.errors import GenreflowError

COMMANDS = (line, audit, retry, classify, ask, serve, demo)
STOPPED = 130  # what Typer makes of Ctrl-C, as shells do


def main() -> None:
    """Run the command line; the exit code is 0, 1 (failure), 2 (usage) or 130 (stopped)."""
    try:
        app()
    except GenreflowError as error:
        sys.exit(tell(error))
    except OSError as error:
        sys.exit(tell(GenreflowError(f"The machine refuses: {error}. Mend that, then try again.")))
    except SystemExit as end:
        if end.code == STOPPED:
            ERR.print("Stopped. What was finished is kept; the same command goes on from there.")
        raise
