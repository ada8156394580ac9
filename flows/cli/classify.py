"""Command classify: the champion's verdict on songs."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from flows.cli.app import ERR, FAILURE, OUT, AsJson, Home, Verbose, app, complain, print_json
from flows.cli.tables import verdicts_table
from flows.environment import prepare_environment
from flows.settings import read_settings
from genre_core.errors import UsageError

if TYPE_CHECKING:
    from tasks.predict import SongPrediction

FAST_FRAGMENTS = 2


@app.command()
def classify(
    songs: Annotated[list[str], typer.Argument(help="Files, folders or URLs of songs.")],
    home: Home = None,
    fast: Annotated[
        bool, typer.Option("--fast", help=f"Decide on {FAST_FRAGMENTS} fragments a song.")
    ] = False,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Predict the genre of songs with the champion; nothing is stored.

    The exit code is 1 if a song cannot be judged; the others are judged all the same.

    Example: [bold]genreflow classify song.mp3 --json[/bold]
    """
    config = read_settings(home=home)
    prepare_environment(config.layout.home, verbose, config.device)
    from tasks.predict import classify_each

    found = expand_folders(songs)
    verdicts = watch(
        classify_each(config.layout, found, FAST_FRAGMENTS if fast else None), len(found), ERR
    )
    if as_json:
        print_json([verdict_document(verdict) for verdict in verdicts])
    else:
        OUT.print(verdicts_table(verdicts))
    if refused := [verdict for verdict in verdicts if verdict.error]:
        for verdict in refused:
            complain(verdict.error)
        raise typer.Exit(FAILURE)


def watch(
    verdicts: "Iterator[SongPrediction]", n_songs: int, console: Console
) -> "list[SongPrediction]":
    """Gather verdicts; a bar on a terminal tells how far they are, and goes at the end."""
    is_shown = console.is_terminal and n_songs > 1
    bar = Progress(console=console, transient=True, disable=not is_shown)
    with bar:
        return list(bar.track(verdicts, total=n_songs, description="Judging"))


def expand_folders(songs: list[str]) -> list[str]:
    """Return the audio files below each folder named, in order; other names as they are."""
    from storage.sources.folder import audio_files

    expanded: list[str] = []
    for song in songs:
        expanded += [str(p) for p in audio_files(Path(song))] if Path(song).is_dir() else [song]
    if not expanded:
        raise UsageError(f"There is no song in {', '.join(songs)}.")
    return expanded


def verdict_document(verdict: "SongPrediction") -> dict[str, object]:
    """Return a verdict as JSON; ``error`` stands in its place where the song was not judged."""
    if verdict.error:
        return {"song": verdict.song, "error": verdict.error, "champion": verdict.champion}
    document = asdict(verdict)
    del document["error"]
    return document
