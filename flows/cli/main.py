"""The entry of ``genreflow``: run a command, tell an error in one sentence."""

import sys

from flows.cli import ask, classify, demo, line, serve
from flows.cli.app import ERR, FAILURE, app, tell
from genre_core.errors import GenreflowError

COMMANDS = (line, classify, ask, serve, demo)


def main() -> None:
    """Run the command line; the exit code is 0, 1 (failure) or 2 (usage)."""
    try:
        app()
    except GenreflowError as error:
        sys.exit(tell(error))
    except KeyboardInterrupt:
        ERR.print("Stopped. What was finished is kept; the same command goes on from there.")
        sys.exit(FAILURE)
