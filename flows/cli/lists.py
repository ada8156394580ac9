"""Commands that hand the library's genres to other programs: playlists, export."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.app import FAILURE, Home, app, complain, read_config, show
from genre_core.errors import UsageError
from genre_core.records import counted
from storage.catalog.library import LEAST_CONFIDENCE, read_library
from storage.exports import ExportFormat, export_library
from storage.files import write_bytes
from storage.home import DataLayout
from storage.playlists import Entry, Written, find_file, write_playlists

MinConfidence = Annotated[
    float,
    typer.Option(
        "--min-confidence", min=0.0, max=1.0, help="Least confidence of a prediction that counts."
    ),
]


@app.command()
def playlists(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of the playlists.")],
    min_confidence: MinConfidence = LEAST_CONFIDENCE,
    home: Home = None,
) -> None:
    """Write a playlist (M3U8) for each genre of the library.

    A labelled song is in the playlist of its label, another one in that of its prediction; unknown
    songs and unsure predictions are in none. A file that genreflow did not write stays as it is.

    Example: `genreflow playlists ~/Music/playlists`
    """
    layout = read_config(home=home).layout
    genres, left_out = _group_songs(layout, min_confidence)
    if not genres:
        raise UsageError(f"No playlist was written: {_explain_left_out(left_out)}.")
    written = write_playlists(folder.expanduser(), genres)
    n_songs = sum(map(len, genres.values()))
    show(
        f"{counted(len(written.paths), 'playlist')} in {folder}, of {counted(n_songs, 'song')}: "
        + ", ".join(f"{genre} {len(songs)}" for genre, songs in genres.items())
    )
    if left_out:
        show(f"In no playlist: {_explain_left_out(left_out)}.")
    _report_others(written)


def _group_songs(
    layout: DataLayout, least_confidence: float
) -> tuple[dict[str, list[Entry]], dict[str, int]]:
    """Return the songs of each genre, and how many songs are in none, by the reason."""
    genres: dict[str, list[Entry]] = {}
    left_out: dict[str, int] = {}
    for song in read_library(layout):
        genre, file = song.genre(least_confidence), find_file(layout, song)
        if genre and file:
            genres.setdefault(genre, []).append(Entry(song=song, file=file))
            continue
        if genre:
            reason = "without a file, or with one whose name no playlist can hold"
        elif song.prediction is None:
            reason = "without a label and a prediction"
        else:
            reason = "unknown" if song.unknown else f"below a confidence of {least_confidence:g}"
        left_out[reason] = left_out.get(reason, 0) + 1
    return dict(sorted(genres.items())), left_out


def _explain_left_out(left_out: dict[str, int]) -> str:
    return ", ".join(f"{n} {reason}" for reason, n in left_out.items()) or "there is no song"


def _report_others(written: Written) -> None:
    for path in written.stale:
        show(f"{path} stays from before; its genre has no song now. Remove it if unneeded.")
    for path in written.kept:
        complain(
            f"{path} was not written: genreflow did not make the file that is there, or somebody "
            "changed it since. Move it away, or name another folder."
        )
    if written.kept:
        raise typer.Exit(FAILURE)


@app.command()
def export(
    form: Annotated[
        ExportFormat | None,
        typer.Option("--format", help="Default: by the name of --out, else csv."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="A new file. Default: standard output.")
    ] = None,
    min_confidence: MinConfidence = LEAST_CONFIDENCE,
    yes: Annotated[bool, typer.Option("--yes", help="Replace a file that is there.")] = False,
    home: Home = None,
) -> None:
    """Export the songs of the library with their labels and predictions.

    `csv`, `json` and `parquet` have every song and all columns. `m3u` is one playlist by genre, and
    `beets` a document for the plugin beets-genreflow: both have the songs with a label or a
    prediction of `--min-confidence` that is not unknown.

    Example: `genreflow export --format csv > predictions.csv`
    """
    layout = read_config(home=home).layout
    chosen = form or _format_of(out)
    if out is None and chosen is ExportFormat.PARQUET and sys.stdout.isatty():
        raise UsageError("Parquet is no text. Name a file: --out predictions.parquet")
    if out and out.exists() and not (yes and out.is_file()):
        remedy = "Name another file." if out.is_dir() else "Name another one, or add --yes."
        raise UsageError(f"{out} is there already. {remedy}")
    songs = read_library(layout)
    content = export_library(layout, songs, chosen, min_confidence)
    if out:
        write_bytes(out, content)
        show(f"Wrote {out}, from {counted(len(songs), 'song')} of the library.")
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(content)


def _format_of(out: Path | None) -> ExportFormat:
    """Return the form that a file's suffix names; CSV without a file."""
    if out is None:
        return ExportFormat.CSV
    suffix = out.suffix.lower().removeprefix(".").replace("m3u8", "m3u")
    if suffix not in tuple(ExportFormat):
        raise UsageError(f"{out} names no format. Add one: --format {'|'.join(ExportFormat)}")
    return ExportFormat(suffix)
