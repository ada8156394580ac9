"""The packets of an mp3 that holds nothing but frames, by their headers: a tenth of demuxing.

The numbers are those of libavformat (``mp3dec.c``, version 62), bit for bit. Whatever it takes in
another way than frame by frame is left to it: junk, damage, an end within a frame, a tag of another
kind or that counts other frames than there are.
"""

import hashlib
import re
import struct
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from av.audio.stream import AudioStream

from storage.audio.expected_length import PacketScan
from storage.audio.mp3_frames import find_frames, read_song

_TAG = re.compile(rb"Xing|Info|VBRI")
# Where the tag stands, behind header and side information, by MPEG-1 or 2 and mono.
_TAG_PLACES = {(True, False): 36, (True, True): 21, (False, False): 21, (False, True): 13}
_HAS_FRAMES_AND_BYTES, _HAS_INDEX, _HAS_QUALITY = 0b0011, 0b0100, 0b1000
_ENCODERS = (b"LAME", b"Lavf", b"Lavc")
DECODER_DELAY = 529
# What libavformat compares of the first two headers, before it looks for others.
_COMPARED = 0xFFFE0CCF
_FEWEST_FRAMES = 10


class Added(NamedTuple):
    """Frames without sound at the start, and samples that the encoder added at both ends."""

    n_frames: int
    lead: int
    tail: int


def scan_frames(stream: AudioStream, path: Path) -> PacketScan | None:
    """Measure and digest the frames of an mp3; None if libavformat has to look at it."""
    time_base, context = stream.time_base or Fraction(0), stream.codec_context
    places = find_frames(song := read_song(path))
    if len(places) <= _FEWEST_FRAMES or (added := read_added(song, places)) is None:
        return None
    places = places[added.n_frames :]
    first, second = (struct.unpack_from(">I", song, place)[0] for place in places[:2])
    if (first ^ second) & _COMPARED:
        return None
    sound_format = f"{context.name} {context.sample_rate} {context.channels}"
    digest = hashlib.sha256(sound_format.encode())
    digest.update(memoryview(song)[places[0] : places[-1]])
    n_samples = (len(places) - 1) * _frame_samples(first) - added.tail
    ticks_per_sample = round(1 / (time_base * context.sample_rate))
    return PacketScan(
        duration_s=max(0, n_samples - added.lead) * ticks_per_sample * float(time_base),
        end_s=n_samples * ticks_per_sample * float(time_base),
        n_bytes=places[-1] - places[0],
        packets_id=digest.hexdigest(),
        is_incomplete=False,
    )


def read_added(song: bytes, places: list[int]) -> Added | None:
    """Read the tag in the first frame; None if it is of a kind that is not read here."""
    begin, (header,) = places[0], struct.unpack_from(">I", song, places[0])
    found = _TAG.search(song[begin : places[1]])
    if not found:
        return Added(0, 0, 0)
    samples = _frame_samples(header)
    place = _TAG_PLACES[samples == 1152, header & 0xC0 == 0xC0]
    flags, n_frames, n_bytes = struct.unpack_from(">III", song, begin + place + 4)
    is_whole = flags & _HAS_FRAMES_AND_BYTES == _HAS_FRAMES_AND_BYTES
    if found.start() != place or found[0] == b"VBRI" or not is_whole:
        return None
    if n_frames != len(places) - 2 or not 0 < n_bytes <= len(song) - begin:
        return None
    place += begin + 16 + 100 * bool(flags & _HAS_INDEX) + 4 * bool(flags & _HAS_QUALITY)
    if song[place : place + 4] not in _ENCODERS:
        return Added(1, 0, 0)
    delays = int.from_bytes(song[place + 21 : place + 24], "big")
    lead, tail = (delays >> 12) + DECODER_DELAY, (delays & 0xFFF) - DECODER_DELAY
    if len(song) - begin - 4 - n_bytes > n_bytes >> 4:  # libavformat takes it for joined files
        return None
    return Added(1, lead, max(0, min(tail, samples)))


def _frame_samples(header: int) -> int:
    return 1152 if header >> 19 & 3 == 3 else 576
