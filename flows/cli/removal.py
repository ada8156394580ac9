"""Command remove: songs leave the home for good."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from flows.cli.app import SHOWN_DIGITS, Home, app, read_config, show
from genre_core.dataset.artists import fold_artist
from genre_core.errors import GenreflowError, UsageError
from genre_core.records import counted
from storage.catalog.connection import open_catalog
from storage.catalog.removals import (
    RemovedSong,
    find_artist,
    find_duplicates,
    find_song,
    find_trained,
)
from storage.home import DataLayout
from storage.lock import hold_home, hold_night
from storage.reports import reports_naming


@app.command()
def remove(
    song: Annotated[
        str,
        typer.Argument(help="A source, or the first digits of a track's id.", metavar="TRACK"),
    ] = "",
    artist: Annotated[
        str, typer.Option(help="Remove all songs of an artist instead, also those with others.")
    ] = "",
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "",
    with_copies: Annotated[
        bool, typer.Option("--with-copies", help="Also remove the duplicates of the recordings.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Remove without a question.")] = False,
    home: Home = None,
) -> None:
    """Remove a song for good: audio, spectrograms, predictions. It is never fetched again.

    Its split and a row in `removals` stay. Models that were trained on it stay as they are; the
    command names them.

    Example: `genreflow remove 3fa94c21 --reason "asked by the label"`
    """
    if bool(song) == bool(artist):
        raise UsageError("Name a track or an artist: genreflow remove TRACK, or --artist NAME.")
    layout = read_config(home=home).layout
    plan = _plan_removal(layout, song, artist, with_copies)
    _show_songs("To be removed", plan.songs)
    n_shared = sum(fold_artist(song.artist) != fold_artist(artist) for song in plan.songs)
    if artist and n_shared:
        verb = "names" if n_shared == 1 else "name"
        songs = counted(len(plan.songs), "song")
        show(f"{n_shared} of {songs} {verb} other artists beside {artist}.")
    if not yes:
        typer.confirm("Remove for good?", abort=True)
    from storage.maintenance.takedown import take_down
    from tasks.nightly import login

    with hold_night(layout), hold_home(layout):
        if _plan_removal(layout, song, artist, with_copies) != plan:
            raise GenreflowError("The store has changed since; nothing was removed. Try again.")
        n_bytes = take_down(layout, plan.songs, reason, login())
    n_mib = n_bytes / 2**20
    show(f"Removed {counted(len(plan.songs), 'song')} and {n_mib:.1f} MiB of files of the home.")
    _report_remains(layout, plan)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Removal:
    """The songs to remove, the duplicates that stay, and the runs trained on the songs."""

    songs: list[RemovedSong]
    duplicates: list[RemovedSong]
    runs: list[str]


def _plan_removal(layout: DataLayout, song: str, artist: str, with_copies: bool) -> _Removal:
    with open_catalog(layout) as catalog:
        songs = find_artist(catalog, artist) if artist else find_song(catalog, song)
        duplicates = find_duplicates(catalog, songs)
        if with_copies:
            songs, duplicates = [*songs, *duplicates], []
        runs = find_trained(catalog, [song.track_id for song in songs])
    return _Removal(songs=songs, duplicates=duplicates, runs=runs)


def _report_remains(layout: DataLayout, plan: _Removal) -> None:
    """Print where the songs are still named, and what to do about it."""
    from storage.maintenance.takedown import catalog_copies

    show(
        "Their ids in the split and in old snapshots stay, and a row in `removals`.",
        "Your own files, and logs that name them, are not removed.",
        "A backup holds them until the next `genreflow backup` into its folder.",
        "Past nightly reports are removed; their artifacts `morning-…` in the Prefect UI stay.",
    )
    for report in reports_naming(layout, plan.songs):
        show(f"{report} still names them; remove it, or make it again.")
    if plan.runs:
        show(f"These runs were trained on them and stay: {', '.join(plan.runs)}.")
    if plan.duplicates:
        _show_songs("Duplicates of the recordings, which --with-copies removes", plan.duplicates)
    for path in catalog_copies(layout):
        show(f"{path} is a copy of an older catalog and still names them; remove it if unneeded.")


def _show_songs(heading: str, songs: Sequence[RemovedSong]) -> None:
    named = [f"  {song.track_id[:SHOWN_DIGITS]} {song.artist} - {song.title}" for song in songs]
    show(f"{heading}:", *named)
