"""The genres that the tags of a file name, all of them: FFmpeg reads the first of ID3 and MP4."""

from collections.abc import Iterable
from pathlib import Path

import mutagen

from genre_core.errors import GenreflowError
from storage.audio.probe import read_header

_KEYS = ("genre", "\xa9gen", "wm/genre")


def read_tag_genres(path: Path) -> tuple[str, ...]:
    """Return the genres of a file's tags, each once; none if it cannot be read.

    A semicolon stands between two genres, as many programs write several.
    """
    values = _read_mutagen(path) or _read_ffmpeg(path)
    parts = (part.strip() for value in values for part in value.split(";"))
    return tuple(dict.fromkeys(filter(None, parts)))


def _read_mutagen(path: Path) -> list[str]:
    try:
        file = mutagen.File(path)
    except (mutagen.MutagenError, OSError, ValueError, LookupError, TypeError, OverflowError):
        return []  # a damaged tag
    tags = file.tags if file is not None else None
    if not tags:
        return []
    names = {key.casefold(): key for key in tags.keys()}  # noqa: SIM118 - some have pairs
    if "tcon" in names:
        return list(tags["TCON"].genres)
    found: Iterable[object] = next((tags[names[key]] for key in _KEYS if key in names), ())
    return [str(value) for value in found]


def _read_ffmpeg(path: Path) -> list[str]:
    try:
        return [read_header(path).genre]
    except GenreflowError:
        return []
