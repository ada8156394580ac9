"""Public collections in the layout in which they are published: FMA, GTZAN, MTG-Jamendo."""

import csv
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from genre_core.errors import UsageError
from genre_core.records import Source
from storage.sources.folder import audio_files, list_folder, location_of

TABLE_SUFFIX = ".tsv"

_FMA_TABLE = Path("fma_metadata") / "tracks.csv"
# A folder holds the tracks of its own subset and of the smaller ones; "full" is "large" uncut.
_FMA_SUBSETS = {
    "fma_small": ("small",),
    "fma_medium": ("small", "medium"),
    "fma_large": ("small", "medium", "large"),
    "fma_full": ("small", "medium", "large"),
}
_FMA_COLUMNS = {
    "genre": ("track", "genre_top"),
    "artist": ("artist", "name"),
    "album": ("album", "title"),
    "title": ("track", "title"),
    "licence": ("track", "license"),
    "subset": ("set", "subset"),
}
_NO_ROW = "tracks.csv has no row for it. Name it in a manifest if you know the genre."
_NO_GENRE = "tracks.csv gives it no top genre. Name it in a manifest if you know the genre."

_GTZAN_FOLDERS = ("genres", "genres_original")
_GTZAN_CLIP = re.compile(r"(?P<genre>\w+)\.\d{5}\.(au|wav)", re.ASCII)

_JAMENDO_HEADER = ["TRACK_ID", "ARTIST_ID", "ALBUM_ID", "PATH", "DURATION", "TAGS"]
_JAMENDO_GENRE = "genre---"
_N_JAMENDO_FIELDS = 5
_AUDIO_FOLDERS = (".", "audio", "../audio", "raw_30s/audio", "../raw_30s/audio")
_NO_TAG = "its tags name no genre. Name it in a manifest if you know the genre."


def list_collection(place: Path, *, by_folders: bool) -> list[Source]:
    """List a folder in the layout of a public collection; empty if it is none.

    ``by_folders`` includes GTZAN, whose genres are names of folders.
    """
    if clips := find_fma(place):
        return list_fma(clips)
    if by_folders and (genres := find_gtzan(place)):
        return list_gtzan(genres)
    table = find_jamendo(place)
    return list_jamendo(table) if table else []


def find_fma(place: Path) -> list[Path]:
    """Return the folders of clips of the Free Music Archive (Defferrard et al., 2017).

    ``place`` holds ``fma_metadata``, or is a folder of clips beside it. The result is empty if it
    is no such collection.
    """
    if place.name in _FMA_SUBSETS and (place.parent / _FMA_TABLE).is_file():
        return [place]
    if not (place / _FMA_TABLE).is_file():
        return []
    return [place / name for name in _FMA_SUBSETS if (place / name).is_dir()]


def list_fma(folders: list[Path]) -> list[Source]:
    """List every track of the subsets and every clip in their folders, sorted by location.

    ``folders`` come from `find_fma`; they and their clips may be links. A track whose file is
    missing is listed where it should be; a clip without a row or a top genre has a
    ``label_fault``.

    Raises
    ------
    UsageError
        If the table cannot be read, or lacks a column.
    """
    rows = dict(_read_fma(folders[0].parent / _FMA_TABLE))
    found = [source for folder in folders for source in _list_clips(folder, rows)]
    return sorted(found, key=lambda source: source.location)


@dataclass(frozen=True, slots=True, kw_only=True)
class _FmaTrack:
    """A row of the table; ``source`` has no location yet."""

    source: Source
    subset: str


def _list_clips(folder: Path, rows: Mapping[int, _FmaTrack]) -> Iterator[Source]:
    clips = {location_of(path) for path in audio_files(folder)}
    for track_id, row in rows.items():
        clip = str(folder / f"{track_id // 1000:03d}" / f"{track_id:06d}.mp3")
        if row.subset in _FMA_SUBSETS[folder.name] or clip in clips:
            yield replace(row.source, location=clip)
            clips.discard(clip)
    yield from (Source(location=clip, genre="", label_fault=_NO_ROW) for clip in clips)


