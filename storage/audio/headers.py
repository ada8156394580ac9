"""What headers promise and libavformat keeps to itself: bytes that a file should go on for.

libavformat takes the size of a file for that of its sound where a WAV, W64, CAF or ASF file ends
early, and asks an Ogg file only for its last page. So their sizes are read here, some bytes a file.
"""

import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition

from genre_core.errors import TrackRejected
from genre_core.records import Reason
from storage.audio.packets import Packets

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


# Delays, padding and times rounded to a packet stay below it in whole files.
TOLERANCE_S = 0.5

# Headers that count their samples; elsewhere libavformat's length is a guess by bit rate or size.
_COUNTED = ("aiff", "ape", "au", "flac", "mpc", "mpc8", "tta", "wv")
_SIZED: dict[str, Callable[[Path], int]] = {
    "asf": missing_asf_bytes,
    "caf": missing_caf_bytes,
    "w64": missing_w64_bytes,
    "wav": missing_wav_bytes,
}


def require_whole(
    container: InputContainer, stream: AudioStream, path: Path, packets: Packets
) -> None:
    """Reject a file that ends before the sound that it promises.

    A file that promises nothing is taken as it is: a plain mp3 or ADTS stream, a WAV whose writer
    left its size open, an Ogg file that ends with a whole page.

    Raises
    ------
    TrackRejected
        ``truncated``.
    """
    name = container.format.name.split(",")[0]
    if name == "ogg" and missing_ogg_bytes(path):
        message = (
            f"{path} ends within a page, after {packets.duration_s:.1f} s. "
            "Fetch the whole file again."
        )
        raise TrackRejected(Reason.TRUNCATED, message)
    missing_s = _missing_s(name, container, stream, path, packets)
    if missing_s is None and packets.breaks_off:
        message = (
            f"{path} cannot be read beyond {packets.duration_s:.1f} s. Fetch the whole file again."
        )
        raise TrackRejected(Reason.TRUNCATED, message)
    if missing_s is not None and missing_s > TOLERANCE_S:
        message = (
            f"{path} promises {packets.duration_s + missing_s:.1f} s and holds "
            f"{packets.duration_s:.1f} s. Fetch the whole file again."
        )
        raise TrackRejected(Reason.TRUNCATED, message)


def _missing_s(
    name: str, container: InputContainer, stream: AudioStream, path: Path, packets: Packets
) -> float | None:
    """Give the seconds that are promised and missing; None if nothing is promised."""
    s_per_byte = packets.duration_s / packets.n_bytes
    if name in _SIZED:
        return _SIZED[name](path) * s_per_byte
    if name == "mp3":
        return _missing_mp3_s(stream, path, packets)
    if name == "mov":
        return _missing_index_s(stream, path, packets)
    if name in _COUNTED:
        return _counted_s(stream, packets)
    if name == "matroska" and _is_alone(container) and container.duration:
        return container.duration / 1_000_000 - packets.end_s
    return None


def _counted_s(stream: AudioStream, packets: Packets) -> float | None:
    if not stream.duration:
        return None
    return float(stream.duration * (stream.time_base or 0)) - packets.end_s


def _missing_mp3_s(stream: AudioStream, path: Path, packets: Packets) -> float | None:
    """Believe a header if both of its counts say that sound is missing.

    Frames alone are missing where damage in the middle has eaten some of them, bytes alone where
    a tag has been taken away that some encoders count.
    """
    n_frames, missing_bytes = mp3_promise(path)
    by_bytes_s = missing_bytes * packets.duration_s / packets.n_bytes
    if not n_frames:
        return by_bytes_s if missing_bytes >= 0 else None
    by_frames_s = _counted_s(stream, packets) or 0.0
    return min(by_frames_s, by_bytes_s) if missing_bytes >= 0 else by_frames_s


def _missing_index_s(stream: AudioStream, path: Path, packets: Packets) -> float | None:
    """Count the samples of an index that lie beyond the end of the file."""
    n_bytes = path.stat().st_size
    ends = [entry.pos + entry.size for entry in stream.index_entries]
    if not stream.frames or not ends:  # fragmented: each piece has an index of its own
        return _counted_s(stream, packets)
    n_missing = sum(end > n_bytes for end in ends)
    n_held = len(ends) - n_missing
    return packets.duration_s * n_missing / n_held if n_held else packets.duration_s


def _is_alone(container: InputContainer) -> bool:
    """Say whether a length that is promised for the file is that of its one sound stream."""
    pictures = [
        stream
        for stream in container.streams.video
        if not stream.disposition & Disposition.attached_pic
    ]
    return len(container.streams.audio) == 1 and not pictures
