"""The frames of an mp3, found by their headers, each of which leads to the next."""

from itertools import product
from pathlib import Path

from storage.audio.expected_length import id3_bytes

# kbit/s by the index in a header, and Hz, by version and layer (ISO/IEC 11172-3, section 2.4.2.3,
# and 13818-3, section 2.4.2.3).
_MPEG1_KBPS = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_MPEG2_KBPS = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_MPEG1_HZ = (44_100, 48_000, 32_000)
_MPEG1, _MPEG2, _MPEG2_5, _LAYER_3 = 3, 2, 0, 1
_SYNC, _ID3V1_BYTES, _MONO = 0xFF, 128, 0xC0
# 28 minutes at 320 kbit/s, 7 hours: what is larger is left to libavformat.
_MAX_BYTES, _MAX_FRAMES = 64 << 20, 1_000_000


def read_song(path: Path) -> bytes:
    """Read a file; nothing of one of more than 64 MiB.

    It is not mapped into memory: one that is cut short meanwhile would kill the process.
    """
    n_bytes = path.stat().st_size
    if n_bytes > _MAX_BYTES:
        return b""
    with path.open("rb") as file:
        return file.read(n_bytes)


def find_frames(song: bytes) -> list[int]:
    """Where the frames of an mp3 begin, and where the last one ends; empty if that is uncertain.

    Layer III frames, all of one kind, must lead from the first byte behind an ID3v2 tag to the end
    of the file, or to its ID3v1 tag; no more than a million of them.
    """
    place, end = id3_bytes(song[:10]), len(song)
    if song[-_ID3V1_BYTES:][:3] == b"TAG":
        end -= _ID3V1_BYTES
    places: list[int] = []
    lengths: dict[bytes, int] = {}  # of the few headers that a song has
    while place < end:
        header = song[place : place + 4]
        length = lengths.get(header)
        if length is None:
            first = next(iter(lengths), header)
            length = lengths[header] = frame_bytes(header) if _alike(header, first) else 0
        if not length or len(places) == _MAX_FRAMES:
            return []
        places.append(place)
        place += length
    return [*places, end] if places and place == end else []


def frame_kind(header: bytes) -> tuple[int, int, bool]:
    """Version and layer, sample rate, and whether a frame is mono, by the header of a frame."""
    return header[1] & 0x1E, header[2] & 0x0C, header[3] >= _MONO


def _alike(header: bytes, first: bytes) -> bool:
    return len(header) == 4 and frame_kind(header) == frame_kind(first)


def frame_bytes(header: bytes) -> int:
    """Length of a layer III frame by its header; 0 of what is none."""
    return _FRAME_BYTES[header[1] << 8 | header[2]] if header[0] == _SYNC else 0


def _frame_lengths() -> list[int]:
    """Lengths of frames by the second and third byte of their headers."""
    lengths = [0] * 65_536
    for version, index, rate in product((_MPEG1, _MPEG2, _MPEG2_5), range(1, 15), range(3)):
        kbps = (_MPEG1_KBPS if version == _MPEG1 else _MPEG2_KBPS)[index]
        hz = _MPEG1_HZ[rate] // {_MPEG1: 1, _MPEG2: 2, _MPEG2_5: 4}[version]
        n_bytes = (144_000 if version == _MPEG1 else 72_000) * kbps // hz
        for unprotected, padding, private in product((0, 1), repeat=3):
            second = 0xE0 | version << 3 | _LAYER_3 << 1 | unprotected
            third = index << 4 | rate << 2 | padding << 1 | private
            lengths[second << 8 | third] = n_bytes + padding
    return lengths


_FRAME_BYTES = _frame_lengths()
