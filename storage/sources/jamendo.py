"""MTG-Jamendo (Bogdanov et al. 2019) as it is distributed: a table of tags and the mp3s."""

import csv
from collections.abc import Iterator
from pathlib import Path

from genre_core.errors import UsageError
from genre_core.records import Source

TABLE_SUFFIX = ".tsv"
_HEADER = ["TRACK_ID", "ARTIST_ID", "ALBUM_ID", "PATH", "DURATION", "TAGS"]
_GENRE = "genre---"
_N_FIELDS = 5
_AUDIO_FOLDERS = (".", "audio", "../audio", "raw_30s/audio", "../raw_30s/audio")
_NO_GENRE = "its tags name no genre. Name it in a manifest if you know the genre."


def find_jamendo(place: Path) -> Path | None:
    """Give the table that a place means: itself, or the only one in it; None if there is none.

    Raises
    ------
    UsageError
        If a folder holds several tables: subsets and splits share songs.
    """
    if place.is_file():
        return place if _is_table(place) else None
    tables = [path for path in sorted(place.glob(f"*{TABLE_SUFFIX}")) if _is_table(path)]
    if len(tables) > 1:
        names = ", ".join(table.name for table in tables)
        raise UsageError(f"{place} holds several tables of songs: {names}. Name one of them.")
    return tables[0] if tables else None


def list_jamendo(table: Path) -> list[Source]:
    """List the tracks of a table; all genre tags of a track are its labels.

    Parameters
    ----------
    table : Path
        From `find_jamendo`. Its paths begin at its own folder, or at ``audio`` or
        ``raw_30s/audio`` in or beside that folder, wherever the first song is that is there.

    Returns
    -------
    list of Source
        In the order of the table. A track without a genre tag says so in its ``label_fault``.

    Raises
    ------
    UsageError
        If the table cannot be read, or a path leads out of its folder.
    """
    lines = list(_read_lines(table))
    root = _find_root(table, [line[3] for line in lines])
    return [_to_source(root, line) for line in lines]


def _is_table(path: Path) -> bool:
    if path.suffix.lower() != TABLE_SUFFIX:
        return False
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        return file.readline().rstrip("\r\n").split("\t") == _HEADER


def _read_lines(table: Path) -> Iterator[list[str]]:
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            next(lines)
            yield from (_check(table, lines.line_num, line) for line in lines if line)
    except UnicodeDecodeError as error:
        raise UsageError(f"{table} is not UTF-8. Fetch it again.") from error
    except csv.Error as error:
        raise UsageError(f"{table} is damaged ({error}). Fetch it again.") from error


def _check(table: Path, number: int, line: list[str]) -> list[str]:
    if len(line) < _N_FIELDS or not line[3]:
        raise UsageError(f"{table}, line {number}: no path. Fetch the table again.")
    if Path(line[3]).is_absolute() or ".." in Path(line[3]).parts:
        raise UsageError(f"{table}, line {number}: {line[3]!r} leads out of the collection.")
    return line


def _find_root(table: Path, paths: list[str]) -> Path:
    roots = [(table.parent / folder).resolve() for folder in _AUDIO_FOLDERS]
    held = (root for path in paths for root in roots if (root / path).is_file())
    return next(held, roots[0])


def _to_source(root: Path, line: list[str]) -> Source:
    labels = [tag.removeprefix(_GENRE) for tag in line[_N_FIELDS:] if tag.startswith(_GENRE)]
    return Source(
        location=str(root / line[3]),
        genre=labels[0] if len(labels) == 1 else "",
        artist=line[1],
        labels=tuple(sorted(labels)) if len(labels) > 1 else (),
        label_fault="" if labels else _NO_GENRE,
    )
