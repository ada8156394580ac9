"""A music library as a table: CSV, TSV, JSON lines or Parquet, a song a row."""

import csv
import json
import math
import os
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO
from urllib.parse import unquote, urlsplit

from genre_core.errors import UsageError
from genre_core.locations import is_unicode, location_of, path_of, unquote_formula
from genre_core.records import Source
from storage.catalog.instance import plain_name, quote_name
from storage.sources.folder import explain_table

if TYPE_CHECKING:
    from storage.catalog.connection import Catalog

_TAGS = ("artist", "album", "title", "licence")
_COLUMNS = ("path", "url", "genre", *_TAGS)
_PLACES = ("path", "url")
_IDS = ("track_id", *_PLACES)
NO_TEXT = ("nan", "NaN", "<NA>")  # what Python, NumPy and pandas write for a missing value
_FEW_ROWS = 100_000  # that a small Parquet file may claim

# The place of a row, for messages, and the row: ("line 3", {"path": …}).
Row = tuple[str, Mapping[str, Any]]
# The columns that a table must have, and those of which it must have one.
Needed = tuple[Sequence[str], Sequence[str]]
# The names in a folder by their composed form.
Spellings = Callable[[Path], Mapping[str, str]]


def list_manifest(manifest: Path, *, takes_unlabelled: bool = False) -> list[Source]:
    """List the songs of a manifest; each row becomes one source.

    It is CSV, TSV, JSON lines or Parquet by its suffix, in UTF-8, with the columns ``genre`` and
    ``path`` or ``url`` and, where known, ``artist``, ``album``, ``title``, ``licence``; others are
    not read, and NaN is an empty field. A relative path starts at the folder of the manifest; one
    that leads nowhere is tried with slashes for backslashes, without space around it, as ``~/…`` or
    ``file:///…``, and with other forms of accents. With ``takes_unlabelled`` a row without a genre
    is unlabelled, and the column ``genre`` may be missing. A row without a song, which is named by
    its place in the manifest, has a ``label_fault``, and so has one that lacks a genre.
    """
    needed: Needed = (() if takes_unlabelled else ("genre",), _PLACES)
    spellings = cache(_spellings)
    sources = []
    with explain_table(manifest, "Correct it, and save it as UTF-8."):
        for place, row in _READERS[manifest.suffix.lower()](manifest, needed):
            source = _to_source(manifest, place, row, spellings)
            if not (source.genre or source.label_fault):
                fault = f"{location_of(manifest)}, {place}: no genre. Fill the column 'genre'."
                source = replace(
                    source,
                    label_fault="" if takes_unlabelled else fault,
                    is_unlabelled=takes_unlabelled,
                )
            sources.append(source)
    return sorted(sources, key=lambda source: (source.location, source.genre))


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelLine:
    """A row of a table of labels: a song by the id of its track or as it is written, and a genre.

    ``place`` is the line that it begins in, for messages.
    """

    place: str
    song: str
    genre: str


def read_labels(table: Path) -> list[LabelLine]:
    """Read a table with the columns ``genre`` and ``track_id``, ``path`` or ``url``.

    The first of these that is filled names the song; other columns are not read. Raises
    `UsageError` for a table that cannot be read, with the line.
    """
    if table.suffix.lower() not in _READERS:
        raise UsageError(f"{table} is none of {', '.join(_READERS)}. Save it as CSV in UTF-8.")
    if not table.is_file():
        raise UsageError(f"There is no file {table}. Name a table with the labels.")
    lines = []
    with explain_table(table, "Save it as CSV in UTF-8."):
        for place, row in _READERS[table.suffix.lower()](table, (("genre",), _IDS)):
            columns = {_name(column): value for column, value in row.items()}
            fields = [unquote_formula(_text(table, place, columns.get(name))) for name in _IDS]
            genre = unquote_formula(_text(table, place, columns.get("genre")).strip())
            song = next((field for field in fields if field.strip()), "")
            lines.append(LabelLine(place=place, song=song, genre=genre))
    return lines


