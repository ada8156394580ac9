"""Public collections in the layout in which they are published: FMA, GTZAN, MTG-Jamendo."""

import csv
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from genre_core.errors import UsageError
from genre_core.locations import location_of
from genre_core.records import Source, counted
from storage.sources.folder import audio_files, explain_table, list_folder

TABLE_SUFFIX = ".tsv"

FMA_TABLE = Path("fma_metadata") / "tracks.csv"
# A folder holds the tracks of its own subset and of the smaller ones; "full" is "large" uncut.
_FMA_SUBSETS = {
    "fma_small": ("small",),
    "fma_medium": ("small", "medium"),
    "fma_large": ("small", "medium", "large"),
    "fma_full": ("small", "medium", "large"),
}
FMA_COLUMNS = {
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
_GTZAN_CLIP = re.compile(r"(?P<genre>\w+)\.\d{5}\.\w+", re.ASCII)

_JAMENDO_HEADER = ["TRACK_ID", "ARTIST_ID", "ALBUM_ID", "PATH", "DURATION", "TAGS"]
_JAMENDO_GENRE = "genre---"
_N_JAMENDO_FIELDS = 5
_AUDIO_FOLDERS = (
    *(".", "audio", "../audio", "raw_30s/audio", "../raw_30s/audio"),
    *("audio-low", "../audio-low", "raw_30s/audio-low", "../raw_30s/audio-low"),
)
_NO_TAG = "its tags name no genre. Name it in a manifest if you know the genre."
_LOW_QUALITY = ".low.mp3"  # the end of names in ``audio-low``


def list_collection(place: Path, by_folders: bool) -> list[Source]:
    """List a folder in the layout of a public collection; empty if it is none.

    ``by_folders`` includes GTZAN, whose genres are names of folders.
    """
    if clips := find_fma(place):
        return list_fma(clips)
    if by_folders and (genres := find_gtzan(place)):
        return list_gtzan(genres)
    table = find_jamendo(place)
    return list_jamendo(table) if table else []


def list_inner(place: Path, listed: Sequence[Source]) -> list[Source]:
    """List the public collection whose clips a folder of other genres turned out to hold.

    ``listed`` are its songs by genre folders; the list is empty if they are no such clips. Raises
    `UsageError` for a collection beside other songs, or one whose table is missing.
    """
    for name, (pattern, find, remedy) in _CLIPS.items():
        clips = _find_clips(pattern, listed)
        if not clips:
            continue
        folders = sorted({Path(clip.location).parent.parent for clip in clips})
        shown = (
            f"{place} holds {counted(len(clips), 'clip')} of {name} in {location_of(folders[0])}"
        )
        if n_others := len(listed) - len(clips):
            raise UsageError(
                f"{shown}, and {counted(n_others, 'other song')}. Name one of them alone."
            )
        if found := find(folders):
            return found
        raise UsageError(f"{shown}, whose genres are in its table. {remedy}.")
    return []


def _find_clips(pattern: re.Pattern[str], listed: Sequence[Source]) -> list[Source]:
    """Return the songs of genres that are, for the most part, clips of a collection."""
    clips = [s for s in listed if _is_inner(pattern.search(s.location), s)]
    n_songs, n_clips = (Counter(s.genre for s in songs) for songs in (listed, clips))
    return [clip for clip in clips if n_clips[clip.genre] > n_songs[clip.genre] / 2]


def _is_inner(clip: re.Match[str] | None, source: Source) -> bool:
    """Whether a song is a clip of a collection, whose genre is not named by its folder."""
    return clip is not None and source.genre != clip.groupdict().get("genre")


def _list_fma_of(folders: list[Path]) -> list[Source]:
    return list_fma(found) if (found := [f for each in folders for f in find_fma(each)]) else []


def _list_jamendo_of(folders: list[Path]) -> list[Source]:
    places = [
        each for each in (folders[0], *folders[0].parents[:2]) for each in (each, each / "data")
    ]
    tables = (table for each in places if each.is_dir() and (table := find_jamendo(each)))
    table = next(tables, None)
    return list_jamendo(table) if table else []


def find_fma(place: Path) -> list[Path]:
    """Return the folders of clips of the Free Music Archive (Defferrard et al., 2017), if any.

    ``place`` holds ``fma_metadata``, or is a folder of clips beside it.
    """
    if place.name in _FMA_SUBSETS and (place.parent / FMA_TABLE).is_file():
        return [place]
    if not (place / FMA_TABLE).is_file():
        return []
    return [place / name for name in _FMA_SUBSETS if (place / name).is_dir()]


def list_fma(folders: list[Path]) -> list[Source]:
    """List every track of the subsets and every clip in their folders, sorted by location.

    A track whose file is missing is listed where it should be; a clip without a row or a top genre
    has a ``label_fault``.
    """
    rows = dict(_read_fma(folders[0].parent / FMA_TABLE))
    found = [source for folder in folders for source in _list_clips(folder, rows)]
    return sorted(found, key=lambda source: source.location)


def _list_clips(folder: Path, rows: Mapping[int, tuple[str, Source]]) -> Iterator[Source]:
    clips = {location_of(path) for path in audio_files(folder)}
    for track_id, (subset, source) in rows.items():
        clip = location_of(folder / f"{track_id // 1000:03d}" / f"{track_id:06d}.mp3")
        if subset in _FMA_SUBSETS[folder.name] or clip in clips:
            yield replace(source, location=clip)
            clips.discard(clip)
    yield from (Source(location=clip, genre="", label_fault=_NO_ROW) for clip in clips)


def _read_fma(table: Path) -> Iterator[tuple[int, tuple[str, Source]]]:
    """Yield the rows by their track number: the subset, and the source without its location."""
    for track_id, read in read_fma_rows(table, FMA_COLUMNS):
        fields: dict[str, Any] = {**read}
        subset, fault = fields.pop("subset"), "" if fields["genre"] else _NO_GENRE
        yield track_id, (subset, Source(location="", label_fault=fault, **fields))


def read_fma_rows(
    table: Path, columns: Mapping[str, tuple[str, str]]
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the number of each track of ``tracks.csv``, and some of its columns by our names."""
    # Biographies are part of the table; the default limit of 131,072 characters may be too small.
    csv.field_size_limit(sys.maxsize)
    with (
        explain_table(table, "Unpack it again."),
        table.open(encoding="utf-8-sig", newline="") as f,
    ):
        rows = csv.reader(f)
        there = list(zip(next(rows, []), next(rows, []), strict=False))
        if missing := [".".join(pair) for pair in columns.values() if pair not in there]:
            raise UsageError(f"{table} lacks the columns {', '.join(missing)}. Unpack it again.")
        places = {field: there.index(pair) for field, pair in columns.items()}
        for row in rows:
            if row and row[0].strip().isdecimal():  # a third header has "track_id"
                yield int(row[0]), {key: row[at].strip() for key, at in places.items()}


def find_gtzan(place: Path) -> list[Path]:
    """Return the folders of genres of GTZAN that a place is or holds, if any."""
    inside = [place / name for name in _GTZAN_FOLDERS]
    return [folder for folder in (place, *inside) if folder.is_dir() and _holds_clips(folder)]


def list_gtzan(folders: list[Path]) -> list[Source]:
    """List the songs of every genre folder, sorted by location; titles are names of files."""
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

    Of several tables one must be named: subsets and splits share songs.
    """
    if place.is_file():
        return place if _is_table(place) else None
    tables = [path for path in sorted(place.glob(f"*{TABLE_SUFFIX}")) if _is_table(path)]
    if len(tables) > 1:
        names = ", ".join(table.name for table in tables)
        raise UsageError(f"{place} holds several tables of songs: {names}. Name one of them.")
    return tables[0] if tables else None


def list_jamendo(table: Path, places: Sequence[Path] = ()) -> list[Source]:
    """List the tracks of a table in its order; all genre tags of a track are its labels.

    Its paths begin at one of ``places``, by default its own folder, or at ``audio`` or
    ``raw_30s/audio`` in or beside it, wherever the first existing song is. A track without a genre
    tag has a ``label_fault``.
    """
    rows = list(_read_jamendo(table))
    roots = [
        (place / folder).resolve()
        for place in places or (table.parent,)
        for folder in _AUDIO_FOLDERS
    ]
    forms = [(root, suffix) for root in roots for suffix in (".mp3", _LOW_QUALITY)]
    held = (form for row in rows for form in forms if _clip(*form, row).is_file())
    form = next(held, forms[0])
    return [_to_source(_clip(*form, row), row) for row in rows]


def _clip(root: Path, suffix: str, row: list[str]) -> Path:
    name = row[3]
    return root / (f"{name.removesuffix('.mp3')}{suffix}" if name.endswith(".mp3") else name)


def _is_table(path: Path) -> bool:
    if path.suffix.lower() != TABLE_SUFFIX:
        return False
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        return file.readline().rstrip("\r\n").split("\t") == _JAMENDO_HEADER


def _read_jamendo(table: Path) -> Iterator[list[str]]:
    again = "Fetch the table again."
    with explain_table(table, again), table.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        next(rows)
        for row in filter(None, rows):
            place = f"{table}, line {rows.line_num}"
            if len(row) < _N_JAMENDO_FIELDS or not row[3]:
                raise UsageError(f"{place}: no path. {again}")
            if Path(row[3]).is_absolute() or ".." in Path(row[3]).parts:
                raise UsageError(f"{place}: {row[3]!r} leads out of the collection.")
            yield row


def _to_source(clip: Path, row: list[str]) -> Source:
    tags = row[_N_JAMENDO_FIELDS:]
    labels = sorted(t.removeprefix(_JAMENDO_GENRE) for t in tags if t.startswith(_JAMENDO_GENRE))
    return Source(
        location=location_of(clip),
        genre=labels[0] if len(labels) == 1 else "",
        artist=row[1],
        labels=tuple(labels) if len(labels) > 1 else (),
        label_fault="" if labels else _NO_TAG,
    )


# How the clips of collections are named: by their genre, or by numbers in folders of numbers.
_CLIPS: dict[str, tuple[re.Pattern[str], Callable[[list[Path]], list[Source]], str]] = {
    "GTZAN": (
        re.compile(r"/(?P<genre>\w+)/(?P=genre)\.\d{5}\.\w+$", re.ASCII),
        list_gtzan,
        "",
    ),
    "the Free Music Archive (FMA)": (
        re.compile(r"/(\d{3})/\1\d{3}\.\w+$", re.ASCII),
        _list_fma_of,
        "Unpack fma_metadata.zip beside that folder",
    ),
    "MTG-Jamendo": (
        re.compile(r"/(\d{2})/\d+\1(\.low)?\.mp3$", re.ASCII),
        _list_jamendo_of,
        "Name the table, such as autotagging_genre.tsv, that lies beside or above that folder",
    ),
}
