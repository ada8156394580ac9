"""Commands on the library: sql, status, conflicts, decide, retry, remove."""

import csv
import os
import re
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from flows.cli.app import (
    SHOWN_DIGITS,
    AsJson,
    Home,
    Verbose,
    app,
    at_home,
    prepare_config,
    print_json,
    read_config,
    require_home,
    show,
)
from flows.cli.pipeline import Music
from flows.cli.tables import PLAIN, outcome_sentence, print_rows, provisional_sentence
from flows.decide import decide as record_decision
from flows.decide import undo, undo_several
from flows.settings import SETTINGS_FILE, read_settings
from genre_core.errors import UsageError
from genre_core.locations import escape_text, location_of, path_of
from genre_core.records import Reason, counted
from genre_core.representations.features import name_features
from storage.catalog.query import query
from storage.catalog.status import conflict_rows, read_status
from storage.extras import how_to_begin
from storage.home import DataLayout
from storage.models.champion import has_exported
from storage.sources.identity import location_given
from storage.sources.listing import require_place
from tasks.terminal import OUT, Terminal

if TYPE_CHECKING:
    from flows.settings import Settings

LONGEST_LIST = 60  # characters, of the values of a matrix, for one
WIDEST_ROW = 10_000  # where no terminal folds it
REASONS = tuple(str(reason) for reason in Reason if reason and reason is not Reason.CLIPPED)


@app.command()
def sql(
    statement: Annotated[str, typer.Argument(help="One statement in DuckDB's SQL.")],
    home: Home = None,
    as_json: AsJson = False,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Comma-separated values, with all digits, and a header.")
    ] = False,
) -> None:
    """Run one SQL statement on the published store.

    A table rounds numbers, and shows a row in several lines where the window is too narrow.

    Example: `genreflow sql "select genre, count(*) from tracks group by genre"`
    """
    if as_json and as_csv:
        raise UsageError("Use --json or --csv, not both.")
    names, rows = query(read_settings(home=home).layout, escape_text(statement))
    if as_json:
        print_json([dict(zip(names, row, strict=True)) for row in rows])
    elif as_csv:
        csv.writer(sys.stdout, lineterminator="\n").writerows([names, *rows])
    else:
        has_width = OUT.is_terminal or "COLUMNS" in os.environ
        console = Terminal(width=None if has_width else WIDEST_ROW)
        shown = [[_shorten(value) for value in row] for row in rows]
        print_rows(console, Table(), names, shown)


@app.command()
def status(home: Home = None, as_json: AsJson = False) -> None:
    """Show what is in the store: songs, outcomes, examples, champion.

    Example: `genreflow status`
    """
    settings = read_settings(home=home)
    if _is_new(settings.layout) and not as_json:
        show(f"There is no store in {settings.layout.home} yet. {how_to_begin()}.")
        if has_exported(settings.layout.champion):
            where = at_home(settings.layout)
            show(f"A model is there: genreflow classify SONG{where}")
        return
    found = read_status(settings.layout, settings.snapshot_choice())
    if as_json:
        print_json(found)
        return
    show(f"Store: {found['home']}", outcome_sentence(found["outcomes"]))
    show(*(f"  {n_songs} {reason}" for reason, n_songs in found["reasons"].items()))
    for reason, n_songs in found["warnings"].items():
        show(f"  {n_songs} {reason} (warning; they are ok)")
    show(
        f"Stored: {counted(found['tracks'], 'track')}, also of songs that were left out after "
        f"their download, and {counted(found['examples'], 'example')}."
    )
    if found["unlabelled"]:
        show(f"Unlabelled: {counted(found['unlabelled'], 'song')}, predicted by the champion.")
    show(f"Newest snapshot: {found['snapshot_id'] or 'none yet'}")
    show(_champion_sentence(found["champion"]))


def _is_new(layout: DataLayout) -> bool:
    """Return whether a folder is there for a home, or settings for one beside it, but no store."""
    has_store = layout.published.exists() or layout.catalog.exists()
    return not has_store and (
        layout.home.is_dir() or (layout.home.parent / SETTINGS_FILE).is_file()
    )


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


def _shorten(value: object) -> str:
    text = "" if value is None else str(_round(value))
    if isinstance(value, list) and len(text) > LONGEST_LIST:
        return f"{text[: LONGEST_LIST - 1]}…"
    return text


