"""What a page or a list says of artist, album and title of a song."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from genre_core.records import Source

_ARTIST = ("artist", "artists", "album_artist", "creator", "uploader", "channel")
_TITLE = ("track", "title")
_TOPIC = " - Topic"


def tag_source(source: Source, told: Mapping[str, Any]) -> Source:
    """Give a source artist, album and title; what is known of it already is the stronger."""
    return replace(
        source,
        artist=source.artist or _first(told, _ARTIST).removesuffix(_TOPIC),
        album=source.album or _first(told, ("album",)),
        title=source.title or _first(told, _TITLE),
    )


def _first(told: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return next((text for name in names if (text := _text(told.get(name)))), "")


def _text(field: object) -> str:
    """Give a field as text that a catalog can hold."""
    names = field if isinstance(field, list) else [field]
    text = ", ".join(name for name in names if isinstance(name, str))
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", " ").strip()
