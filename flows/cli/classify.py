"""Command classify: the champion's prediction of songs."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.console import Console
from rich.progress import Progress

from flows.cli.app import FAILURE, AsJson, Home, Verbose, app, complain, print_json
from flows.cli.tables import predictions_table
from flows.environment import set_environment
from flows.settings import read_settings
from genre_core.errors import UsageError
from genre_core.locations import location_of
from tasks.terminal import ERR, OUT

if TYPE_CHECKING:
    pass

FAST_FRAGMENTS = 2
Song = TypeVar("Song")


@app.command()
def classify(
    songs: Annotated[list[str], typer.Argument(help="Files, folders or URLs of songs.")],
    home: Home = None,
    fast: Annotated[
        bool, typer.Option("--fast", help=f"Use only {FAST_FRAGMENTS} fragments a song.")
    ] = False,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Predict the genre of songs with the champion; nothing is stored.

    The exit code is 1 if a song cannot be predicted; the others are predicted all the same.

    Example: `genreflow classify song.mp3 --json`
    """
    config = read_settings(home=home)
    set_environment(config.layout.home, verbose, config.device)
    from tasks.predict_many import classify_each

    found = expand_folders(songs)
    n_fragments = FAST_FRAGMENTS if fast else None
    predictions = watch(classify_each(config.layout, found, n_fragments), len(found), ERR)
    if as_json:
        print_json([prediction.as_document() for prediction in predictions])
    else:
        OUT.print(predictions_table(predictions))
    if errors := [prediction.error for prediction in predictions if prediction.error]:
        complain(*errors)
        raise typer.Exit(FAILURE)


def watch(
    songs: Iterator[Song], n_songs: int, console: Console, step: str = "Predicting"
) -> list[Song]:
    """Gather what is made of each song; a terminal shows a progress bar, which goes at the end."""
    is_shown = console.is_terminal and n_songs > 1
    with Progress(console=console, transient=True, disable=not is_shown) as bar:
        return list(bar.track(songs, total=n_songs, description=step))


def expand_folders(songs: list[str]) -> list[str]:
    """Return the locations of the songs below each folder named, in order, and of other names."""
    from storage.sources.folder import audio_files
    from storage.sources.identity import location_given

    expanded: list[str] = []
    for song in songs:
        is_folder = Path(song).is_dir()
        inside = map(location_of, audio_files(Path(song))) if is_folder else [location_given(song)]
        expanded += inside
    if not expanded:
        raise UsageError(f"There is no song in {', '.join(songs)}.")
    return expanded
