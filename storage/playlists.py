"""Playlists in M3U8: UTF-8 text, a song a line, that every player reads.

A playlist of ours holds a digest of its text, so that one that somebody else made, or has changed
since, is never overwritten.
"""

import hashlib
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from genre_core.errors import UsageError
from genre_core.locations import is_unicode, path_of
from storage.catalog.library import LibrarySong
from storage.files import write_bytes
from storage.home import DataLayout

SUFFIX = ".m3u8"
_MARK = "#GENREFLOW:"
_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')  # in names of files, on any system
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_MAX_NAME_BYTES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A song of a playlist, and the file that is played."""

    song: LibrarySong
    file: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The playlists of a folder: those of the genres, and those that stay as they were.

    ``kept`` were made or changed by others; ``stale`` are ours, of genres without a song now.
    """

    paths: tuple[Path, ...]
    kept: tuple[Path, ...]
    stale: tuple[Path, ...]


def find_file(layout: DataLayout, song: LibrarySong) -> Path | None:
    """Return the user's file of a song, or our copy of one that was fetched; None if it is gone.

    A name that M3U8 cannot hold counts as gone: bytes that are not UTF-8, line breaks.
    """
    if song.source.startswith("/"):
        found: Path | None = Path(path_of(song.source))
    else:
        found = next(layout.song(song.track_id, "").parent.glob(f"{song.track_id}.*"), None)
    is_written = found is not None and is_unicode(str(found)) and str(found).isprintable()
    return found if is_written and found is not None and found.is_file() else None


def format_playlist(name: str, entries: Iterable[Entry], folder: Path | None) -> str:
    """Return the text of a playlist.

    Songs are named from ``folder``, where the playlist will be, if both are below a common folder;
    otherwise, and without a folder, by their absolute paths.
    """
    lines = ["#EXTM3U", f"#PLAYLIST:{_one_line(name)}"]
    for entry in entries:
        song = entry.song
        title = song.title or entry.file.stem
        shown = f"{song.artist} - {title}" if song.artist else title
        lines += [f"#EXTINF:{round(song.duration_s)},{_one_line(shown)}", _name(entry.file, folder)]
    return "\n".join(lines) + "\n"


def write_playlists(folder: Path, genres: Mapping[str, Sequence[Entry]]) -> Written:
    """Write a playlist for each genre into a folder, which is made if it is missing.

    A file that was not written here, or was changed since, stays. Raises `UsageError` if the folder
    is none.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is no folder. Name the folder that the playlists go into.")
    folder.mkdir(parents=True, exist_ok=True)
    written, kept = [], []
    for genre, path in zip(genres, _name_files(folder, list(genres)), strict=True):
        if os.path.lexists(path) and not is_ours(path):
            kept.append(path)
            continue
        text = format_playlist(genre, genres[genre], folder)
        content = f"{text}{_MARK}{_digest(text)}\n".encode()
        if not path.exists() or path.read_bytes() != content:
            write_bytes(path, content)
        written.append(path)
    others = (path for path in sorted(folder.glob(f"*{SUFFIX}")) if path not in [*written, *kept])
    return Written(paths=tuple(written), kept=tuple(kept), stale=tuple(filter(is_ours, others)))


def is_ours(path: Path) -> bool:
    """Whether a playlist was written here, and nobody has changed it since."""
    if path.is_symlink() or not path.is_file():
        return False
    text, mark, digest = path.read_text("utf-8", errors="replace").rpartition(_MARK)
    return bool(mark) and digest.strip() == _digest(text)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _name(file: Path, folder: Path | None) -> str:
    if folder is None:
        return str(file)
    real, base = os.path.realpath(file), os.path.realpath(folder)
    if os.path.commonpath([real, base]) == "/":
        return str(file)
    name = os.path.relpath(real, base)
    return f"./{name}" if name.startswith("#") else name


def _name_files(folder: Path, genres: Sequence[str]) -> list[Path]:
    """Return a path for each genre, none like another one on systems that ignore case."""
    taken: set[str] = set()
    paths = []
    for genre in genres:
        stem = _UNSAFE.sub("-", genre).strip(" .") or "-"
        stem = stem.encode()[:_MAX_NAME_BYTES].decode(errors="ignore")
        stem = f"{stem}-" if _RESERVED.fullmatch(stem) else stem
        name, n = stem, 1
        while name.casefold() in taken:
            n += 1
            name = f"{stem} ({n})"
        taken.add(name.casefold())
        paths.append(folder / f"{name}{SUFFIX}")
    return paths