def _to_source(manifest: Path, place: str, row: Mapping[str, Any], spellings: Spellings) -> Source:
    columns = {_name(column): value for column, value in row.items()}
    fields = {name: _text(manifest, place, columns.get(name)) for name in _COLUMNS}
    path, location = fields.pop("path"), fields.pop("url").strip()
    if location.lower().startswith("file:"):
        path, location = path or location, ""
    if path.strip().lower().startswith(("http://", "https://")):
        location = path.strip()
    elif path.strip():
        location = location_of(_find_file(manifest.parent, path, spellings))
    tags: dict[str, Any] = {name: text.strip() for name, text in fields.items()}
    if location:
        return Source(location=location, **tags)
    row_place = f"{location_of(manifest.resolve())}, {place}"
    fault = f"{row_place}: neither path nor url. Fill one of these columns."
    return Source(location=row_place, label_fault=fault, **tags)


def _text(manifest: Path, place: str, field: object) -> str:
    """Return a field as text; only text and finite numbers can be written so."""
    if field is None or (isinstance(field, float) and math.isnan(field)):
        return ""
    if isinstance(field, float) and field.is_integer():
        field = int(field)  # a column of numbers with gaps is one of floats
    is_text = isinstance(field, str | int | float) and not isinstance(field, bool)
    if not is_text or field in (math.inf, -math.inf):
        raise UsageError(f"{manifest}, {place}: {field!r} is not text. Write each field as text.")
    text = str(field)
    if "\0" in text or not is_unicode(text):
        raise UsageError(f"{manifest}, {place}: {text!r} holds what is no character. Correct it.")
    return "" if text.strip() in NO_TEXT else text


def _find_file(folder: Path, path: str, spellings: Spellings) -> str:
    """Return the path of a file with its links followed, as the disk spells it.

    Unlike Path.resolve, this takes names that are too long and links that lead in a circle.
    """
    tidy = path.strip()
    written = (path, tidy, tidy.replace("\\", "/"), path_of(tidy), _unfold(tidy))
    found = (_spell(folder, Path(name), spellings) for name in dict.fromkeys(written))
    return os.path.realpath(next(filter(None, found), folder / path))


def _unfold(path: str) -> str:
    """Return the path that ``~/…`` or ``file:///…`` stands for."""
    if path.lower().startswith("file:"):
        return unquote(urlsplit(path).path, errors="surrogateescape")
    return str(Path(path).expanduser()) if path.startswith("~/") else path


def _spell(folder: Path, path: Path, spellings: Spellings) -> Path | None:
    """Return an existing path that differs from the written one in the form of accents at most."""
    if os.path.lexists(folder / path):
        return folder / path
    for part in path.parts:
        is_there = os.path.lexists(folder / part)
        name = part if is_there else spellings(folder).get(_compose(part))
        if not name:
            return None
        folder /= name
    return folder


def _spellings(folder: Path) -> dict[str, str]:
    """Return the names in a folder by their composed form; none if it cannot be read."""
    try:
        return {_compose(path.name): path.name for path in folder.iterdir()}
    except OSError:
        return {}


