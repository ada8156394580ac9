"""Command demo-library: compose the built-in library."""

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from flows.cli.app import ERR, OUT, app
from genre_core.errors import UsageError


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
    """Give the folder of the songs that are not part of the library."""
    return folder.with_name(f"{folder.name}-unseen")
