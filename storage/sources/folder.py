"""A music library as a folder: one folder per genre, or of any shape without genres."""

import csv
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from genre_core.errors import UsageError
from genre_core.records import Source

logger = logging.getLogger(__name__)

_LOOSE = "it is in no genre folder. Move it into one, or ingest it with --unlabelled."

# fmt: off
AUDIO_SUFFIXES = frozenset((
    ".aac", ".ac3", ".aif", ".aiff", ".alac", ".ape", ".au", ".caf", ".flac",
    ".m4a", ".m4b", ".mka", ".mp2", ".mp3", ".mp4", ".mpc", ".oga", ".ogg",
    ".opus", ".snd", ".tta", ".w64", ".wav", ".weba", ".webm", ".wma", ".wv",
))
# fmt: on


def list_folder(folder: Path) -> list[Source]:
    """List the songs below the genre folders of a library, sorted by location.

    Files count as songs by their suffix, hidden files and folders do not; a link that leads
    nowhere is listed. A song outside the genre folders has a ``label_fault``.
    """
    entries = [entry for entry in folder.iterdir() if not _is_hidden(entry)]
    songs = [
        (song, entry.name) for entry in entries if entry.is_dir() for song in audio_files(entry)
    ]
    loose = [(entry, "") for entry in entries if _is_song(entry) and not entry.is_dir()]
    sources = [
        Source(location=_locate(song), genre=genre, label_fault="" if genre else _LOOSE)
        for song, genre in songs + loose
    ]
    return sorted(sources, key=lambda source: source.location)


def list_songs(folder: Path) -> list[Source]:
    """List the songs of a folder of any shape, sorted by location and unlabelled."""
    locations = {_locate(song) for song in audio_files(folder)}
    return [Source(location=name, genre="", is_unlabelled=True) for name in sorted(locations)]


def audio_files(folder: Path) -> list[Path]:
    """Return the files below a folder that are songs by their suffix, sorted; hidden ones not.

    Links to folders are followed, each folder once; a folder that may not be read is logged.
    """
    return sorted(
        path
        for inside, names in _walk(folder)
        for path in (inside / name for name in names)
        if _is_song(path) and not _is_hidden(path)
    )


def _walk(folder: Path) -> Iterator[tuple[Path, list[str]]]:
    """Yield every folder that is not hidden with its files, each once whatever links lead to it."""
    seen: set[tuple[int, int]] = set()
    for inside, folders, files in os.walk(folder, onerror=_warn_of_closed, followlinks=True):
        here = Path(inside).stat()
        if (here.st_dev, here.st_ino) in seen:
            folders.clear()
            continue
        seen.add((here.st_dev, here.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield Path(inside), files


def _warn_of_closed(error: OSError) -> None:
    logger.warning("%s cannot be read: %s. Its songs are missing.", error.filename, error.strerror)


def _is_song(path: Path) -> bool:
    return path.suffix.lower() in AUDIO_SUFFIXES


def _is_hidden(path: Path) -> bool:
    return path.name.startswith(".")


def _locate(song: Path) -> str:
    """Follow links; circular ones, which ``Path.resolve`` refuses, stay as they are."""
    return location_of(Path(os.path.realpath(song)))


def location_of(song: Path) -> str:
    """Return the path that names a song in the catalog, as text.

    No catalog could hold a name that is not UTF-8: it is written with escapes, under which no
    file is found.
    """
    location = str(song)
    if not is_unicode(location):
        logger.warning("the name of %r is not UTF-8. Rename the file.", location)
    return location.encode("utf-8", "backslashreplace").decode()


@contextmanager
def explain_table(table: Path, hint: str) -> Iterator[None]:
    """Turn the errors of a damaged table of songs into a `UsageError` with a hint."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise UsageError(f"{table} is not UTF-8. {hint}") from error
    except (csv.Error, IndexError) as error:
        raise UsageError(f"{table} is no well-formed table ({error}). {hint}") from error


def is_unicode(text: str) -> bool:
    """Whether a text can be written as UTF-8."""
    return not any("\ud800" <= character <= "\udfff" for character in text)
