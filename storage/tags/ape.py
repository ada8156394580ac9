"""The genre of an APEv2 tag: one item is exchanged, every other byte of the tag stays.

mutagen writes the items in another order and drops an ID3v1 tag beside; it finds the tag here.
"""

import re
import struct
from collections.abc import Sequence
from io import BytesIO
from typing import BinaryIO

from mutagen.apev2 import APENoHeaderError, APEv2, _APEv2Data

from storage.tags.files import TagUnwritable
from storage.tags.id3 import v1_length

KEY = "Genre"
_EDGE_BYTES = 32
_HAS_HEADER, _IS_HEADER = 1 << 31, 1 << 29
_KEY = re.compile(rb"[\x20-\x7e]{2,255}\0")


def has_ape(content: bytes) -> bool:
    """Whether a file has an APE tag."""
    return _APEv2Data(BytesIO(content)).start is not None


def read_ape(file: BinaryIO) -> list[str]:
    """Return the genres of the APE tag of a file; none without one."""
    try:
        tags = APEv2(file)
    except APENoHeaderError:
        return []
    return [genre for genre in tags[KEY] if genre] if KEY in tags else []


def set_ape(content: bytes, genres: Sequence[str]) -> bytes:
    """Return a file with other genres in its APE tag, or in a new one before the ID3v1 tag.

    Raises `TagUnwritable` for a tag that is damaged.
    """
    found = _APEv2Data(BytesIO(content))
    if found.start is None:
        at = len(content) - v1_length(content)
        return content[:at] + _tag([_item(genres)]) + content[at:]
    if found.footer is None or found.tag is None or found.start != found.header:
        raise TagUnwritable("its APE tag is damaged")
    items = _split(found.tag, found.items)
    is_genre = [item[8:].split(b"\0", 1)[0].lower() == KEY.lower().encode() for item in items]
    place = is_genre.index(True) if any(is_genre) else len(items)
    kept = [item for item, is_one in zip(items, is_genre, strict=True) if not is_one]
    new = [*kept[:place], *([_item(genres)] if genres else []), *kept[place:]]
    edges = [content[found.footer : found.end]]
    if found.data != found.header:
        edges.insert(0, content[found.header : found.data])
    edges = [_resize(edge, new) for edge in edges]
    tag = b"".join([*edges[:-1], *new, edges[-1]])
    return content[: found.start] + tag + content[found.end :]


def _split(body: bytes, n_items: int) -> list[bytes]:
    items, at = [], 0
    for _ in range(n_items):
        key = _KEY.match(body, at + 8)
        end = key.end() + struct.unpack_from("<I", body, at)[0] if key else len(body) + 1
        if end > len(body):
            raise TagUnwritable("the items of its APE tag cannot be separated")
        items.append(body[at:end])
        at = end
    if at != len(body):
        raise TagUnwritable("the items of its APE tag cannot be separated")
    return items


def _item(genres: Sequence[str]) -> bytes:
    value = "\0".join(genres).encode()
    return struct.pack("<2I", len(value), 0) + KEY.encode() + b"\0" + value


def _tag(items: Sequence[bytes]) -> bytes:
    edges = [
        b"APETAGEX" + struct.pack("<4I", 2000, 0, 0, flags) + bytes(8)
        for flags in (_HAS_HEADER | _IS_HEADER, _HAS_HEADER)
    ]
    header, footer = (_resize(edge, items) for edge in edges)
    return b"".join([header, *items, footer])


def _resize(edge: bytes, items: Sequence[bytes]) -> bytes:
    """Return a header or footer with the size and the number of items."""
    size = sum(map(len, items)) + _EDGE_BYTES
    return edge[:12] + struct.pack("<2I", size, len(items)) + edge[20:]
