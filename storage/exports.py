"""Exports of the library with its predictions: CSV, JSON, Parquet, M3U, and the JSON of beets."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory

from genre_core.locations import path_of, quote_formula
from storage.catalog.instance import quote, quote_name
from storage.catalog.library import LibrarySong
from storage.home import DataLayout
from storage.playlists import Entry, find_file, format_playlist


class ExportFormat(StrEnum):
    """The form of an export."""

    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"
    M3U = "m3u"
    BEETS = "beets"


COLUMNS = tuple(field.name for field in fields(LibrarySong))


def export_library(
    layout: DataLayout, songs: Sequence[LibrarySong], form: ExportFormat, least_confidence: float
) -> bytes:
    """Return the songs in a form; ``least_confidence`` decides on the genres of M3U and beets.

    CSV, JSON and Parquet have all songs and all columns of `LibrarySong`; a list is JSON in CSV.
    M3U has the songs with a genre and a file, by genre; beets the files with a genre.
    """
    if form is ExportFormat.M3U:
        return _to_m3u(layout, songs, least_confidence)
    if form is ExportFormat.BEETS:
        return _to_beets(songs, least_confidence)
    return _TABLES[form]([asdict(song) for song in songs])


def _to_csv(rows: Sequence[Mapping[str, object]]) -> bytes:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(map(_plain, row.values()) for row in rows)
    return file.getvalue().encode()


def _plain(value: object) -> object:
    """Return a value for a cell; a table program would run some texts as formulas."""
    if isinstance(value, str):
        return quote_formula(value)
    if isinstance(value, bool | list):
        return json.dumps(value, ensure_ascii=False)
    return value


def _to_json(rows: Sequence[Mapping[str, object]]) -> bytes:
    return f"{json.dumps(rows, ensure_ascii=False, indent=2)}\n".encode()


def _to_parquet(rows: Sequence[Mapping[str, object]]) -> bytes:
    import duckdb

    kinds = {
        **{"duration_s": "double", "confidence": "double", "unknown": "boolean"},
        **{"alternatives": "varchar[]", "champion": "integer"},
    }
    selected = ", ".join(
        f"unnest(${nth}::{kinds.get(name, 'varchar')}[]) as {quote_name(name)}"
        for nth, name in enumerate(COLUMNS, start=1)
    )
    with TemporaryDirectory() as folder, duckdb.connect() as connection:
        file = Path(folder) / "songs.parquet"
        columns = [[row[name] for row in rows] for name in COLUMNS]
        connection.execute(f"create table songs as select {selected}", columns)
        connection.execute(f"copy songs to {quote(str(file))} (format parquet)")
        return file.read_bytes()


_TABLES: Mapping[ExportFormat, Callable[[Sequence[Mapping[str, object]]], bytes]] = {
    ExportFormat.CSV: _to_csv,
    ExportFormat.JSON: _to_json,
    ExportFormat.PARQUET: _to_parquet,
}


def _to_m3u(layout: DataLayout, songs: Sequence[LibrarySong], least_confidence: float) -> bytes:
    named = [(song.genre(least_confidence), song, find_file(layout, song)) for song in songs]
    chosen = [(genre, Entry(song=song, file=file)) for genre, song, file in named if genre and file]
    chosen.sort(key=lambda pair: pair[0])
    return format_playlist("genreflow", [entry for _, entry in chosen], None).encode()


def _to_beets(songs: Sequence[LibrarySong], least_confidence: float) -> bytes:
    """Return what `beet export` writes, with the fields of the plugin beets-genreflow."""
    items = [
        {
            "path": path_of(song.source),
            "artist": song.artist,
            "album": song.album,
            "title": song.title,
            "genre": song.label,  # a prediction is no label, if the document is ingested
            "genreflow_genre": genre,
            "genreflow_confidence": None if song.label else song.confidence,
        }
        for song in songs
        if song.source.startswith("/") and (genre := song.genre(least_confidence))
    ]
    # a name that is not UTF-8 is escaped, and Python reads it back
    return f"{json.dumps(items, indent=4)}\n".encode()
