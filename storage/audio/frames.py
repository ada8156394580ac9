"""Whether an mp3 is made of frames alone, or something else stands between them."""

import mmap
from itertools import product
from pathlib import Path

import av

from storage.audio.probe import open_audio

# Kilobits a second by the index in a header, and hertz, by version and layer (ISO/IEC 11172-3,
# section 2.4.2.3, and 13818-3, section 2.4.2.3).
_MPEG1_KBPS = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_MPEG2_KBPS = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_MPEG1_HZ = (44_100, 48_000, 32_000)
_MPEG1, _MPEG2, _MPEG2_5, _LAYER_3 = 3, 2, 0, 1
_SYNC, _ID3_HEADER_BYTES, _ID3V1_BYTES = 0xFF, 10, 128


def holds_frames_alone(path: Path) -> bool:
    """Say whether every packet of an mp3 begins with the sync word of a frame.

    Frame is followed to frame by the lengths in their headers, 3 ms for six minutes. Where that
    does not lead to the end, libavformat decides, in 40 ms: it hands on what stands between frames
    as a packet, or as the beginning of one.
    """
    return _leads_to_end(path) or _every_packet_is_a_frame(path)


def _leads_to_end(path: Path) -> bool:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as song:
        place, last = _after_id3(song), len(song) - 3
        while place < last and song[place] == _SYNC:
            length = _FRAME_BYTES[song[place + 1] << 8 | song[place + 2]]
            if not length:
                return False
            place += length
        return place == len(song) - (_ID3V1_BYTES if song[-_ID3V1_BYTES:][:3] == b"TAG" else 0)


def frame_bytes(header: bytes) -> int:
    """Give the length of a layer III frame by the first three bytes of it; 0 if they do not tell.

    Frames of a free bit rate do not.
    """
    return _FRAME_BYTES[header[1] << 8 | header[2]] if header[0] == _SYNC else 0


def _after_id3(song: mmap.mmap) -> int:
    """Give the length of the tag before the first frame (id3.org, ID3v2.4.0 section 3.1)."""
    if song[:3] != b"ID3" or len(song) < _ID3_HEADER_BYTES:
        return 0
    size = 0
    for septet in song[6:_ID3_HEADER_BYTES]:
        size = size << 7 | septet & 0x7F
    return _ID3_HEADER_BYTES + size


def _tabulate_lengths() -> list[int]:
    """Give the lengths of frames by the second and third byte of their headers."""
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


_FRAME_BYTES = _tabulate_lengths()


def _every_packet_is_a_frame(path: Path) -> bool:
    with open_audio(path) as (container, stream):
        try:
            return all(
                bytes(memoryview(packet)[:2]) >= b"\xff\xe0"
                for packet in container.demux(stream)
                if packet.size
            )
        except av.FFmpegError:
            return False
