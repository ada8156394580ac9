"""Read segments of a song with libsndfile, which seeks quickly and to the exact sample.

Checked with libsndfile 1.2.2 against libavcodec 62: both skip the delay and padding that the
encoder of an mp3 declares, so a sample has the same position in both. Vorbis is not read here: half
of the seeks end wrong, by 448 or 896 samples where the pages count differently from the blocks.
"""

import mmap
import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import av
import numpy as np
import soundfile

from genre_core.errors import TrackRejected
from genre_core.examples import Float32Array
from genre_core.records import AudioFacts, Reason
from storage.audio.expected_length import id3_bytes
from storage.audio.probe import open_audio
from storage.audio.resample import Segment, count_full_scale, mix_down

_CODECS = ("mp3", "flac", "pcm_")
# After a seek the bit reservoir of an mp3 is empty. A frame may need 511 bytes of sound before
# it, in MPEG-2 255 (ISO/IEC 11172-3 section 2.4.1.7); the smallest frames hold 58 bytes of it,
# in MPEG-2 three. With one frame more for the overlap, that is 0.24 s and 2.1 s.
_RUN_UP_S, _MPEG2_RUN_UP_S = 0.25, 2.2
_LOWEST_MPEG1_RATE = 32_000
# A variable-rate mp3 without Xing header is cut to about 58 % of its length by libsndfile.
_LENGTH_TOLERANCE_S = 0.1

# kbit/s by the index in a header, and Hz, by version and layer (ISO/IEC 11172-3, section 2.4.2.3,
# and 13818-3, section 2.4.2.3).
_MPEG1_KBPS = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_MPEG2_KBPS = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_MPEG1_HZ = (44_100, 48_000, 32_000)
_MPEG1, _MPEG2, _MPEG2_5, _LAYER_3 = 3, 2, 0, 1
_SYNC, _ID3V1_BYTES, _MONO = 0xFF, 128, 0xC0


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodedSegment:
    """The samples of a segment, mono; fewer where the song ends, meaningless if there is a fault.

    ``full_scale_share`` counts the samples of all channels.
    """

    signal: Float32Array
    full_scale_share: float = 0.0
    fault: TrackRejected | None = None


def can_seek(path: Path, facts: AudioFacts) -> bool:
    """Whether libsndfile reads a song and agrees with its packets on its length.

    An mp3 with anything but frames of one rate and number of channels is not read here: libsndfile
    gives up after 1 KiB of it, ends where they change, or continues behind it as if nothing were
    missing. It is not even opened: libmpg123 writes warnings about it to the terminal.
    """
    if not facts.codec.startswith(_CODECS) or (
        facts.codec == "mp3" and not holds_only_frames(path)
    ):
        return False
    try:
        found = soundfile.info(os.fsencode(path))
    except soundfile.LibsndfileError:
        return False
    agrees = abs(found.frames / found.samplerate - facts.duration_s) < _LENGTH_TOLERANCE_S
    return agrees and found.samplerate == facts.sample_rate


def seek_segments(
    path: Path, facts: AudioFacts, segments: Sequence[Segment]
) -> list[DecodedSegment]:
    """Decode segments of a song, mixed down to mono by the mean."""
    decoded: list[DecodedSegment] = []
    while len(decoded) < len(segments):
        decoded += _read_to_fault(path, facts, segments[len(decoded) :])
    return decoded


def holds_only_frames(path: Path) -> bool:
    """Whether every packet of an mp3 begins with the header of a frame, all of one kind.

    The lengths in the headers lead from frame to frame, in 3 ms for six minutes. If not to the end,
    libavformat decides, in 40 ms: it returns anything between frames as a packet or part of one.
    """
    if leads_to_end(path):
        return True
    with open_audio(path) as (container, stream):
        try:
            packets = (packet for packet in container.demux(stream) if packet.size > 3)
            heads = [bytes(memoryview(packet)[:4]) for packet in packets]
        except av.FFmpegError:
            return False
    kinds = {_kind(head[1], head[2], head[3]) for head in heads}
    return min(heads, default=b"") >= b"\xff\xe0" and len(kinds) == 1


def _read_to_fault(
    path: Path, facts: AudioFacts, segments: Sequence[Segment]
) -> list[DecodedSegment]:
    """Decode segments until one fails; libsndfile needs the song opened again after that."""
    is_mpeg1 = facts.sample_rate >= _LOWEST_MPEG1_RATE
    run_up_s = (_RUN_UP_S if is_mpeg1 else _MPEG2_RUN_UP_S) if facts.codec == "mp3" else 0.0
    decoded: list[DecodedSegment] = []
    try:
        with soundfile.SoundFile(os.fsencode(path)) as song:
            for segment in segments:
                decoded.append(
                    _read_segment(song, segment, round(run_up_s * song.samplerate), path)
                )
                if decoded[-1].fault:
                    break
    except soundfile.LibsndfileError as error:
        message = f"{path} ({facts.codec}) cannot be decoded: {error}. Fetch or encode it again."
        raise TrackRejected(Reason.UNDECODABLE, message) from error
    return decoded


def _read_segment(
    song: soundfile.SoundFile, segment: Segment, run_up: int, path: Path
) -> DecodedSegment:
    start = max(0, min(segment.start, song.frames) - run_up)
    try:
        song.seek(start)
        read = song.read(max(0, segment.stop - start), dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        at_s = segment.start / song.samplerate
        message = f"{path} cannot be decoded at {at_s:.1f} s: {error}. Fetch it again."
        fault = TrackRejected(Reason.UNDECODABLE, message)
        return DecodedSegment(signal=np.zeros(0, dtype=np.float32), fault=fault)
    samples = read[segment.start - start :].T
    return DecodedSegment(
        signal=mix_down(samples),
        full_scale_share=count_full_scale(samples) / max(1, samples.size),
    )


def leads_to_end(path: Path) -> bool:
    """Whether the headers of layer III frames, all of one kind, lead from one to the next.

    The last one leads to the end of the file, or to its ID3v1 tag.
    """
    kind = None
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as song:
        place, last = id3_bytes(song[:10]), len(song) - 3
        while place < last and song[place] == _SYNC:
            length = _FRAME_BYTES[song[place + 1] << 8 | song[place + 2]]
            found = _kind(song[place + 1], song[place + 2], song[place + 3])
            kind = found if kind is None else kind
            if not length or found != kind:
                return False
            place += length
        return place == len(song) - (_ID3V1_BYTES if song[-_ID3V1_BYTES:][:3] == b"TAG" else 0)


def _kind(second: int, third: int, fourth: int) -> tuple[int, int, bool]:
    """Version and layer, sample rate, and whether a frame is mono, by three bytes of its header."""
    return second & 0x1E, third & 0x0C, fourth >= _MONO


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