def _round(value: object) -> object:
    """Round numbers to 4 decimals, or to 4 digits if they are small."""
    if isinstance(value, dict):
        return {name: _round(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_round(item) for item in value]
    if not isinstance(value, float | Decimal):
        return value
    number = float(value)
    return round(number, 4) if abs(number) >= 0.001 else float(f"{number:.4g}")


@app.command()
def conflicts(home: Home = None, as_json: AsJson = False) -> None:
    """List the recordings with several genres that need a decision.

    A song that a listing names under several genres is among them; only the listing can settle it.

    Example: `genreflow conflicts`
    """
    rows = conflict_rows(read_settings(home=home).layout)
    if as_json:
        print_json(rows)
        return
    if not rows:
        show("No recording needs a decision.")
        return
    headings = ("recording", "genre", "source", "artist", "title")
    table = Table(title="Recordings with several genres", **PLAIN)
    print_rows(OUT, table, headings, map(_conflict_row, rows))
    show(
        "Correct the labels so that they agree, or: genreflow decide RECORDING GENRE",
        "(listing) marks a song that is listed under several genres: list it under one.",
    )


def _conflict_row(row: dict[str, Any]) -> tuple[str, ...]:
    is_listed = row["stage"] == "sources"
    recording = "(listing)" if is_listed else row["recording"][:SHOWN_DIGITS]
    return (recording, row["genre"], row["source"], row["artist"], row["title"])


@app.command()
def decide(
    song: Annotated[
        str,
        typer.Argument(
            help="A source, or the first digits of a track's id; with --undo, the number of a "
            "decision, or the first and the last (12-57)."
        ),
    ] = "",
    genre: Annotated[
        str, typer.Argument(help="The genre of the recording and all its duplicates.")
    ] = "",
    takes_back: Annotated[
        bool, typer.Option("--undo", help="Take a decision back; without a number, the last one.")
    ] = False,
    home: Home = None,
) -> None:
    """Decide the genre of a recording and all its duplicates, whatever genre their sources name.

    Also confirms or corrects a label that `genreflow suspects` lists. Each decision is logged with
    who and when (`genreflow sql "from decisions"`) and can be taken back.

    Example: `genreflow decide ~/Music/jazz/song.mp3 jazz`
    """
    config = read_config(home=home)
    from tasks.nightly import login

    if takes_back:
        _undo(config, song, genre, login())
        return
    if not (song and genre):
        raise UsageError("Name a song and a genre: genreflow decide SONG GENRE; or use --undo.")
    n_others = record_decision(config, song, genre, login()) - 1
    duplicates = f", and so is each of its {counted(n_others, 'duplicate')}" if n_others else ""
    show(
        f"{song} is {genre}{duplicates}.", "`genreflow extract` makes its spectrograms if missing."
    )


def _undo(config: "Settings", numbers: str, genre: str, who: str) -> None:
    """Take back one decision, or those from one number to another: `import-labels` makes many."""
    found = re.fullmatch(r"(\d*)(?:-(\d+))?", numbers)
    if genre or not found or (found[2] and not found[1]):
        raise UsageError(
            "Name the number of a decision, or nothing: genreflow decide --undo 12. "
            '`genreflow sql "from decisions"` lists them.'
        )
    if found[2]:
        undone = undo_several(config, int(found[1]), int(found[2]), who)
        show(f"Undid {counted(len(undone), 'decision')}: what held before them holds again.")
        return
    one = undo(config, int(numbers) if numbers else None, who)
    tracks = ", ".join(track_id[:SHOWN_DIGITS] for track_id in one.track_ids)
    show(
        f"Undid decision {one.decision_id} ({one.genre} for {tracks}): what held before "
        "it holds again."
    )


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
    """Try songs again that were left out, and extract them.

    Example: `genreflow retry --reason not_found`
    """
    if not (reason or source):
        raise UsageError("Name the songs: --reason REASON, --source SOURCE, or both.")
    if reason and reason not in REASONS:
        raise UsageError(f"There is no reason {reason!r}. Choose among: {', '.join(REASONS)}.")
    config = prepare_config(verbose, check=_require_retried, maps=True, home=home, music=music)
    from flows.maintenance import retry as retry_flow

    report = retry_flow(config, reason, _locate(source))
    tried = (
        f"Tried {counted(report.n_released, 'song')} again."
        if report.n_released
        else "No song that was left out is among these; none was tried again."
    )
    show(f"{tried} {outcome_sentence(report.outcomes)}")


def _require_retried(config: "Settings") -> None:
    """Refuse settings of a folder that is no home, or of music that is not there."""
    require_home(config)
    if config.music:
        require_place(config.music)


def _locate(source: str) -> str:
    """Absolute path of a file or folder; an address stays as it is."""
    path = Path(path_of(location_given(str(Path(source).expanduser()))))
    if not source or ("://" in source and not path.exists()):
        return escape_text(source)
    return location_of(os.path.realpath(path))
