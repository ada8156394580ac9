"""The genres that the tags of a file of any kind name."""

from pathlib import Path

from genre_core.errors import GenreflowError
from storage.audio.probe import read_header
from storage.tags.files import TagUnwritable
from storage.tags.formats import read_genres


def read_tag_genres(path: Path) -> tuple[str, ...]:
    """Return the genres of a file's tags, each once; none if it cannot be read.

    A semicolon stands between two genres, as many programs write several.
    """
    if not path.is_file():  # a pipe without a writer would never open
        return ()
    try:
        with path.open("rb") as file:
            values = read_genres(file)
    except (TagUnwritable, OSError):
        values = ()
    parts = (part.strip() for value in values or _read_header(path) for part in value.split(";"))
    return tuple(dict.fromkeys(filter(None, parts)))


def _read_header(path: Path) -> tuple[str, ...]:
    """Return the genres by FFmpeg, which reads more formats, and of some the first genre alone."""
    try:
        return (read_header(path).genre,)
    except GenreflowError:
        return ()
