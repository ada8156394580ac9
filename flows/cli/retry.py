"""Command retry: songs that were left out are tried again."""

from typing import Annotated

import typer

from flows.cli.app import OUT, Home, Verbose, app
from flows.cli.line import Music, prepare_config
from flows.cli.tables import outcome_sentence
from genre_core.errors import UsageError
from genre_core.records import Reason

REASONS = tuple(str(reason) for reason in Reason if reason)


@app.command()
def retry(
    music: Music = None,
    reason: Annotated[
        str, typer.Option(help="Only songs left out for this reason, such as not_found.")
    ] = "",
    source: Annotated[
        str, typer.Option(help="Only this song, or the songs of this folder, site or playlist.")
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

    report = retry_flow(config, reason, source)
    OUT.print(
        f"{report.n_released} songs were tried again. {outcome_sentence(report.extracted.outcomes)}"
    )
