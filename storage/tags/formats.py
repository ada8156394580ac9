"""The genres of a file in any format: what its tags name, and the file with other genres.

A file may have several tags. The genre is written into the main one of its format, and into the
others as far as they name a genre already, so that they do not contradict each other.
"""

import struct
from collections.abc import Callable, Iterable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import mutagen
from mutagen._vorbis import VComment
from mutagen.aiff import AIFF, AIFFFile
from mutagen.apev2 import APEv2File
from mutagen.asf import ASF
from mutagen.flac import FLAC
from mutagen.id3 import ID3FileType
from mutagen.monkeysaudio import MonkeysAudio
from mutagen.mp4 import MP4
from mutagen.musepack import Musepack
from mutagen.oggflac import OggFLAC
from mutagen.oggopus import OggOpus
from mutagen.oggspeex import OggSpeex
from mutagen.oggvorbis import OggVorbis
from mutagen.tak import TAK
from mutagen.wave import WAVE, _WaveFile
from mutagen.wavpack import WavPack

from storage.tags.ape import has_ape, read_ape, set_ape
from storage.tags.files import TagUnwritable
from storage.tags.id3 import (
    new_id3,
    read_id3,
    read_v1,
    set_id3,
    set_v1,
    tag_length,
)

GENRE_KEYS = {
    **dict.fromkeys((FLAC, OggVorbis, OggOpus, OggFLAC, OggSpeex), "genre"),
    MP4: "\xa9gen",
    ASF: "WM/Genre",
}
"""Formats that mutagen writes: all other values stay, in their order or by their name."""
APE_FORMATS = (WavPack, MonkeysAudio, Musepack, TAK, APEv2File)
DAMAGE = (
    *(mutagen.MutagenError, struct.error, EOFError, ValueError, LookupError, TypeError),
    *(OverflowError, AssertionError, AttributeError),
)
"""What mutagen raises for damaged files."""
_NOT_UTF8 = "\ufffd"
Result = TypeVar("Result")


class _Named(BytesIO):
    """A file in memory with a name: formats without a mark are known by it."""

    def __init__(self, content: bytes, name: str) -> None:
        super().__init__(content)
        self.name = name


def read_genres(file: BinaryIO) -> tuple[str, ...]:
    """Return the genres that the tags of an open file name, each once.

    Raises `TagUnwritable` if the format has no tags that can be written, or they are damaged.
    """
    return _explained(lambda: _read(file))


def write_genres(content: bytes, name: str, genres: Sequence[str]) -> bytes:
    """Return a file with other genres in its tags, each a value of its own; none removes them.

    ``name`` is that of the file. Raises `TagUnwritable` if that cannot be done without a loss.
    """
    changed = _explained(lambda: _write(content, name, list(genres)))
    if list(read_genres(_Named(changed, name))) != list(genres):
        named = ", ".join(genres)
        raise TagUnwritable(f"its tags would not be read as {named or 'without a genre'}")
    return changed


def _explained(work: Callable[[], Result]) -> Result:
    """Turn what mutagen raises for a damaged file into `TagUnwritable`."""
    try:
        return work()
    except TagUnwritable:
        raise
    except DAMAGE as error:
        raise TagUnwritable(f"its tags cannot be read: {error or type(error).__name__}") from error


def _open(content: BinaryIO) -> Any:  # noqa: ANN401 - half of mutagen has no types
    content.seek(0)
    file = mutagen.File(content)
    known = (ID3FileType, WAVE, AIFF, *APE_FORMATS, *GENRE_KEYS)
    if not isinstance(file, known):
        suffix = Path(content.name).suffix.lower() or "without a suffix"
        raise TagUnwritable(f"files {suffix} have no tags that genreflow writes")
    return file


def _read(content: BinaryIO) -> tuple[str, ...]:
    file = _open(content)
    if key := _key_of(file):
        found = [str(value) for value in (file.tags or {}).get(key, ())]
    elif isinstance(file, WAVE | AIFF):
        found = _read_chunks(content, file)
    else:
        found = [*read_id3(content), *read_ape(content)] or read_v1(content)
    return tuple(dict.fromkeys(filter(None, found)))


