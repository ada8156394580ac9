"""A library of beets as a source: its database, only read, or what `beet export` writes."""

import json
import os
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from genre_core.errors import UsageError
from genre_core.locations import escape_text, location_of
from genre_core.records import Source
from storage.sources.tagged import label

_DATABASES = (".db", ".blb")
BEETS_SUFFIXES = (*_DATABASES, ".json")
_SEPARATORS = re.compile("\\\\␀|;")  # between genres in the database, and in an export
_TEXTS = ("artist", "album", "title")
_DIRECTORY = re.compile(r"^directory:\s*(['\"]?)(.+?)\1\s*(?:#.*)?$", re.MULTILINE)
_SETTINGS = "config.yaml"
_NO_GENRE = "beets has no genre for it. Set one (`beet modify`), or use --unlabelled."

Item = Mapping[str, Any]


def list_beets(library: Path, takes_unlabelled: bool) -> list[Source]:
    """List the songs of a library of beets, sorted by location, with the genres that it has.

    ``library`` is the database, or the document of ``beet export -l -f json``. Several genres of a
    song are its ``labels``; one without is unlabelled, or has a ``label_fault``.
    """
    is_database = library.suffix.lower() in _DATABASES
    items = _read_database(library) if is_database else _read_export(library)
    fault = "" if takes_unlabelled else _NO_GENRE
    return sorted((_to_source(item, fault) for item in items), key=lambda song: song.location)


def _to_source(item: Item, fault: str) -> Source:
    texts: dict[str, Any] = {name: _text(item.get(name)) for name in _TEXTS}
    song = Source(location=location_of(os.path.realpath(item["path"])), genre="", **texts)
    return label(song, _genres(item.get("genres") or item.get("genre")), fault)


def _text(value: object) -> str:
    return escape_text(str(value or "")).replace("\0", "").strip()


def _genres(found: object) -> list[str]:
    values = found if isinstance(found, list) else [found]
    parts = (_text(part) for value in values for part in _SEPARATORS.split(_text(value)))
    return list(dict.fromkeys(filter(None, parts)))


def _require_paths(library: Path, items: Sequence[Item]) -> None:
    """Refuse songs without a path, or with one that no file can have."""
    for item in items:
        path = item.get("path")
        if not isinstance(path, str | bytes) or not path or "\0" in os.fsdecode(path):
            raise UsageError(
                f"{library} has songs without a `path`, such as {item.get('title')!r}. Name the "
                "library.db of beets, or write `beet export -l -f json -o songs.json`."
            )


def _read_database(library: Path) -> list[Item]:
    address = f"file:{quote(os.fsencode(library.absolute()))}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            items = [dict(row) for row in connection.execute("select * from items")]
    except sqlite3.Error as error:
        raise UsageError(
            f"{library} is no library of beets, or cannot be read: {error}. Name its library.db."
        ) from error
    _require_paths(library, items)
    paths = [os.fsdecode(item["path"]) for item in items]
    base = _find_base(library, paths)
    return [{**item, "path": base / path} for item, path in zip(items, paths, strict=True)]


def _find_base(library: Path, paths: Sequence[str]) -> Path:
    """Return the folder of music that paths begin at: beets 2.6 and later leave it out.

    It stands in the settings of beets, beside the database or in their usual place.
    """
    relative = [path for path in paths if not Path(path).is_absolute()]
    if not relative:
        return library.parent
    places = list(_candidates(library))
    held = (place for place in places if any((place / path).exists() for path in relative))
    if found := next(held, None):
        return found
    raise UsageError(
        f"{library} names its songs from a folder that was not found; looked in "
        f"{', '.join(map(str, places))}. Use `beet export -l -f json -o songs.json` instead."
    )


def _candidates(library: Path) -> Iterator[Path]:
    """Yield the folders that the music may lie in."""
    folders = (library.parent, Path(os.environ.get("BEETSDIR") or "~/.config/beets").expanduser())
    for folder in dict.fromkeys(folders):
        try:
            written = _DIRECTORY.search((folder / _SETTINGS).read_text("utf-8"))
        except (OSError, UnicodeDecodeError):
            continue
        if written:
            yield folder / Path(written[2]).expanduser()
    yield from (library.parent.absolute(), Path("~/Music").expanduser())


def _read_export(document: Path) -> list[Item]:
    hint = "Write it with `beet export -l -f json -o songs.json`."
    try:
        items = json.loads(document.read_text("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{document} is not JSON ({error}). {hint}") from error
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise UsageError(f"{document} is no list of songs. {hint}")
    _require_paths(document, items)
    return [{**item, "path": document.parent / item["path"]} for item in items]