def _read_fma(table: Path) -> Iterator[tuple[int, _FmaTrack]]:
    # Biographies are part of the table; the default limit of 131,072 characters may be too small.
    csv.field_size_limit(sys.maxsize)
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(file)
            places = _find_columns(table, next(lines, []), next(lines, []))
            for line in lines:
                if line and line[0].strip().isdecimal():
                    yield int(line[0]), _to_track(line, places)
    except UnicodeDecodeError as error:
        raise UsageError(f"{table} is not UTF-8. Unpack it again.") from error
    except (csv.Error, IndexError) as error:
        raise UsageError(f"{table} is damaged ({error}). Unpack it again.") from error


def _find_columns(table: Path, groups: list[str], names: list[str]) -> dict[str, int]:
    """Return the index of each field; a third header line, ``track_id``, is skipped later."""
    columns = list(zip(groups, names, strict=False))
    if missing := [".".join(pair) for pair in _FMA_COLUMNS.values() if pair not in columns]:
        raise UsageError(f"{table} lacks the columns {', '.join(missing)}. Unpack it again.")
    return {field: columns.index(pair) for field, pair in _FMA_COLUMNS.items()}


def _to_track(line: list[str], places: Mapping[str, int]) -> _FmaTrack:
    fields: dict[str, Any] = {field: line[place].strip() for field, place in places.items()}
    subset, fault = fields.pop("subset"), "" if fields["genre"] else _NO_GENRE
    return _FmaTrack(source=Source(location="", label_fault=fault, **fields), subset=subset)


def find_gtzan(place: Path) -> list[Path]:
    """Return the folders of genres of GTZAN; empty if it is no such collection.

    ``place`` is ``genres`` or ``genres_original`` itself, or the folder that holds one of them.
    """
    inside = [place / name for name in _GTZAN_FOLDERS]
    return [folder for folder in (place, *inside) if folder.is_dir() and _holds_clips(folder)]


def list_gtzan(folders: list[Path]) -> list[Source]:
    """List the songs of every genre folder, sorted by location; no artist is known.

    A file with another name than a clip's is a song as well; the title is the name of the file.
    """
    found = [
        replace(source, title=Path(source.location).stem)
        for folder in folders
        for source in list_folder(folder)
    ]
    return sorted(found, key=lambda source: source.location)


def _holds_clips(folder: Path) -> bool:
    return any(
        (clip := _GTZAN_CLIP.fullmatch(path.name)) and clip["genre"] == path.parent.name
        for path in folder.glob("*/*.00*.*")
    )


def find_jamendo(place: Path) -> Path | None:
    """Return the table of MTG-Jamendo that a place is, or the only one in it; None if none.

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
    """List the tracks of a table in its order; all genre tags of a track are its labels.

    Its paths begin at its own folder, or at ``audio`` or ``raw_30s/audio`` in or beside that
    folder, wherever the first existing song is. A track without a genre tag has a
    ``label_fault``.

    Raises
    ------
    UsageError
        If the table cannot be read, or a path leads out of its folder.
    """
    lines = list(_read_jamendo(table))
    root = _find_root(table, [line[3] for line in lines])
    return [_to_source(root, line) for line in lines]


def _is_table(path: Path) -> bool:
    if path.suffix.lower() != TABLE_SUFFIX:
        return False
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        return file.readline().rstrip("\r\n").split("\t") == _JAMENDO_HEADER


def _read_jamendo(table: Path) -> Iterator[list[str]]:
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
    if len(line) < _N_JAMENDO_FIELDS or not line[3]:
        raise UsageError(f"{table}, line {number}: no path. Fetch the table again.")
    if Path(line[3]).is_absolute() or ".." in Path(line[3]).parts:
        raise UsageError(f"{table}, line {number}: {line[3]!r} leads out of the collection.")
    return line


def _find_root(table: Path, paths: list[str]) -> Path:
    roots = [(table.parent / folder).resolve() for folder in _AUDIO_FOLDERS]
    held = (root for path in paths for root in roots if (root / path).is_file())
    return next(held, roots[0])


def _to_source(root: Path, line: list[str]) -> Source:
    tags = line[_N_JAMENDO_FIELDS:]
    labels = sorted(t.removeprefix(_JAMENDO_GENRE) for t in tags if t.startswith(_JAMENDO_GENRE))
    return Source(
        location=str(root / line[3]),
        genre=labels[0] if len(labels) == 1 else "",
        artist=line[1],
        labels=tuple(labels) if len(labels) > 1 else (),
        label_fault="" if labels else _NO_TAG,
    )
