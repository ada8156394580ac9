"""Commands backup and restore: a home copied while nothing writes, and made anew from the copy."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.app import FAILURE, OUT, Home, app, complain
from flows.environment import QUIET
from flows.settings import read_line_config

Folder = Annotated[Path, typer.Argument(help="The folder of the backup.")]


@app.command()
def backup(
    folder: Folder,
    check_all: Annotated[
        bool, typer.Option("--check-all", help="Digest all copies, not a seventh a day.")
    ] = False,
    home: Home = None,
) -> None:
    """Copy the home into a folder; a second time copies only what is new.

    Waits for nobody: while a run is at work, it says so and ends with 1. Readers go on. Copies
    that are damaged are made anew. The exit code is 1 if songs or shards of the home are gone, too.

    Example: [bold]genreflow backup /mnt/backup/genreflow[/bold]
    """
    layout = read_line_config(home=home).layout
    from storage.backup import back_up

    kept = back_up(layout, folder, check_all)
    OUT.print(f"{folder} holds {kept.n_files} files, {kept.n_new} of them new.", soft_wrap=True)
    if kept.n_mended:
        OUT.print(f"{kept.n_mended} copies were damaged, and were made anew.", soft_wrap=True)
    if kept.left_out:
        OUT.print(f"Not included: the shards in {kept.left_out}; keep them there.", soft_wrap=True)
    if kept.runs_left_out:
        OUT.print(
            f"Not included: runs and models, on the tracking server {kept.runs_left_out}; back up "
            "its database and its artifacts, too.",
            soft_wrap=True,
        )
    _tell_missing(kept.n_lost, kept.n_gone)


@app.command()
def restore(
    folder: Folder,
    without_damaged: Annotated[
        bool, typer.Option("--without-damaged", help="Leave out songs and shards that are damaged.")
    ] = False,
    home: Home = None,
) -> None:
    """Make a home out of a backup; the home must be empty or not there.

    Example: [bold]genreflow restore /mnt/backup/genreflow --home /srv/genreflow[/bold]
    """
    layout = read_line_config(home=home).layout
    from storage.restoring import make_home

    for name, setting in QUIET.items():
        os.environ.setdefault(name, setting)
    restored = make_home(layout, folder, without_damaged)
    _tell_left_out(restored.left_out)
    OUT.print(
        f"{layout.home} holds {restored.n_files} files again; now run `genreflow doctor --deep`.",
        soft_wrap=True,
    )
    if restored.runs_elsewhere:
        OUT.print(
            f"Its runs and models are on the tracking server {restored.runs_elsewhere}, not in "
            "the backup; set `tracking` to it.",
            soft_wrap=True,
        )


def _tell_missing(n_songs: int, n_shards: int) -> None:
    """End with 1 if the home has lost something."""
    if n_songs:
        complain(
            f"{n_songs} songs are not in the home any more; copies that the backup had of them "
            "stay in it. `genreflow doctor --repair` lets the next ingest fetch them again."
        )
    if n_shards:
        complain(
            f"{n_shards} shards are not in the home, and so not in the backup; `genreflow "
            "extract` makes them again."
        )
    if n_songs or n_shards:
        raise typer.Exit(FAILURE)


def _tell_left_out(names: Sequence[str]) -> None:
    for name in names:
        complain(f"{name} is gone or damaged in the backup, and was left out.")
    if names:
        complain(
            "`genreflow extract` makes shards again; `genreflow doctor --repair` lets the next "
            "ingest fetch songs again."
        )
