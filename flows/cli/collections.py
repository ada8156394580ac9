"""Music that need not be there yet: public collections, and the built-in library."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from flows.cli.app import ERR, OUT, app
from flows.settings import Settings
from genre_core.errors import UsageError
from storage.lock import hold_home
from storage.sources.published import download_collection


def with_collection(config: Settings, named_music: str | None, name: str | None) -> Settings:
    """Fetch the collection that was asked for, and name it as the music.

    Raises
    ------
    UsageError
        If a library was named on the command line as well, or the collection is unknown.
    """
    if name is None:
        return config
    if named_music:
        raise UsageError("Name a library or --download, not both.")
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with hold_home(config.layout), Progress(*columns, TransferSpeedColumn(), console=ERR) as bar:
        row = bar.add_task(name, total=None)

        def show(file: str, done: int, total: int) -> None:
            bar.update(row, description=file, completed=done, total=total or None)

        music = download_collection(config.layout, name, config.fma_url, config.limits, show)
    return replace(config, music=str(music))


@app.command("demo-library")
def demo_library(
    folder: Annotated[Path, typer.Argument(help="Where the songs go, a folder a genre.")],
    seed: Annotated[int, typer.Option(help="Another seed composes other songs.")] = 0,
) -> None:
    """Compose the built-in library: six genres, by rules, the same for the same seed.

    Example: [bold]genreflow demo-library ~/demo[/bold]
    """
    try:
        compose(folder, seed)
    except ValueError as error:
        raise UsageError(str(error)) from error
    OUT.print(f"The library is in {folder}, songs for a test of one's own in {unseen(folder)}.")


def compose(folder: Path, seed: int = 0) -> None:
    """Compose what is missing of the library, with a bar that shows how far it is."""
    from demo.library import make_library

    with Progress(console=ERR) as bar:
        row = bar.add_task("compose", total=None)
        make_library(
            folder,
            seed=seed,
            unseen=unseen(folder),
            on_song=lambda done, total: bar.update(row, completed=done, total=total),
        )
        bar.update(row, completed=1, total=1)


def unseen(folder: Path) -> Path:
    """Return the folder of the songs that are not part of the library."""
    return folder.with_name(f"{folder.name}-unseen")
