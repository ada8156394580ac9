"""Decode segments of an mp3 from an excerpt: a small mp3 in memory of the frames that they need.

libsndfile reads it once from its start to its end, without a seek, and gives the samples that it
gives of the full song: to the last bit if it can decode every frame, and within 1e-6 (full scale is
1) where a damaged frame stands elsewhere. That was checked with libsndfile 1.2.2 and libmpg123
1.32; with another libsndfile, nothing is read here. Three things make a frame sound the same in
both:

- The frames before it. It needs up to 511 bytes of sound of them, the bit reservoir (ISO/IEC
  11172-3, section 2.4.1.7), and the one just before it, whole, for the overlap of its transform and
  the 15 last slots of its filter bank. The others are emptied, so that nothing is decoded of bytes
  that are not there.
- Its place. The filter bank goes round a ring of 16 slots, and the order in which it adds them up
  depends on the turn. A frame advances it by 36, so that every fourth frame finds it alike. A
  damaged frame may not advance it: then the last bits of all frames behind it differ.
- The start. Behind an information frame, which counts the frames, libmpg123 leaves out the delay
  of the decoder, here within the frames that nothing is taken from.
"""

import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, repeat
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import soundfile

from genre_core.examples import Float32Array
from genre_core.records import AudioFacts
from storage.audio.mp3_frames import find_frames, frame_bytes, read_song
from storage.audio.mp3_scan import DECODER_DELAY, read_added
from storage.audio.resample import Block, DecodedSegment, Segment, SegmentBuffer, add_block

CHECKED_LIBSNDFILE = "1.2.2"
_FRAME_SAMPLES = 1_152
_RESERVOIR_BYTES = 511
_TURN_FRAMES = 4
# Second byte of the header of an MPEG-1 layer III frame without checksum.
_PLAIN, _MONO, _HEADER_BYTES = 0xFB, 0xC0, 4
_SHORTEST = 0x10  # 32 kbit/s
_COUNTS_FRAMES = 1
# Read at once: what stays in the cache of a core while it is mixed.
_READ_FRAMES = 64
# Of the second half, decoded in both, to see that they sound alike: 18,432 samples in stereo.
_SEAM_FRAMES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class _Song:
    """The frames of a song: where they begin, and how many samples stand before its sound."""

    places: Sequence[int]
    side_bytes: int
    lead: int
    n_samples: int

    def count_main_bytes(self, start: int, stop: int) -> int:
        """Count the bytes of sound in some frames."""
        heads = (stop - start) * (_HEADER_BYTES + self.side_bytes)
        return self.places[stop] - self.places[start] - heads


class _Piece(NamedTuple):
    """Frames from ``start`` up to ``stop``; those before ``whole`` are emptied."""

    start: int
    whole: int
    stop: int


def excerpt_segments(
    path: Path,
    facts: AudioFacts,
    segments: Sequence[Segment],
    signals: Iterable[Float32Array | None] = repeat(None),
    n_threads: int = 1,
) -> list[DecodedSegment] | None:
    """Decode segments of an mp3, mixed down to mono by the mean; None if that would not be exact.

    They are written into ``signals``, as long as they are and full of zeros, if these are given.
    Two threads share the work, if so many are given; the samples are the same.

    It would not be with another libsndfile than the checked one, nor of a file of more than 64 MiB,
    with anything but MPEG-1 frames, with checksums, whose information frame counts other frames, or
    whose length is not, to the sample, that of its packets.
    """
    if soundfile.__libsndfile_version__ != CHECKED_LIBSNDFILE:
        return None
    song = _find_sound(content := read_song(path))
    if not song or abs(song.n_samples - facts.duration_s * facts.sample_rate) > 1:
        return None
    inside = [_clip(segment, song.n_samples) for segment in segments]
    pieces = list(_plan(song, inside))
    if min(segment.start for segment in inside) + song.lead < DECODER_DELAY:
        return None
    for fill in (_fill_halves, _fill) if min(n_threads, len(pieces)) > 1 else (_fill,):
        buffers = list(map(SegmentBuffer, inside, signals))
        is_exact = fill(content, song, pieces, buffers)
        decoded = [buffer.finish() for buffer in buffers]
        if is_exact and [len(one.signal) for one in decoded] == [s.stop - s.start for s in inside]:
            return decoded
    return None


def _fill_halves(
    content: bytes, song: _Song, pieces: Sequence[_Piece], buffers: Sequence[SegmentBuffer]
) -> bool:
    """Decode both halves of some pieces at once; return whether that gives the bits of `_fill`.

    A damaged frame in the first half would turn the ring of the second. So the first half goes on
    into the second for some frames, whose last bits must be the same, and not those of silence.
    """
    nth = len(pieces) // 2
    head = pieces[nth]
    onward = head._replace(stop=min(head.whole + 1 + _SEAM_FRAMES, head.stop))
    places = (frame * _FRAME_SAMPLES - song.lead for frame in (head.whole + 1, onward.stop))
    seams = [SegmentBuffer(Segment(start=start, stop=stop)) for start, stop in [tuple(places)] * 2]
    before = [one for one in buffers if one.segment.start < seams[0].segment.start]
    behind = [one for one in buffers if one not in before]
    with ThreadPoolExecutor(1) as thread:
        second = thread.submit(_fill, content, song, pieces[nth:], [*behind, seams[1]])
        is_done = _fill(content, song, [*pieces[:nth], onward], [*before, seams[0]])
        is_done &= second.result()
    ours, theirs = (seam.finish().signal for seam in seams)
    return is_done and bool(ours.any()) and np.array_equal(ours, theirs)


