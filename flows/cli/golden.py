"""Command golden: the songs on which champion and challenger are compared."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from flows.cli.app import OUT, Home, app
from flows.cli.tables import PLAIN
from flows.settings import read_settings
from genre_core.errors import UsageError

if TYPE_CHECKING:
    from storage.catalog.promotions import Golden
    from storage.home import DataLayout


@app.command()
def golden(
    home: Home = None,
    renew: Annotated[
        bool, typer.Option("--renew", help="Freeze the golden songs of now as a new version.")
    ] = False,
) -> None:
    """Show the golden songs, held out for promotions: frozen versions, and the songs of now.

    Example: [bold]genreflow golden[/bold]
    """
    config = read_settings(home=home)
    layout = config.layout
    if not layout.catalog.exists():
        raise UsageError(f"There is no song in {layout.home} yet. Run `genreflow run` first.")
    from storage.catalog.connection import open_catalog
    from storage.catalog.promotions import (
        read_golden_versions,
        read_next_golden,
        read_split_by_song,
    )

    if renew:
        _renew(layout)
    with open_catalog(layout) as catalog:
        versions, coming = read_golden_versions(catalog), read_next_golden(catalog)
        split_by_song = read_split_by_song(catalog)
    _show(versions, coming)
    for genre, n_songs in split_by_song.items():
        OUT.print(
            f"{genre} is only split by song: {n_songs} of its golden songs may share an artist "
            "with training songs.",
            soft_wrap=True,
        )
    if not versions:
        OUT.print(
            "No version is frozen yet: champion and challenger are compared on validation songs. "
            f"A genre gives golden songs once it has {config.golden.min_groups} artists "
            "(golden.min_groups), and a version is frozen once every genre has some.",
            soft_wrap=True,
        )


def _renew(layout: "DataLayout") -> None:
    from storage.catalog.connection import open_catalog
    from storage.catalog.promotions import renew_golden
    from storage.catalog.publish import publish
    from storage.lock import hold_home

    with hold_home(layout):
        with open_catalog(layout) as catalog:
            renewed = renew_golden(catalog)
        publish(layout)
    OUT.print(f"Version {renewed.version} is frozen." if renewed else "Nothing has changed.")


def _show(versions: "list[Golden]", coming: "Golden") -> None:
    genres = sorted({genre for found in (*versions, coming) for genre in found.n_songs})
    table = Table(title="Golden songs", **PLAIN)
    for heading in ("version", "songs", *genres):
        table.add_column(heading)
    for name, found in [*((str(v.version), v) for v in versions), ("now", coming)]:
        counts = [str(found.n_songs.get(genre, 0)) for genre in genres]
        table.add_row(name, str(len(found.genre_of_track)), *counts)
    OUT.print(table)
