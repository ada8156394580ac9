"""A music library as a folder: one folder per genre, or of any shape without genres."""

import csv
import logging
import os
import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from genre_core.errors import UsageError
from genre_core.locations import escape_text, is_unicode, location_of
from genre_core.records import Source
from storage.home import DataLayout

logger = logging.getLogger(__name__)

_LOOSE = "it is in no genre folder. Move it into one, or ingest it with --unlabelled."
_NO_GENRE = "the name of its genre folder, {}, is not UTF-8. Rename it."

# fmt: off
AUDIO_SUFFIXES = frozenset((
    ".3g2", ".3gp", ".aac", ".ac3", ".aif", ".aifc", ".aiff", ".alac", ".amr", ".ape", ".asf",
    ".au", ".avi", ".bwf", ".caf", ".dsf", ".dts", ".eac3", ".ec3", ".f4a", ".flac", ".flv",
    ".m2a", ".m4a", ".m4b", ".m4r", ".m4v", ".mka", ".mkv", ".mlp", ".mov", ".mp1", ".mp2",
    ".mp3", ".mp4", ".mpa", ".mpc", ".mpeg", ".mpg", ".mpga", ".oga", ".ogg", ".ogv", ".ogx",
    ".opus", ".rf64", ".snd", ".spx", ".tak", ".thd", ".truehd", ".ts", ".tta", ".vob", ".w64",
    ".wav", ".wave", ".weba", ".webm", ".wma", ".wmv", ".wv",
))
# fmt: on
# Folders of file systems, NAS and archivers: recycle bins, snapshots, thumbnails.
_SYSTEM_FOLDER = re.compile(
    r"[#@]recycle|\$recycle\.bin|recycle[rd]|system volume information|lost\+found|found\.\d{3}"
    r"|@eadir|@tmp|@__thumb|[#@](recently-)?snapshots?|@share(snap|bin)|__macosx"
    r"|network trash folder|temporary items",
    re.IGNORECASE,
)
# "...And You Will Know Us" and ".38 Special" are names of artists
_HIDDEN = re.compile(r"\.(?!\d|\.\.)")
_MAX_SHOWN = 3
_MAX_KINDS = 10
_FILES = "files "


