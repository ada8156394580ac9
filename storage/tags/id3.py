"""The genre of an ID3 tag: one frame is exchanged, every other byte of the tag stays.

mutagen writes an ID3v2 tag anew: frames in another order, without those that it cannot parse, and
an ID3v1 tag made of them. It reads the genres here, and the frame is exchanged by the layout of
ID3v2.2, 2.3 and 2.4 (id3.org).
"""

import os
import re
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO

from mutagen.id3 import ID3, TCON, ID3NoHeaderError
from mutagen.id3._util import BitPaddedInt, unsynch

from storage.tags.files import TagUnwritable

HEADER_BYTES = 10
V1_BYTES = 128
NO_GENRE = 255
_UNSYNCHRONISED, _EXTENDED, _FOOTER = 0x80, 0x40, 0x10
_NAME = re.compile(rb"[A-Z][A-Z0-9 ]{2,3}")


@dataclass(frozen=True, slots=True)
class _Layout:
    """How frames of a version begin: their name, then their size, then flags."""

    name: bytes
    header_bytes: int
    size_of: Callable[[bytes], int]


def _plain_size(size: bytes) -> int:
    return int.from_bytes(size, "big")


def _safe_size(size: bytes) -> int:
    return int(BitPaddedInt(size))


# some programs write the sizes of version 2.4 as those of 2.3
_LAYOUTS = {
    2: (_Layout(b"TCO", 6, _plain_size),),
    3: (_Layout(b"TCON", HEADER_BYTES, _plain_size),),
    4: (
        _Layout(b"TCON", HEADER_BYTES, _safe_size),
        _Layout(b"TCON", HEADER_BYTES, _plain_size),
    ),
}


def tag_length(content: bytes) -> int:
    """Length of the ID3v2 tag that a file begins with, its header included; 0 without one."""
    if content[:3] != b"ID3" or len(content) < HEADER_BYTES:
        return 0
    return HEADER_BYTES + _safe_size(content[6:10])


def read_id3(file: BinaryIO) -> list[str]:
    """Return the genres of the ID3v2 tag that a file begins with, numbers as their names."""
    file.seek(0)
    try:
        frame = ID3(file, load_v1=False).get("TCON")
    except ID3NoHeaderError:
        return []
    return [genre for genre in frame.genres if genre] if frame else []


def new_id3(genres: Sequence[str]) -> bytes:
    """Return an ID3v2.4 tag of genres alone."""
    return set_id3(b"ID3\x04\0\0\0\0\0\0", genres)


def set_id3(tag: bytes, genres: Sequence[str]) -> bytes:
    """Return an ID3v2 tag with other genres; padding gives and takes what their length changes.

    Several genres are values of their own, also in the versions before 2.4. Raises
    `TagUnwritable` for a tag whose frames cannot be separated.
    """
    version, flags = tag[3], tag[5]
    if version not in _LAYOUTS or flags & (_EXTENDED | _FOOTER):
        raise TagUnwritable("its ID3 tag is of a kind that is not written (extended header)")
    body = tag[HEADER_BYTES:]
    is_coded = bool(flags & _UNSYNCHRONISED) and version < 4
    plain = _decode(body) if is_coded else body
    layout, frames = _split(plain, version)
    begin = [frame[: len(layout.name)] for frame in frames]
    is_genre = [name == layout.name for name in begin]
    place = is_genre.index(True) if any(is_genre) else len(frames)
    padding = plain[sum(map(len, frames)) :]
    new = [_frame(layout, version, genres)] if genres else []
    kept = [frame for frame, is_one in zip(frames, is_genre, strict=True) if not is_one]
    framed = b"".join([*kept[:place], *new, *kept[place:]])
    growth = len(framed) + len(padding) - len(plain)
    padding = padding[growth:] if growth >= 0 else padding + bytes(-growth)
    body = unsynch.encode(framed + padding) if is_coded else framed + padding
    return tag[:6] + BitPaddedInt.to_str(len(body), width=4) + body


def _decode(body: bytes) -> bytes:
    try:
        plain: bytes = unsynch.decode(body)
    except ValueError as error:
        raise TagUnwritable(f"its ID3 tag is damaged: {error}") from error
    if unsynch.encode(plain) != body:
        raise TagUnwritable("its ID3 tag is unsynchronised in a way that cannot be kept")
    return plain


def _split(body: bytes, version: int) -> tuple[_Layout, list[bytes]]:
    """Return the layout of a tag and its frames, each with its header, without the padding."""
    for layout in _LAYOUTS[version]:
        frames = _frames(body, layout)
        if frames is not None and not any(body[sum(map(len, frames)) :]):
            return layout, frames
    raise TagUnwritable("the frames of its ID3 tag cannot be separated")


def _frames(body: bytes, layout: _Layout) -> list[bytes] | None:
    """Return the frames; None if the bytes do not fit the layout."""
    frames, at, n = [], 0, len(layout.name)
    while at + layout.header_bytes <= len(body) and body[at]:
        name, size = body[at : at + n], body[at + n : at + 2 * n]
        end = at + layout.header_bytes + layout.size_of(size)
        is_safe = layout.size_of is _plain_size or max(size) < 0x80
        if not _NAME.fullmatch(name) or end > len(body) or not is_safe:
            return None
        frames.append(body[at:end])
        at = end
    return frames


def _frame(layout: _Layout, version: int, genres: Sequence[str]) -> bytes:
    """Return a frame of genres: UTF-8 in version 2.4, before it Latin-1 or else UTF-16."""
    text = "\0".join(genres)
    if version == 4:
        data = b"\3" + text.encode()
        size = BitPaddedInt.to_str(len(data), width=4) if layout.size_of is _safe_size else b""
        return layout.name + (size or struct.pack(">I", len(data))) + b"\0\0" + data
    try:
        data = b"\0" + text.encode("latin-1")
    except UnicodeEncodeError:
        data = b"\1" + text.encode("utf-16")
    if version == 2:
        return layout.name + struct.pack(">I", len(data))[1:] + data
    return layout.name + struct.pack(">I", len(data)) + b"\0\0" + data


def read_v1(file: BinaryIO) -> list[str]:
    """Return the genre of the ID3v1 tag that a file ends with, if it has one."""
    file.seek(0, os.SEEK_END)
    file.seek(max(0, file.tell() - V1_BYTES))
    ending = file.read()
    number = ending[-1] if _has_v1(ending) else NO_GENRE
    return [TCON.GENRES[number]] if number < len(TCON.GENRES) else []


def set_v1(content: bytes, genres: Sequence[str]) -> bytes:
    """Return a file whose ID3v1 tag names one of the genres, or, where it has no number, none.

    A file without a genre there stays as it is.
    """
    named = read_v1(BytesIO(content))
    if not named or named[0] in genres:
        return content
    numbers = [TCON.GENRES.index(genre) for genre in genres if genre in TCON.GENRES]
    return content[:-1] + bytes([next(iter(numbers), NO_GENRE)])


def v1_length(content: bytes) -> int:
    """Length of the ID3v1 tag that a file ends with."""
    return V1_BYTES if _has_v1(content) else 0


def _has_v1(content: bytes) -> bool:
    return content[-V1_BYTES : -V1_BYTES + 3] == b"TAG"
