"""The header of an mp3 in its first frame, by which players tell its length: Xing, Info or VBRI."""

import struct
from pathlib import Path
from typing import BinaryIO

from storage.audio.headers import beyond

_MOST_TAGS = 1000


def mp3_promise(path: Path) -> tuple[int, int]:
    """Give how many frames and missing bytes the Xing, Info or VBRI header of an mp3 promises.

    Returns
    -------
    tuple of int
        Frames, 0 if the header does not count them or is missing; bytes beyond the end of the
        file, -1 if the header does not count bytes.
    """
    with path.open("rb") as song:
        start = _skip_tags(song)
        song.seek(start)
        head = song.read(65_536)
    place = _first_frame(head)
    if head[place + 36 : place + 40] == b"VBRI":
        n_bytes, n_frames = struct.unpack_from(">II", head.ljust(place + 54, b"\0"), place + 46)
        return n_frames, beyond(path, start + place, n_bytes)
    for offset in (36, 21, 13):  # by version and channels
        if head[place + offset : place + offset + 4] in (b"Xing", b"Info"):
            n_frames, n_bytes = _xing_counts(head[place + offset + 4 : place + offset + 16])
            return n_frames, beyond(path, start + place, n_bytes) if n_bytes else -1
    return 0, -1


def _xing_counts(fields: bytes) -> tuple[int, int]:
    """Give frames and bytes; each stands there only if its flag does."""
    flags, first, second = struct.unpack(">III", fields.ljust(12, b"\0"))
    n_frames = first if flags & 1 else 0
    n_bytes = (second if flags & 1 else first) if flags & 2 else 0
    return n_frames, n_bytes


def _skip_tags(song: BinaryIO) -> int:
    """Give where the sound begins, behind the ID3v2 tags."""
    start = 0
    for _ in range(_MOST_TAGS):
        song.seek(start)
        head = song.read(10)
        if len(head) < 10 or not head.startswith(b"ID3"):
            return start
        size = sum(
            (byte & 0x7F) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True)
        )
        start += 10 + size + (10 if head[5] & 0x10 else 0)
    return start


def _first_frame(head: bytes) -> int:
    place = head.find(b"\xff")
    while 0 <= place < len(head) - 1:
        if head[place + 1] & 0xE0 == 0xE0:
            return place
        place = head.find(b"\xff", place + 1)
    return 0
