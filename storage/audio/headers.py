"""What headers promise and libavformat keeps to itself: bytes that a file should go on for.

libavformat takes the size of a file for that of its sound where a WAV, W64, CAF or ASF file ends
early, and asks an Ogg file only for its last page. So their sizes are read here, some bytes a file.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

# A writer that cannot go back leaves 0, the largest number or a round one near 2 GiB as a size.
_STREAMED_BYTES = 0x7FFF_0000
_MOST_CHUNKS = 1000
_LARGEST_PAGE = 65_307
_ASF_FILE = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_ASF_BROADCAST = 1


def missing_wav_bytes(path: Path) -> int:
    """Count the bytes that the data chunk of a WAV promises beyond the end of the file.

    A size that a streamed writer leaves open promises nothing; RF64 has its size in ``ds64``.
    """
    with path.open("rb") as song:
        large_bytes = 0
        for name, begin, size in _chunks(song, 12, "<4sI"):
            if name == b"ds64":
                large_bytes = struct.unpack_from("<Q", song.read(16).ljust(16, b"\0"), 8)[0]
            elif name == b"data":
                known = 0 if size >= _STREAMED_BYTES else size
                return beyond(path, begin, large_bytes or known)
    return 0


def missing_w64_bytes(path: Path) -> int:
    """Count the bytes that the data chunk of a Wave64 file promises beyond its end."""
    with path.open("rb") as song:
        song.seek(40)
        for _ in range(_MOST_CHUNKS):
            head = song.read(24)
            if len(head) < 24:
                return 0
            (size,) = struct.unpack("<Q", head[16:])  # with its own 24 bytes
            if head.startswith(b"data"):
                return beyond(path, song.tell(), max(size, 24) - 24)
            song.seek(max(size, 24) + -size % 8 - 24, 1) if size < 1 << 62 else song.seek(0, 2)
    return 0


def missing_caf_bytes(path: Path) -> int:
    """Count the bytes that the data chunk of a CAF promises beyond the end of the file."""
    with path.open("rb") as song:
        for name, begin, size in _chunks(song, 8, ">4sq"):
            if name == b"data":
                return beyond(path, begin, size)
    return 0


def missing_asf_bytes(path: Path) -> int:
    """Count the bytes that the header of an ASF (WMA) file promises beyond its end."""
    with path.open("rb") as song:
        head = song.read(65_536)
    place = head.find(_ASF_FILE)
    if place < 0 or len(head) < place + 92:
        return 0
    (size,) = struct.unpack_from("<Q", head, place + 40)
    (flags,) = struct.unpack_from("<I", head, place + 88)
    return 0 if flags & _ASF_BROADCAST else beyond(path, 0, size)


def missing_ogg_bytes(path: Path) -> int:
    """Count the bytes that the last page of an Ogg file misses, at least 1 if a packet goes on.

    A last page that is whole but does not say that it is the last promises nothing.
    """
    n_bytes = path.stat().st_size
    with path.open("rb") as song:
        song.seek(max(0, n_bytes - _LARGEST_PAGE))
        tail = song.read(_LARGEST_PAGE)
    place = tail.rfind(b"OggS\0")
    if place < 0:
        return 0
    page = tail[place:]
    if len(page) < 27 or len(page) < 27 + page[26]:
        return 27
    lacing = page[27 : 27 + page[26]]
    missing = 27 + len(lacing) + sum(lacing) - len(page)
    goes_on = lacing.endswith(b"\xff") and not page[5] & 4
    return max(missing, int(goes_on))


def missing_mp4_bytes(path: Path) -> int:
    """Count the bytes that the boxes of an MP4 or M4A file promise beyond its end; 0 for others."""
    with path.open("rb") as song:
        if song.read(8)[4:] != b"ftyp":
            return 0
        place, n_bytes = 0, path.stat().st_size
        for _ in range(_MOST_CHUNKS):
            song.seek(place)
            head = song.read(16).ljust(16, b"\0")
            size, large = struct.unpack_from(">I4xQ", head)
            place += large if size == 1 else max(size, 8)
            if place >= n_bytes:
                return place - n_bytes if place < 1 << 62 else 0
    return 0


def lacks_rate(path: Path) -> bool:
    """Say whether the header of a WAV, AU or AIFF file names no sample rate, or an absurd one."""
    with path.open("rb") as song:
        head = song.read(4096)
    if head.startswith(b"RIFF") and (place := head.find(b"fmt ")) > 0:
        rate = int.from_bytes(head[place + 12 : place + 16], "little")
        return rate == 0 or rate >= 1 << 31
    if head.startswith(b".snd"):
        rate = int.from_bytes(head[16:20], "big")
        return rate == 0 or rate >= 1 << 31
    if head.startswith(b"FORM") and (place := head.find(b"COMM")) > 0:
        return not any(head[place + 16 : place + 26])
    return False


def _chunks(song: BinaryIO, first: int, layout: str) -> Iterator[tuple[bytes, int, int]]:
    """Walk the chunks of a file: name, where its content begins, size."""
    place, n_head = first, struct.calcsize(layout)
    for _ in range(_MOST_CHUNKS):
        song.seek(place)
        head = song.read(n_head)
        if len(head) < n_head:
            return
        name, size = struct.unpack(layout, head)
        yield name, place + n_head, size
        if size < 0:
            return
        # RIFF rounds up to whole words, CAF does not
        place += n_head + size + (size % 2 if layout.startswith("<") else 0)
        if place >= 1 << 62:
            return


def beyond(path: Path, begin: int, size: int) -> int:
    """Count what lies beyond the end of a file; nothing if the size is a stand-in."""
    return max(0, begin + size - path.stat().st_size) if 0 < size < 1 << 62 else 0
