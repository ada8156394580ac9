"""Command remove: a song, or all of an artist, is taken out of every place for good."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows.cli.app import OUT, AsJson, Home, Verbose, app, print_json
from flows.cli.pipeline import Music, prepare_config
from flows.cli.tables import PLAIN, outcome_sentence, provisional_sentence
from flows.settings import read_settings
from flows.who import login
from genre_core.errors import GenreflowError, UsageError
from genre_core.records import Reason
from genre_core.representations.features import name_features
from storage.catalog.publish import query
from storage.catalog.removals import (
    RemovedSong,
    find_artist,
    find_copies,
    find_song,
    find_trained,
)
from storage.catalog.status import conflict_rows, read_status
from storage.home import DataLayout
from storage.lock import hold_home, hold_night
from storage.maintenance.takedown import old_catalogs, take_down
from storage.reports import naming_reports

LONGEST_CELL = 60  # of a list, such as the values of a matrix
WIDEST_LINE = 10_000  # where no terminal folds it


@app.command()
def sql(
    statement: Annotated[str, typer.Argument(help="One statement in DuckDB's SQL.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Ask the published store a question in SQL.

    Example: [bold]genreflow sql "select genre, count(*) from tracks group by genre"[/bold]
    """
    names, rows = query(read_settings(home=home).layout, statement)
    if as_json:
        print_json([dict(zip(names, row, strict=True)) for row in rows])
        return
    table = Table()
    for name in names:
        table.add_column(Text(name), overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(value)) for value in row))
    (OUT if OUT.is_terminal else Console(width=WIDEST_LINE)).print(table)


@app.command()
def status(home: Home = None, as_json: AsJson = False) -> None:
    """Say what is in the store: songs, outcomes, examples, champion.

    Example: [bold]genreflow status[/bold]
    """
    settings = read_settings(home=home)
    standing = read_status(settings.layout, settings.snapshot_choice())
    if as_json:
        print_json(standing)
        return
    OUT.print(f"Store: {standing['home']}", soft_wrap=True)
    OUT.print(outcome_sentence(standing["outcomes"]))
    for reason, n_songs in standing["reasons"].items():
        OUT.print(f"  {n_songs} {reason}")
    for reason, n_songs in standing["warnings"].items():
        OUT.print(f"  {n_songs} {reason}, which are ok all the same")
    OUT.print(
        f"Stored: {standing['tracks']} tracks, with those of songs that were left out after they "
        f"were fetched, and {standing['examples']} examples.",
        soft_wrap=True,
    )
    if standing["unlabelled"]:
        OUT.print(f"Unlabelled: {standing['unlabelled']} songs, which the champion predicts.")
    OUT.print(f"Newest snapshot: {standing['snapshot_id'] or 'none yet'}")
    OUT.print(_champion_sentence(standing["champion"]), soft_wrap=True)


def _champion_sentence(champion: dict[str, Any] | None) -> str:
    if champion is None:
        return "Champion: none yet."
    name = name_features(champion["representation"], champion["fragment_s"])
    sentence = (
        f"Champion: version {champion['version']}, {champion['network']} on {name}, for "
        f"{', '.join(champion['genres'])}; validation macro F1 "
        f"{champion['validation_macro_f1']:.3f}."
    )
    return f"{sentence} {provisional_sentence(champion)}" if champion["provisional"] else sentence


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    if isinstance(value, list) and len(text) > LONGEST_CELL:
        return f"{text[: LONGEST_CELL - 1]}…"
    return text


SHOWN_DIGITS = 12


@app.command()
def conflicts(home: Home = None, as_json: AsJson = False) -> None:
    """List the recordings that stand under several genres and wait for a decision.

    A song that is listed under several genres is among them; only the listing can settle it.

    Example: [bold]genreflow conflicts[/bold]
    """
    rows = conflict_rows(read_settings(home=home).layout)
    if as_json:
        print_json(rows)
        return
    if not rows:
        OUT.print("No recording waits for a decision.")
        return
    table = Table(title="Recordings under several genres", **PLAIN)
    for heading in ("recording", "genre", "source", "artist", "title"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        is_listed = row["stage"] == "sources"
        recording = "(listing)" if is_listed else row["recording"][:SHOWN_DIGITS]
        shown = (recording, row["genre"], row["source"], row["artist"], row["title"])
        table.add_row(*map(Text, shown))
    OUT.print(table)
    OUT.print("Correct the labels so that they agree, or: genreflow decide RECORDING GENRE")
    OUT.print("What is named (listing) is one song listed under several genres: list it under one.")


@app.command()
def decide(
    song: Annotated[str, typer.Argument(help="A source, or the beginning of a track's id.")],
    genre: Annotated[str, typer.Argument(help="The genre of the recording, in all its copies.")],
    home: Home = None,
) -> None:
    """Decide the genre of a recording for all its copies, whatever their sources say.

    Also confirms or corrects a label that `genreflow suspects` lists.

    Example: [bold]genreflow decide ~/Music/jazz/song.mp3 jazz[/bold]
    """
    config = read_settings(home=home)
    from storage.catalog.recordings import decide_genre

    genres = {*config.genres, *config.genre_map.values()}
    n_tracks = decide_genre(config.layout, song, genre, genres)
    copies = f", and so are its {n_tracks - 1} copies" if n_tracks > 1 else ""
    OUT.print(f"{song} is {genre}{copies}.", soft_wrap=True, highlight=False)
    OUT.print("`genreflow extract` makes its spectrograms if it has none.")


REASONS = tuple(str(reason) for reason in Reason if reason and reason is not Reason.CLIPPED)


@app.command()
def retry(
    music: Music = None,
    reason: Annotated[
        str, typer.Option(help="Only songs left out for this reason, such as not_found.")
    ] = "",
    source: Annotated[
        str, typer.Option(help="Only this song, or the songs of this folder or site.")
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
    from flows.maintenance import retry as retry_flow

    report = retry_flow(config, reason, _locate(source))
    sentence = f"{report.n_released} songs were tried again."
    if not report.n_released:
        sentence = "No song was left out so; nothing was tried again."
    OUT.print(f"{sentence} {outcome_sentence(report.outcomes)}")


def _locate(source: str) -> str:
    """Give the whole path of a file or folder; an address stays as it is."""
    path = Path(source).expanduser()
    if not source or ("://" in source and not path.exists()):
        return source
    return os.path.realpath(path)


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
    layout = read_settings(home=home).layout
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
