"""A music library as a folder that holds one folder per genre."""

import logging
from pathlib import Path

from genre_core.errors import UsageError
from genre_core.records import Source

logger = logging.getLogger(__name__)

# fmt: off
AUDIO_SUFFIXES = frozenset((
    ".aac", ".ac3", ".aif", ".aiff", ".alac", ".ape", ".au", ".caf", ".flac",
    ".m4a", ".m4b", ".mka", ".mp2", ".mp3", ".mp4", ".mpc", ".oga", ".ogg",
    ".opus", ".snd", ".tta", ".w64", ".wav", ".weba", ".webm", ".wma", ".wv",
))
# fmt: on


def list_folder(folder: Path) -> list[Source]:
    """List the songs below the genre folders of a library; the folder's name is the genre.

    Parameters
    ----------
    folder : Path
        Files count as songs by their suffix; hidden files and folders are left aside.

    Returns
    -------
    list of Source
        Sorted by location; empty where there is no song.

    Raises
    ------
    UsageError
        If the name of a song is not UTF-8, so that no catalog could hold it.
    """
    genres = [entry for entry in folder.iterdir() if entry.is_dir() and not _is_hidden(entry)]
    sources = [
        Source(location=location_of(song.resolve()), genre=genre.name)
        for genre in genres
        for song in audio_files(genre)
    ]
    loose = [entry.name for entry in folder.iterdir() if entry.is_file() and _is_song(entry)]
    if loose:
        logger.warning("%d songs in %s stand in no genre folder: %s", len(loose), folder, loose[:3])
    return sorted(sources, key=lambda source: source.location)


def audio_files(folder: Path) -> list[Path]:
    """Give the files below a folder that are songs by their suffix, sorted; hidden ones not."""
    found = [path for path in folder.rglob("*") if _is_song(path) and path.is_file()]
    return sorted(path for path in found if not any(map(_is_hidden, _steps(path, folder))))


def _steps(path: Path, genre: Path) -> list[Path]:
    return [Path(part) for part in path.relative_to(genre).parts]


def _is_song(path: Path) -> bool:
    return path.suffix.lower() in AUDIO_SUFFIXES


def _is_hidden(path: Path) -> bool:
    return path.name.startswith(".")


def location_of(song: Path) -> str:
    """Give the path that names a song in the catalog, as text; it must be UTF-8."""
    location = str(song)
    try:
        location.encode("utf-8")
    except UnicodeEncodeError as error:
        message = f"the name of {location!r} is not UTF-8. Rename the file."
        raise UsageError(message) from error
    return location
