"""Command remove: a song, or all of an artist, is taken out of every place for good."""

from collections.abc import Sequence
from typing import Annotated

import typer

from flows.cli.app import OUT, Home, app
from flows.settings import read_line_config
from flows.who import login
from genre_core.errors import GenreflowError, UsageError
from storage.catalog.removals import (
    RemovedSong,
    find_artist,
    find_copies,
    find_song,
    find_trained,
)
from storage.layout import DataLayout
from storage.lock import hold_home, hold_night
from storage.pages import naming_reports
from storage.takedown import old_catalogs, take_down

SHOWN_DIGITS = 12


@app.command()
def remove(
    song: Annotated[
        str, typer.Argument(help="A source, or the beginning of a track's id.", metavar="[TRACK]")
    ] = "",
    artist: Annotated[str, typer.Option(help="Remove all songs of an artist instead.")] = "",
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "",
    with_copies: Annotated[
        bool, typer.Option("--with-copies", help="Remove the other copies of the recordings, too.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    home: Home = None,
) -> None:
    """Remove a song for good: audio, spectrograms, predictions. It is never fetched again.

    Its place in the split stays, and a line in `removals`. Networks that learned from it stay as
    they are; the command names them.

    Example: [bold]genreflow remove 3fa94c21 --reason "asked by the label"[/bold]
    """
    if bool(song) == bool(artist):
        raise UsageError("Name a track or an artist: genreflow remove TRACK, or --artist NAME.")
    layout = read_line_config(home=home).layout
    if not layout.catalog.exists():
        raise UsageError(f"There is no store in {layout.home} yet. Name the right one with --home.")
    planned = songs, copies = _find(layout, song, artist, with_copies)
    _tell("To be removed", songs)
    if not yes:
        typer.confirm("Remove for good?", abort=True)
    with hold_night(layout), hold_home(layout):
        if _find(layout, song, artist, with_copies) != planned:
            raise GenreflowError("The store has changed since; nothing was removed. Ask again.")
        trained = find_trained(layout, [song.track_id for song in songs])
        n_bytes = take_down(layout, songs, reason, login())
    _say(f"Removed {len(songs)} songs and {n_bytes / 2**20:.1f} MiB of files of the home.")
    _tell_what_stays(layout, songs, copies, trained)


def _find(
    layout: DataLayout, song: str, artist: str, with_copies: bool
) -> tuple[list[RemovedSong], list[RemovedSong]]:
    """Give the songs to be removed, and the copies of them that stay."""
    songs = find_artist(layout, artist) if artist else find_song(layout, song)
    copies = find_copies(layout, songs)
    return ([*songs, *copies], []) if with_copies else (songs, copies)


def _tell_what_stays(
    layout: DataLayout,
    songs: Sequence[RemovedSong],
    copies: Sequence[RemovedSong],
    trained: Sequence[str],
) -> None:
    _say("Their places in the split and in old snapshots stay, as ids, and a line in `removals`.")
    _say("Your own files, and lines of logs that name them, are not the store's to remove.")
    _say("A backup holds them until the next `genreflow backup` into its folder.")
    _say("Pages of past nights are gone; the artifacts `morning-…` in the Prefect UI are not.")
    for report in naming_reports(layout, songs):
        _say(f"{report} still names them; remove it, or make it anew.")
    if trained:
        _say(f"These runs learned from them, and are not untrained: {', '.join(trained)}.")
    if copies:
        _tell("Copies of the recordings, which stay unless you ask --with-copies", copies)
    for path in old_catalogs(layout):
        _say(f"{path} is an older catalog, which still names them; remove it once not needed.")


def _tell(heading: str, songs: Sequence[RemovedSong]) -> None:
    _say(f"{heading}:")
    for song in songs:
        _say(f"  {song.track_id[:SHOWN_DIGITS]} {song.artist} - {song.title}")


def _say(sentence: str) -> None:
    OUT.print(sentence, soft_wrap=True, highlight=False, markup=False)