def _write(content: bytes, name: str, genres: list[str]) -> bytes:
    file = _open(_Named(content, name))
    if key := _key_of(file):
        return _save(file, key, _Named(content, name), genres)
    if isinstance(file, WAVE | AIFF):
        return _set_chunks(content, file, genres)
    if isinstance(file, APE_FORMATS):
        return set_v1(set_ape(content, genres), genres)
    return _set_mpeg(content, genres)


def _key_of(file: mutagen.FileType) -> str:
    return next((key for kind, key in GENRE_KEYS.items() if isinstance(file, kind)), "")


def _save(file: Any, key: str, content: _Named, genres: list[str]) -> bytes:  # noqa: ANN401
    """Let mutagen write the genres; the padding stays as large as it can."""
    if file.tags is None:
        file.add_tags()
    if isinstance(file.tags, VComment) and any(_NOT_UTF8 in value for _, value in file.tags):
        raise TagUnwritable("a comment of it is not UTF-8, and would be lost")
    if genres:
        file.tags[key] = genres
    elif key in file.tags:
        del file.tags[key]
    content.seek(0)
    file.save(content, padding=lambda info: max(info.padding, 0))
    return content.getvalue()


def _set_mpeg(content: bytes, genres: list[str]) -> bytes:
    """Return an mp3, or what else begins with an ID3v2 tag, with other genres."""
    length = tag_length(content)
    tag, rest = content[:length], content[length:]
    if read_ape(BytesIO(rest)) or (has_ape(rest) and not tag):
        rest = set_ape(rest, genres)
        if not tag:
            return set_v1(rest, genres)
    if tag:
        tag = set_id3(tag, genres)
    elif genres:
        tag = new_id3(genres)
    return set_v1(tag + rest, genres)


def _read_chunks(content: BinaryIO, file: WAVE | AIFF) -> list[str]:
    """Return the genres of the chunk with an ID3 tag, and of the list of a RIFF file."""
    tag = _id3_chunk(content, file)
    return [
        *(read_id3(BytesIO(tag.read())) if tag else ()),
        *(_text(chunk.read()) for chunk in _info_genres(content, file)),
    ]


def _set_chunks(content: bytes, file: WAVE | AIFF, genres: list[str]) -> bytes:
    made = BytesIO(content)
    for chunk in _info_genres(made, file):
        if genres and _text(chunk.read()) not in genres:
            value = genres[0].encode() + b"\0"
            chunk.resize(len(value))
            chunk.write(value)
    if tag := _id3_chunk(made, file):
        changed = set_id3(tag.read(), genres)
        tag.resize(len(changed))
        tag.write(changed)
    elif genres:
        _container(made, file).root.insert_chunk(_chunk_name(file), new_id3(genres))
    return made.getvalue()


def _container(content: BinaryIO, file: WAVE | AIFF) -> "_WaveFile | AIFFFile":
    return _WaveFile(content) if isinstance(file, WAVE) else AIFFFile(content)


def _chunk_name(file: WAVE | AIFF) -> str:
    return "id3" if isinstance(file, WAVE) else "ID3"


def _id3_chunk(content: BinaryIO, file: WAVE | AIFF) -> Any:  # noqa: ANN401
    """Return the chunk with the ID3 tag of a file; None without one."""
    container, name = _container(content, file), _chunk_name(file)
    return container[name] if name in container else None  # noqa: SIM401 - it has no `get`


def _info_genres(content: BinaryIO, file: WAVE | AIFF) -> Iterable[Any]:
    """Yield the genres in the ``INFO`` lists of a RIFF file, as chunks."""
    if isinstance(file, WAVE):
        for chunk in _container(content, file).root.subchunks():
            if chunk.id == "LIST" and chunk.name == "INFO":
                yield from (part for part in chunk.subchunks() if part.id == "IGNR")


def _text(value: bytes) -> str:
    value = value.split(b"\0", 1)[0]
    try:
        return value.decode().strip()
    except UnicodeDecodeError:
        return value.decode("latin-1").strip()
