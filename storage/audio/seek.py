"""Read segments of a song with libsndfile, which seeks quickly and to the exact sample.

Checked with libsndfile 1.2.2 against libavcodec 62: both skip the delay and padding that the
encoder of an mp3 declares, so a sample has the same position in both. Vorbis is not read here: half
of the seeks end wrong, by 448 or 896 samples where the pages count differently from the blocks.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import soundfile

from genre_core.errors import TrackRejected
from genre_core.records import AudioFacts, Reason
from storage.audio.mp3_frames import find_frames, frame_kind, read_song
from storage.audio.probe import open_audio
from storage.audio.resample import DecodedSegment, Segment, count_full_scale, mix_down

_CODECS = ("mp3", "flac", "pcm_")
# After a seek the bit reservoir of an mp3 is empty. A frame may need 511 bytes of sound before
# it, in MPEG-2 255 (ISO/IEC 11172-3 section 2.4.1.7); the smallest frames hold 58 bytes of it,
# in MPEG-2 three. With one frame more for the overlap, that is 0.24 s and 2.1 s.
_RUN_UP_S, _MPEG2_RUN_UP_S = 0.25, 2.2
_LOWEST_MPEG1_RATE = 32_000
# A variable-rate mp3 without Xing header is cut to about 58 % of its length by libsndfile.
_LENGTH_TOLERANCE_S = 0.1


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
    if find_frames(read_song(path)):
        return True
    with open_audio(path) as (container, stream):
        try:
            packets = (packet for packet in container.demux(stream) if packet.size > 3)
            heads = {bytes(memoryview(packet)[:4]) for packet in packets}
        except av.FFmpegError:
            return False
    kinds = {frame_kind(head) for head in heads}
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