def _compose(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _name(column: object) -> str:
    return str(column).strip().casefold()


def _check_columns(manifest: Path, columns: Sequence[str], needed: Needed) -> None:
    names = [_name(column) for column in columns]
    all_of, one_of = needed
    if not set(names).issuperset(all_of) or not set(names) & set(one_of):
        found = ", ".join(map(str, columns)) or "none"
        choice = " or ".join(f"'{column}'" for column in one_of)
        wanted = "".join(f"'{column}' and " for column in all_of) + choice
        raise UsageError(f"{manifest} needs the columns {wanted}; it has: {found}.")
    _require_once(str(manifest), names)


def _require_once(place: str, names: Sequence[str]) -> None:
    if twice := [name for name in (*_COLUMNS, *_IDS) if names.count(name) > 1]:
        raise UsageError(f"{place} has the column {twice[0]!r} twice. Remove one of them.")


def _read_csv(manifest: Path, needed: Needed) -> Iterator[Row]:
    with manifest.open(encoding="utf-8-sig", newline="") as file:
        header = file.readline()
        file.seek(0)
        marks = "\t" if manifest.suffix.lower() == ".tsv" else ",;\t"
        rows = _number_rows(manifest, file, max(marks, key=header.count))
        named = (fields for _, fields in rows if not _is_mark_of_excel(fields))
        columns = next(named, [])
        _check_columns(manifest, columns, needed)
        for place, fields in rows:
            if any(field.strip() for field in fields[len(columns) :]):
                problem = "more fields than columns. Quote fields that hold commas."
                raise UsageError(f"{manifest}, {place}: {problem}")
            yield place, dict(zip(columns, fields, strict=False))


def _is_mark_of_excel(fields: Sequence[str]) -> bool:
    """Whether a row is ``sep=;``, which Excel reads before the header."""
    return fields[0].lower() == "sep=" and not any(fields[1:])


def _number_rows(manifest: Path, file: TextIO, delimiter: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the rows that are not empty, each with the line that it begins in."""
    rows = csv.reader(file, strict=True, delimiter=delimiter)
    while True:
        place = f"line {rows.line_num + 1}"
        try:
            fields = next(rows, None)
        except csv.Error as error:
            hint = "Close its quotes, or double those that belong to the text."
            raise UsageError(
                f"{manifest}, {place}: no well-formed row ({error}). {hint}"
            ) from error
        if fields is None:
            return
        if any(field.strip() for field in fields):
            yield place, fields


def _read_jsonl(manifest: Path, _needed: Needed) -> Iterator[Row]:
    with manifest.open(encoding="utf-8-sig") as file:
        for number, text in enumerate(file, start=1):
            if text.strip():
                yield _read_json(manifest, f"line {number}", text)


def _read_json(manifest: Path, place: str, text: str) -> Row:
    try:
        row = json.loads(text, object_pairs_hook=partial(_to_object, f"{manifest}, {place}"))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{manifest}, {place}: not JSON ({error}). Correct the line.") from error
    if not isinstance(row, dict):
        raise UsageError(f"{manifest}, {place}: no JSON object. Write one object a line.")
    return place, row


def _to_object(place: str, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    _require_once(place, [_name(key) for key, _ in pairs])
    return dict(pairs)


def _read_parquet(manifest: Path, needed: Needed) -> Iterator[Row]:
    import duckdb

    named = plain_name(manifest, ".parquet")
    with manifest.open("rb"), named as file, duckdb.connect() as connection:
        try:
            columns = _parquet_columns(connection, file)
            _check_columns(manifest, columns, needed)
            _require_rows(manifest, connection, file)
            names = [column for column in columns if _name(column) in (*_COLUMNS, *_IDS)]
            selected = ", ".join(quote_name(name) for name in names)
            rows = connection.execute(f"select {selected} from read_parquet(?)", [str(file)])
            found = rows.fetchall()
        except duckdb.Error as error:
            cause = str(error).partition("\n")[0].replace(str(file), "the file").rstrip(".")
            message = f"{manifest} cannot be read as Parquet: {cause}. Write it again."
            raise UsageError(message) from error
    places = (f"row {number}" for number in range(1, len(found) + 1))
    yield from zip(places, (dict(zip(names, row, strict=True)) for row in found), strict=True)


def _parquet_columns(connection: "Catalog", file: Path) -> list[str]:
    """Return the names of the columns as they are in the file; what is within them is passed."""
    statement = "select name, coalesce(num_children, 0) from parquet_schema(?)"
    nodes = iter(connection.execute(statement, [str(file)]).fetchall()[1:])
    columns = []
    for name, n_within in nodes:
        columns.append(name)
        while n_within:
            n_within += next(nodes)[1] - 1
    return columns


def _require_rows(manifest: Path, connection: "Catalog", file: Path) -> None:
    """Refuse a file that claims more rows than it can hold: each names another song."""
    statement = "select num_rows from parquet_file_metadata(?)"
    (n_rows,) = connection.execute(statement, [str(file)]).fetchone()
    n_bytes = manifest.stat().st_size
    if n_rows > max(n_bytes, _FEW_ROWS):
        claim = f"{n_rows} rows, which its {n_bytes} bytes cannot hold"
        raise UsageError(f"{manifest} claims {claim}. Write it again.")


_READERS = {
    ".csv": _read_csv,
    ".tsv": _read_csv,
    ".jsonl": _read_jsonl,
    ".ndjson": _read_jsonl,
    ".parquet": _read_parquet,
}
MANIFEST_SUFFIXES = tuple(_READERS)