def _fill(
    content: bytes, song: _Song, pieces: Sequence[_Piece], buffers: Sequence[SegmentBuffer]
) -> bool:
    """Decode some pieces into the segments that lie in them; return whether that is possible."""
    excerpt = _build(content, song, pieces)
    try:
        for block in _decode(excerpt, song, pieces) if excerpt else ():
            add_block(buffers, block)
    except soundfile.LibsndfileError:
        return False
    return bool(excerpt)


def _clip(segment: Segment, n_samples: int) -> Segment:
    return Segment(start=min(segment.start, n_samples), stop=min(segment.stop, n_samples))


def _find_sound(content: bytes) -> _Song | None:
    """Find the frames of sound; None if libmpg123 may understand them otherwise than libavformat.

    It leaves out a delay for every encoder, and reads no tag in a frame with side information.
    """
    places = find_frames(content)
    if not places or content[places[0] + 1] != _PLAIN or not (added := read_added(content, places)):
        return None
    side_bytes = 17 if content[places[0] + 3] >= _MONO else 32
    side = places[0] + _HEADER_BYTES
    if added.n_frames and (not added.lead or any(content[side : side + side_bytes])):
        return None
    places = places[added.n_frames :]
    n_samples = (len(places) - 1) * _FRAME_SAMPLES - added.lead - added.tail
    return _Song(places=places, side_bytes=side_bytes, lead=added.lead, n_samples=n_samples)


def _plan(song: _Song, segments: Sequence[Segment]) -> Iterator[_Piece]:
    """Yield the frames of all segments, in order; those that overlap are joined."""
    last: _Piece | None = None
    for segment in sorted(segments, key=lambda segment: segment.start):
        if segment.start == segment.stop:
            continue
        piece = _piece(song, segment.start + song.lead, segment.stop + song.lead)
        if last and piece.start <= last.stop:
            last = last._replace(stop=max(last.stop, piece.stop))
            continue
        if last:
            yield last
        last = piece
    if last:
        yield last


def _piece(song: _Song, start: int, stop: int) -> _Piece:
    """Frames of the samples from ``start`` up to ``stop``, and those before that they lean on."""
    whole = begin = max(0, start // _FRAME_SAMPLES - 1)
    while begin and song.count_main_bytes(begin, whole) < _RESERVOIR_BYTES:
        begin -= 1
    begin -= begin % _TURN_FRAMES
    n_turns = -(-stop // (_TURN_FRAMES * _FRAME_SAMPLES))
    end = min(n_turns * _TURN_FRAMES, len(song.places) - 1)
    return _Piece(start=begin, whole=whole if begin else 0, stop=end)


def _build(content: bytes, song: _Song, pieces: Sequence[_Piece]) -> bytes:
    """Return the pieces as an mp3; nothing if a frame that would be emptied has a checksum."""
    places, n_frames = song.places, sum(piece.stop - piece.start for piece in pieces)
    header = content[places[0] : places[0] + _HEADER_BYTES]
    excerpt = bytearray(_information(header, song.side_bytes, n_frames))
    for piece in pieces:
        offset = len(excerpt) - places[piece.start]
        excerpt += content[places[piece.start] : places[piece.stop]]
        for place in places[piece.start : piece.whole]:
            if content[place + 1] != _PLAIN:
                return b""
            side = offset + place + _HEADER_BYTES
            excerpt[side + 1] &= 0x80  # nine bits stay: how much of the reservoir the frame uses
            excerpt[side + 2 : side + song.side_bytes] = bytes(song.side_bytes - 2)
    return bytes(excerpt)


def _information(header: bytes, side_bytes: int, n_frames: int) -> bytes:
    """Return an information frame that counts the frames and has a delay of 0."""
    head = bytes([header[0], header[1], _SHORTEST | header[2] & 0x0C, header[3]])
    tag = b"Xing" + _COUNTS_FRAMES.to_bytes(4) + n_frames.to_bytes(4)
    return (head + bytes(side_bytes) + tag).ljust(frame_bytes(head), b"\0")


def _decode(excerpt: bytes, song: _Song, pieces: Sequence[_Piece]) -> Iterator[Block]:
    """Yield the sound of an excerpt, where it stands in the song; nothing if frames are missing."""
    n_frames = sum(piece.stop - piece.start for piece in pieces)
    with _memory_file() as file:
        file.write(excerpt)
        file.seek(0)
        with soundfile.SoundFile(file.fileno(), closefd=False) as sound:
            left_out = DECODER_DELAY
            if sound.frames != n_frames * _FRAME_SAMPLES - left_out:
                return
            buffer = np.empty((_READ_FRAMES * _FRAME_SAMPLES, sound.channels), np.float32)
            for start, stop in chain.from_iterable(map(_reads, pieces)):
                at = start * _FRAME_SAMPLES + left_out
                wanted = buffer[: stop * _FRAME_SAMPLES - at]
                if len(sound.read(out=wanted)) < len(wanted):
                    return
                yield Block(at - song.lead, wanted.T)
                left_out = 0


def _reads(piece: _Piece) -> Iterator[tuple[int, int]]:
    """Yield the frames to read at once: to whole frames, or libmpg123 would seek between them."""
    for start in range(piece.start, piece.stop, _READ_FRAMES):
        yield start, min(start + _READ_FRAMES, piece.stop)


def _memory_file() -> BinaryIO:
    """Open a file that libsndfile reads without a call of Python."""
    if sys.platform == "linux":
        return os.fdopen(os.memfd_create("excerpt.mp3"), "w+b")
    return tempfile.TemporaryFile()