class PassedOver:
    """What a walk below a folder leaves out, by kind, for one line of the log."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._names: dict[str, list[str]] = defaultdict(list)

    def note(self, kind: str, path: Path) -> None:
        """Count a file or folder."""
        self._names[kind].append(location_of(path.relative_to(self.root)))

    def log(self) -> None:
        """Log how many of each kind there were, and the first of them.

        Suffixes beyond the most frequent ones are counted together.
        """
        suffixes = sorted(kind for kind in self._names if kind.startswith(_FILES))
        shown = sorted(suffixes, key=lambda kind: -len(self._names[kind]))[:_MAX_KINDS]
        kinds = sorted({*shown, *self._names.keys() - set(suffixes)})
        lines = [_count_kind(kind, self._names[kind]) for kind in kinds]
        if n_more := len(suffixes) - len(shown):
            n_files = sum(len(self._names[kind]) for kind in suffixes if kind not in shown)
            lines.append(f"{n_more} more suffixes: {n_files}")
        if lines:
            logger.warning("passed over in %s: %s", location_of(self.root), "; ".join(lines))


def _count_kind(kind: str, names: list[str]) -> str:
    more = ", …" if len(names) > _MAX_SHOWN else ""
    return f"{kind}: {len(names)} ({', '.join(sorted(names)[:_MAX_SHOWN])}{more})"


def list_folder(folder: Path) -> list[Source]:
    """List the songs below the genre folders of a library, sorted by location.

    Files count as songs by their suffix; a link that leads nowhere is listed. Hidden and system
    folders are passed over, homes of genreflow, and links that lead up. A song outside the genre
    folders has a ``label_fault``.
    """
    passed = PassedOver(folder)
    songs, loose = [], []
    for entry in folder.iterdir():
        if entry.is_dir():
            genre, fault = _name_genre(entry)
            inside = _walk_songs(entry, passed) if _is_entered(entry, passed) else ()
            places = [location_of(real) for _, real in inside]
            songs += [
                Source(location=place, genre=genre, label_fault=fault, source_id=place)
                for place in places
            ]
        elif _is_song(entry, passed):
            location = location_of(os.path.realpath(entry))
            loose.append(Source(location=location, genre="", label_fault=_LOOSE))
    passed.log()
    return sorted(songs + loose, key=lambda source: source.location)


def _name_genre(folder: Path) -> tuple[str, str]:
    """Return the genre of the songs of a genre folder, and why they have none."""
    if is_unicode(folder.name):
        return folder.name, ""
    return "", _NO_GENRE.format(escape_text(folder.name))


def list_songs(folder: Path) -> list[Source]:
    """List the songs of a folder of any shape, sorted by location and unlabelled."""
    passed = PassedOver(folder)
    locations = {location_of(real) for _, real in _walk_songs(folder, passed)}
    passed.log()
    return [
        Source(location=place, genre="", is_unlabelled=True, source_id=place)
        for place in sorted(locations)
    ]


def audio_files(folder: Path) -> list[Path]:
    """Return the songs below a folder, sorted; what is passed over is logged."""
    passed = PassedOver(folder)
    songs = sorted(find_songs(folder, passed))
    passed.log()
    return songs


def find_songs(folder: Path, passed: PassedOver) -> Iterator[Path]:
    """Yield the files below a folder that are songs by their suffix.

    Links to folders are followed, each folder once; a folder that may not be read is logged.
    """
    return (Path(song) for song, _ in _walk_songs(folder, passed))


def _walk_songs(folder: Path, passed: PassedOver) -> Iterator[tuple[str, str]]:
    """Yield the path of each song and where it is with links resolved, by few calls of the system.

    Circular links, which ``Path.resolve`` refuses, stay as they are.
    """
    seen: set[str] = set()
    waiting = [(str(folder), os.path.realpath(folder))]
    while waiting:
        inside, real = waiting.pop()
        if real in seen:
            continue
        seen.add(real)
        for entry in _scan(inside):
            is_folder = _is_folder(entry)
            if not (_is_entered(Path(entry), passed) if is_folder else _is_song(entry, passed)):
                continue
            place = f"{real.rstrip('/')}/{entry.name}"
            found = (entry.path, os.path.realpath(entry) if entry.is_symlink() else place)
            if is_folder:
                waiting.append(found)
            else:
                yield found


def _scan(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        _warn_of_closed(error)
        return []


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _warn_of_closed(error: OSError) -> None:
    place = escape_text(error.filename)
    logger.warning("%s cannot be read: %s. Its songs are missing.", place, error.strerror)


def _is_entered(folder: Path, passed: PassedOver) -> bool:
    """Whether the songs of a folder count; otherwise it is noted."""
    if _HIDDEN.match(folder.name):
        passed.note("hidden", folder)
    elif _SYSTEM_FOLDER.fullmatch(folder.name):
        passed.note("system folders", folder)
    elif _is_of_home(folder):
        passed.note("folders of genreflow", folder)
    elif _leads_up(folder, passed.root):
        passed.note("links that lead up", folder)
    else:
        return True
    return False


def _is_of_home(folder: Path) -> bool:
    """Whether a folder is a home of genreflow, or one that a home keeps its own files in."""
    if DataLayout(folder).catalog.is_file():
        return True
    holder = DataLayout(folder.parent)
    return folder in holder.places and holder.catalog.is_file()


def _leads_up(folder: Path, root: Path) -> bool:
    """Whether a link leads to a folder that holds the link itself, or the library."""
    if not folder.is_symlink():
        return False
    target = os.path.realpath(folder)
    holders = (os.path.realpath(folder.parent), os.path.realpath(root))
    return any(Path(holder).is_relative_to(target) for holder in holders)


def _is_song(entry: os.DirEntry[str] | Path, passed: PassedOver) -> bool:
    """Whether a file is a song by its name; otherwise it is noted."""
    name = entry.name
    place = name.rfind(".")
    suffix = name[place:].lower() if 0 < place < len(name) - 1 else ""  # as `Path.suffix`
    if _HIDDEN.match(name):
        passed.note("hidden", Path(entry))
    elif suffix not in AUDIO_SUFFIXES:
        passed.note(f"{_FILES}{escape_text(suffix) or 'without a suffix'}", Path(entry))
    else:
        return True
    return False


@contextmanager
def explain_table(table: Path, hint: str) -> Iterator[None]:
    """Turn the errors of a damaged table of songs into a `UsageError` with a hint."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise UsageError(f"{table}{_undecodable_line(table)} is not UTF-8. {hint}") from error
    except (csv.Error, IndexError) as error:
        raise UsageError(f"{table} is no well-formed table ({error}). {hint}") from error


def _undecodable_line(table: Path) -> str:
    """Name the first line of a text that is not UTF-8; empty if there is none."""
    with table.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return f", line {number},"
    return ""
