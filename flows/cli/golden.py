"""Command golden: the songs that champion and challenger are judged on."""

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
        bool, typer.Option("--renew", help="Freeze the songs in golden places as a new version.")
    ] = False,
) -> None:
    """Show the golden songs, put aside for judging: frozen versions, and what stands there now.

    Example: [bold]genreflow golden[/bold]
    """
    config = read_settings(home=home)
    layout = config.layout
    if not layout.catalog.exists():
        raise UsageError(f"There is no song in {layout.home} yet. Run `genreflow run` first.")
    from storage.catalog.promotions import read_golden_versions, read_waiting

    if renew:
        _renew(layout)
    versions = read_golden_versions(layout)
    _show(versions, read_waiting(layout))
    for sentence in (*_split_by_song(layout), *_not_frozen(versions, config.golden.min_groups)):
        OUT.print(sentence, soft_wrap=True)


def _renew(layout: "DataLayout") -> None:
    from storage.catalog.promotions import renew_golden
    from storage.catalog.publish import publish
    from storage.lock import hold_home

    with hold_home(layout):
        renewed = renew_golden(layout)
        publish(layout)
    OUT.print(f"Version {renewed.version} is frozen." if renewed else "Nothing has changed.")


def _split_by_song(layout: "DataLayout") -> list[str]:
    from storage.catalog.promotions import read_split_by_song

    return [
        f"{genre} is only split by song: {n_songs} of its songs in golden places may share an "
        "artist with songs that are learned from."
        for genre, n_songs in read_split_by_song(layout).items()
    ]


def _not_frozen(versions: "list[Golden]", min_groups: int) -> list[str]:
    if versions:
        return []
    return [
        "No version is frozen yet: challenger and champion are judged on validation songs. A genre "
        f"puts songs aside once it has {min_groups} artists (golden.min_groups), and a version is "
        "frozen once every genre has some."
    ]


def _show(versions: "list[Golden]", waiting: "Golden") -> None:
    genres = sorted({genre for found in (*versions, waiting) for genre in found.n_songs})
    table = Table(title="Golden songs", **PLAIN)
    for heading in ("version", "songs", *genres):
        table.add_column(heading)
    for name, found in [*((str(v.version), v) for v in versions), ("places now", waiting)]:
        counts = [str(found.n_songs.get(genre, 0)) for genre in genres]
        table.add_row(name, str(len(found.genre_of_track)), *counts)
    OUT.print(table)
