"""A music library as a table: CSV, JSON lines or Parquet, a song a row."""

import csv
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from genre_core.errors import UsageError
from genre_core.records import Source
from storage.sources.folder import explain_table, is_unicode

_TAGS = ("artist", "album", "title", "licence")

# The place of a row, for messages, and the row: ("line 3", {"path": …}).
Row = tuple[str, Mapping[str, Any]]


def list_manifest(manifest: Path, *, takes_unlabelled: bool = False) -> list[Source]:
    """List the songs of a manifest; each row becomes one source.

    It is CSV, JSON lines or Parquet by its suffix, in UTF-8, with the columns ``genre`` and
    ``path`` or ``url`` and, where known, ``artist``, ``album``, ``title``, ``licence``. A relative
    path starts at the folder of the manifest. With ``takes_unlabelled`` a row without a genre is
    unlabelled, and the column ``genre`` may be missing. A row without a song, which is named by its
    place in the manifest, has a ``label_fault``, and so has one that lacks a genre.
    """
    needed = () if takes_unlabelled else ("genre",)
    sources = []
    with explain_table(manifest, "Correct it, and save it as UTF-8."):
        for place, row in _READERS[manifest.suffix.lower()](manifest, needed):
            source = _to_source(manifest, place, row)
            if not (source.genre or source.label_fault):
                fault = f"{manifest}, {place}: no genre. Fill the column 'genre'."
                source = replace(
                    source,
                    label_fault="" if takes_unlabelled else fault,
                    is_unlabelled=takes_unlabelled,
                )
            sources.append(source)
    return sorted(sources, key=lambda source: (source.location, source.genre))


def _to_source(manifest: Path, place: str, row: Mapping[str, Any]) -> Source:
    fields = {_name(key): _text(manifest, place, row[key]) for key in row}
    path, location = fields.get("path", ""), fields.get("url", "").strip()
    if path.strip().lower().startswith(("http://", "https://")):
        location = path.strip()
    elif path.strip():
        # unlike Path.resolve, takes names that are too long and links that lead in a circle
        location = os.path.realpath(manifest.parent / path)
    fault = f"{manifest}, {place}: neither path nor url. Fill one of these columns."
    tags: dict[str, Any] = {name: fields.get(name, "").strip() for name in ("genre", *_TAGS)}
    location, fault = (location, "") if location else (f"{manifest.resolve()}, {place}", fault)
    return Source(location=location, label_fault=fault, **tags)


def _text(manifest: Path, place: str, field: object) -> str:
    if field is None:
        return ""
    if not isinstance(field, str | int | float):
        raise UsageError(f"{manifest}, {place}: {field!r} is not text. Write each field as text.")
    text = str(field)
    if "\0" in text or not is_unicode(text):
        raise UsageError(f"{manifest}, {place}: {text!r} holds what is no character. Correct it.")
    return text


def _name(column: object) -> str:
    return str(column).strip().casefold()


def _check_columns(manifest: Path, columns: list[str], needed: Sequence[str]) -> None:
    names = {_name(column) for column in columns}
    if not names.issuperset(needed) or not names & {"path", "url"}:
        found = ", ".join(map(str, columns)) or "none"
        wanted = "".join(f"'{column}' and " for column in needed) + "'path' or 'url'"
        raise UsageError(f"{manifest} needs the columns {wanted}; it has: {found}.")


def _read_csv(manifest: Path, needed: Sequence[str]) -> Iterator[Row]:
    with manifest.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        _check_columns(manifest, list(reader.fieldnames or []), needed)
        for row in reader:
            place = f"line {reader.line_num}"
            if None in row:
                problem = "more fields than columns. Quote fields that hold commas."
                raise UsageError(f"{manifest}, {place}: {problem}")
            yield place, row


def _read_jsonl(manifest: Path, _needed: Sequence[str]) -> Iterator[Row]:
    with manifest.open(encoding="utf-8-sig") as file:
        for number, text in enumerate(file, start=1):
            if text.strip():
                yield _read_json(manifest, f"line {number}", text)


def _read_json(manifest: Path, place: str, text: str) -> Row:
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{manifest}, {place}: not JSON ({error}). Correct the line.") from error
    if not isinstance(row, dict):
        raise UsageError(f"{manifest}, {place}: no JSON object. Write one object a line.")
    return place, row


def _read_parquet(manifest: Path, needed: Sequence[str]) -> Iterator[Row]:
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(manifest)
        rows = table.to_pylist()
    except (pyarrow.ArrowException, UnicodeDecodeError, OSError) as error:
        if isinstance(error, OSError) and error.errno:
            raise  # the file cannot be read at all; what is wrong within has no number
        message = f"{manifest} cannot be read as Parquet: {str(error).rstrip('.')}. Write it again."
        raise UsageError(message) from error
    _check_columns(manifest, table.column_names, needed)
    yield from ((f"row {number}", row) for number, row in enumerate(rows, start=1))


_READERS = {
    ".csv": _read_csv,
    ".jsonl": _read_jsonl,
    ".ndjson": _read_jsonl,
    ".parquet": _read_parquet,
}
MANIFEST_SUFFIXES = tuple(_READERS)
