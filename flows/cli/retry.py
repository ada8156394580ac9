"""Command retry: songs that were left out are tried again."""

import os
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.app import OUT, Home, Verbose, app
from flows.cli.line import Music, prepare_config
from flows.cli.tables import outcome_sentence
from genre_core.errors import UsageError
from genre_core.records import Reason

REASONS = tuple(str(reason) for reason in Reason if reason and reason is not Reason.CLIPPED)


@app.command()
def retry(
    music: Music = None,
    reason: Annotated[
        str, typer.Option(help="Only songs left out for this reason, such as not_found.")
    ] = "",
    source: Annotated[
        str, typer.Option(help="Only this song, or the songs of this folder or site.")
    ] = "",
    home: Home = None,
    verbose: Verbose = False,
) -> None:
    """Try songs again that were left out, and extract what comes of it.

    Example: [bold]genreflow retry --reason not_found[/bold]
    """
    if not (reason or source):
        raise UsageError("Say which songs: --reason REASON, --source SOURCE, or both.")
    if reason and reason not in REASONS:
        raise UsageError(f"There is no reason {reason!r}. Choose among: {', '.join(REASONS)}.")
    config = prepare_config(verbose, home=home, music=music)
    from flows.retry import retry as retry_flow

    report = retry_flow(config, reason, _locate(source))
    sentence = f"{report.n_released} songs were tried again."
    if not report.n_released:
        sentence = "No song was left out so; nothing was tried again."
    OUT.print(f"{sentence} {outcome_sentence(report.outcomes)}")


def _locate(source: str) -> str:
    """Give the whole path of a file or folder; an address stays as it is."""
    path = Path(source).expanduser()
    if not source or ("://" in source and not path.exists()):
        return source
    return os.path.realpath(path)
