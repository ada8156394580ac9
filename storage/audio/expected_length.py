"""Compare the sound that a file holds with the length that its headers announce.

libavformat takes the size of a file for that of its sound where a WAV, W64, CAF or ASF file ends
early, and reads only the last page of an Ogg file. So their sizes are read here, some bytes a file.
"""

import os
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition

from genre_core.errors import TrackRejected
from genre_core.records import Reason

# Delays, padding and times rounded to a packet stay below it in complete files.
TOLERANCE_S = 0.5
# Headers that count their samples; elsewhere libavformat's length is a guess by bit rate or size.
_COUNTED = ("aiff", "ape", "au", "flac", "mpc", "mpc8", "tak", "tta", "wv")
# Where the first chunk begins, the layout of its head, to how many bytes its content is filled up,
# and whether its size counts the head.
_CHUNKED = {
    "wav": (12, "<4sI", 2, False),
    "w64": (40, "<4s12xQ", 8, True),
    "caf": (8, ">4sq", 1, False),
}
# A writer that cannot seek back leaves 0, the largest number or a round one near 2 GiB as a size.
_STREAMED_BYTES = 0x7FFF_0000
_LARGEST_SIZE = 1 << 62
_MAX_CHUNKS = 1000
# Boxes of an MP4 file that lead to those with counts, and how deep libavformat goes.
_MP4_FOLDERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"moof", b"traf"}
_MAX_MP4_DEPTH = 10
_MAX_BOXES = 1_000_000
# That the index of a small MP4 file may claim; it takes some 50 bytes of memory for each.
_FEW_SAMPLES = 100_000
_MAX_OGG_PAGE_BYTES = 65_307
_ASF_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_ASF_BROADCAST = 1
_FRAME = re.compile(rb"\xff[\xe0-\xff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketScan:
    """Sum of the packets of a stream."""

    duration_s: float  # that they cover, less the samples that the encoder added
    end_s: float  # on the clock of the file, which may start late
    n_bytes: int
    packets_id: str
    is_incomplete: bool  # whether the file could not be read to its end


def require_complete(
    container: InputContainer, stream: AudioStream, path: Path, scan: PacketScan
) -> None:
    """Reject a file that ends before the sound that its headers announce, as ``truncated``.

    A file that announces no length is accepted: a plain mp3 or ADTS stream, a WAV whose writer
    left its size open, an Ogg file that ends with a full page.
    """
    held_s = f"{scan.duration_s:.1f} s"
    missing_s = _missing_s(container, stream, path, scan)
    if container.format.name == "ogg" and _missing_ogg_bytes(path):
        problem = f"ends within a page, after {held_s}"
    elif missing_s is None and scan.is_incomplete:
        problem = f"cannot be read beyond {held_s}"
    elif missing_s is not None and missing_s > TOLERANCE_S:
        problem = f"should last {scan.duration_s + missing_s:.1f} s and holds {held_s}"
    else:
        return
    raise TrackRejected(Reason.TRUNCATED, f"{path} {problem}. Fetch the complete file again.")


def _missing_chunk_bytes(path: Path, kind: str) -> int:
    """Bytes that the data chunk of a file announces beyond its end; RF64 has them in ``ds64``."""
    large_bytes = 0
    with path.open("rb") as song:
        for name, begin, size in _read_chunks(song, *_CHUNKED[kind]):
            if name == b"ds64":
                large_bytes = struct.unpack_from("<Q", song.read(16).ljust(16, b"\0"), 8)[0]
            elif name == b"data":
                is_open = kind == "wav" and size >= _STREAMED_BYTES
                return _bytes_beyond(path, begin, large_bytes or (0 if is_open else size))
    return 0


def _missing_riff_bytes(path: Path) -> int:
    """Bytes that the RIFF chunks of a file announce beyond its end."""
    with path.open("rb") as file:
        chunks = list(_read_chunks(file, 0, "<4sI", 2, counts_head=False))
    return max((_bytes_beyond(path, begin, size) for _, begin, size in chunks), default=0)


def _read_chunks(
    song: BinaryIO, place: int, layout: str, alignment: int, counts_head: bool
) -> Iterator[tuple[bytes, int, int]]:
    """Yield the chunks of a file: name, where its content begins, size."""
    n_head, end = struct.calcsize(layout), song.seek(0, os.SEEK_END)
    for _ in range(_MAX_CHUNKS):
        song.seek(place)
        head = song.read(n_head)
        if len(head) < n_head:
            return
        name, size = struct.unpack(layout, head)
        size = max(0, size - n_head) if counts_head else size
        place += n_head
        yield name, place, size
        place += size + -size % alignment
        if size < 0 or place >= end:
            return


def _missing_asf_bytes(path: Path) -> int:
    """Bytes that the header of an ASF (WMA) file announces beyond its end."""
    with path.open("rb") as song:
        head = song.read(65_536)
    place = head.find(_ASF_FILE_PROPERTIES)
    if place < 0 or len(head) < place + 92:
        return 0
    (size,) = struct.unpack_from("<Q", head, place + 40)
    (flags,) = struct.unpack_from("<I", head, place + 88)
    return 0 if flags & _ASF_BROADCAST else _bytes_beyond(path, 0, size)


def _missing_ogg_bytes(path: Path) -> int:
    """Bytes that the last page of an Ogg file lacks, at least 1 if its last packet continues.

    A full last page without the end-of-stream flag announces nothing.
    """
    with path.open("rb") as song:
        song.seek(max(0, path.stat().st_size - _MAX_OGG_PAGE_BYTES))
        tail = song.read(_MAX_OGG_PAGE_BYTES)
    place = tail.rfind(b"OggS\0")
    if place < 0:
        return 0
    page = tail[place:]
    if len(page) < 27 or len(page) < 27 + page[26]:
        return 27
    lacing = page[27 : 27 + page[26]]
    missing = 27 + len(lacing) + sum(lacing) - len(page)
    continues = lacing.endswith(b"\xff") and not page[5] & 4
    return max(missing, int(continues))


def missing_mp4_bytes(path: Path) -> int:
    """Bytes that the boxes of an MP4 or M4A file announce beyond its end; 0 for other files."""
    with path.open("rb") as song:
        if song.read(8)[4:] != b"ftyp":
            return 0
        place, n_bytes = 0, path.stat().st_size
        for _ in range(_MAX_CHUNKS):
            song.seek(place)
            head = song.read(16).ljust(16, b"\0")
            size, large = struct.unpack_from(">I4xQ", head)
            place += large if size == 1 else max(size, 8)
            if place >= n_bytes:
                return place - n_bytes if place < _LARGEST_SIZE else 0
    return 0


def require_credible_index(path: Path) -> None:
    """Reject an MP4 or M4A file whose index claims more samples than its bytes can hold."""
    n_bytes = path.stat().st_size
    with path.open("rb") as song:
        n_samples = _claimed_mp4_samples(song, n_bytes)
    if n_samples > max(n_bytes, _FEW_SAMPLES):
        problem = f"claims {n_samples} samples, which its {n_bytes} bytes cannot hold"
        raise TrackRejected(Reason.TRUNCATED, f"{path} {problem}. Fetch the complete file again.")


def _claimed_mp4_samples(song: BinaryIO, n_bytes: int) -> int:
    """Entries that libavformat makes for the samples of an MP4 file; 0 for other files.

    PCM is joined to at least 160 samples an entry; each edit may repeat all samples of its track.
    """
    tracks, n_in_fragments = [{b"elst": 1}], 0
    for nth, (name, begin) in enumerate(_walk_boxes(song, 0, n_bytes)):
        if nth == _MAX_BOXES:
            message = f"{song.name} has over {_MAX_BOXES} boxes. Encode it again."
            raise TrackRejected(Reason.UNDECODABLE, message)
        song.seek(begin)
        _, first, second, third = struct.unpack(">4I", song.read(16).ljust(16, b"\0"))
        if name == b"trak":
            tracks.append({b"elst": 1})
        elif name == b"trun":
            n_in_fragments += first
        elif name in (b"stsz", b"stz2"):
            tracks[-1][b"stsz"] = second
        elif name == b"elst":
            tracks[-1][name] = max(1, min(first, n_bytes // 12))
        elif name == b"stts":
            tracks[-1][name] = 160 if (first, third) == (1, 1) else 1
    found = [(t.get(b"stsz", 0) // t.get(b"stts", 1)) * t[b"elst"] for t in tracks]
    return n_in_fragments + sum(found)


def _walk_boxes(
    song: BinaryIO, place: int, end: int, depth: int = 0
) -> Iterator[tuple[bytes, int]]:
    """Yield the boxes of an MP4 file, and those in folders: name, where the content begins."""
    while place + 8 <= end:
        song.seek(place)
        size, name, large = struct.unpack(">I4sQ", song.read(16).ljust(16, b"\0"))
        begin = place + (16 if size == 1 else 8)
        place = min(end, max(begin, place + (large if size == 1 else size or end)))
        yield name, begin
        if name in _MP4_FOLDERS and depth < _MAX_MP4_DEPTH:
            yield from _walk_boxes(song, begin, place, depth + 1)


def _missing_mp3_bytes(path: Path) -> tuple[int, int]:
    """Frames that the Xing, Info or VBRI header of an mp3 counts, and bytes beyond its end.

    Frames are 0 if there is no such header or it does not count them, bytes -1 likewise.
    """
    with path.open("rb") as song:
        start = 0
        for _ in range(_MAX_CHUNKS):
            song.seek(start)
            if not (size := id3_bytes(song.read(10))):
                break
            start += size
        song.seek(start)
        head = song.read(65_536)
    found = _FRAME.search(head)
    place = found.start() if found else 0
    if head[place + 36 : place + 40] == b"VBRI":
        n_bytes, n_frames = struct.unpack_from(">II", head.ljust(place + 54, b"\0"), place + 46)
        return n_frames, _bytes_beyond(path, start + place, n_bytes)
    for offset in (36, 21, 13):  # by version and channels
        if head[place + offset : place + offset + 4] in (b"Xing", b"Info"):
            fields = head[place + offset + 4 : place + offset + 16].ljust(12, b"\0")
            flags, *counts = struct.unpack(">III", fields)  # a count is there if its flag is set
            n_frames = counts.pop(0) if flags & 1 else 0
            n_bytes = counts[0] if flags & 2 else 0
            return n_frames, _bytes_beyond(path, start + place, n_bytes) if n_bytes else -1
    return 0, -1


def lacks_rate(path: Path) -> bool:
    """Whether the header of a WAV, AU or AIFF file has no sample rate, or an absurd one."""
    with path.open("rb") as song:
        head = song.read(4096)
    if head.startswith(b"FORM") and (place := head.find(b"COMM")) > 0:
        return not any(head[place + 16 : place + 26])
    if head.startswith(b"RIFF") and (place := head.find(b"fmt ")) > 0:
        rate = int.from_bytes(head[place + 12 : place + 16], "little")
    elif head.startswith(b".snd"):
        rate = int.from_bytes(head[16:20], "big")
    else:
        return False
    return rate == 0 or rate >= 1 << 31


def _missing_s(
    container: InputContainer, stream: AudioStream, path: Path, scan: PacketScan
) -> float | None:
    """Seconds that are announced and missing; None if no length is announced."""
    name = container.format.name.split(",")[0]
    if name == "asf":
        return _missing_asf_bytes(path) * scan.duration_s / scan.n_bytes
    if name == "avi":
        return _missing_riff_bytes(path) * scan.duration_s / scan.n_bytes
    if name in _CHUNKED:
        return _missing_chunk_bytes(path, name) * scan.duration_s / scan.n_bytes
    if name in _COUNTED:
        return _counted_s(stream, scan)
    if name == "mp3":
        return _missing_mp3_s(stream, path, scan)
    if name == "mov":
        return _missing_mp4_s(stream, path, scan)
    if name in ("matroska", "flv") and _is_only_stream(container) and container.duration:
        return container.duration / 1_000_000 - scan.end_s
    return None


def _counted_s(stream: AudioStream, scan: PacketScan) -> float | None:
    if not stream.duration:
        return None
    return float(stream.duration * (stream.time_base or 0)) - scan.end_s


def _missing_mp3_s(stream: AudioStream, path: Path, scan: PacketScan) -> float | None:
    """Trust a header if sound is missing by both of its counts.

    Frames alone are missing where damage in the middle has destroyed some of them, bytes alone
    where a tag has been removed that some encoders count.
    """
    n_frames, missing_bytes = _missing_mp3_bytes(path)
    by_bytes_s = missing_bytes * scan.duration_s / scan.n_bytes
    if not n_frames:
        return by_bytes_s if missing_bytes >= 0 else None
    by_frames_s = _counted_s(stream, scan) or 0.0
    return min(by_frames_s, by_bytes_s) if missing_bytes >= 0 else by_frames_s


def _missing_mp4_s(stream: AudioStream, path: Path, scan: PacketScan) -> float | None:
    """Seconds of the samples in the index that lie beyond the end of the file."""
    n_bytes = path.stat().st_size
    ends = [entry.pos + entry.size for entry in stream.index_entries]
    if not stream.frames or not ends:  # fragmented: each piece has an index of its own
        return _counted_s(stream, scan)
    n_missing = sum(end > n_bytes for end in ends)
    n_held = len(ends) - n_missing
    return scan.duration_s * n_missing / n_held if n_held else scan.duration_s


def _is_only_stream(container: InputContainer) -> bool:
    """Whether the length of the file is that of its one audio stream; cover art has none."""
    streams = container.streams
    pictures = [s for s in streams.video if not s.disposition & Disposition.attached_pic]
    return len(streams.audio) == 1 and not pictures


def _bytes_beyond(path: Path, begin: int, size: int) -> int:
    """Bytes beyond the end of a file; 0 if the size is a placeholder."""
    return max(0, begin + size - path.stat().st_size) if 0 < size < _LARGEST_SIZE else 0


def id3_bytes(head: bytes) -> int:
    """Length of the ID3v2 tag that a file begins with, by its first ten bytes; 0 if none."""
    if len(head) < 10 or not head.startswith(b"ID3"):
        return 0
    size = 0
    for septet in head[6:10]:
        size = size << 7 | septet & 0x7F
    return 10 + size + (10 if head[5] & 0x10 else 0)
