"""The packets of a stream: how long they last together, and their digest."""

import hashlib
import logging
import struct
from dataclasses import dataclass
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet

from genre_core.errors import TrackRejected
from genre_core.records import Reason

logger = logging.getLogger(__name__)

# Samples; a Vorbis stream cut short ends with a negative duration, read as four thousand million.
_LONGEST_PACKET = 1_000_000
_MP3_SYNC = b"\xff\xe0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Packets:
    """What the packets of a stream are together.

    Attributes
    ----------
    duration_s : float
        The span that they cover, less the samples that the encoder added.
    end_s : float
        Where they end on the clock of the file, which may start late.
    breaks_off : bool
        Whether the file could not be read to its end.
    are_mp3_frames : bool
        Whether each begins with the sync word of an mp3's frame: what stands between frames is
        handed on by libavformat as a packet, or as the beginning of one.
    """

    duration_s: float
    end_s: float
    n_bytes: int
    packets_id: str
    breaks_off: bool
    are_mp3_frames: bool


@dataclass(slots=True)
class _Span:
    """The ticks that the packets seen so far cover."""

    begin: int | None = None
    end: int = 0

    def add(
        self, packet: "Packet[AudioStream]", ticks_per_sample: float, trims_itself: bool
    ) -> None:
        lead, tail = _skipped_samples(packet)
        tail = 0 if trims_itself else tail
        duration = packet.duration or 0
        duration = duration if duration < _LONGEST_PACKET * ticks_per_sample else 0
        start = self.end if packet.pts is None else packet.pts
        if self.begin is None:
            # What stands before zero is never played (the first block of Vorbis, AAC priming).
            self.begin = max(0, start + round(lead * ticks_per_sample))
        self.end = max(self.end, start + duration - round(tail * ticks_per_sample))

    @property
    def length(self) -> int:
        return self.end - (self.begin or 0)


def read_packets(container: InputContainer, stream: AudioStream, path: Path) -> Packets:
    """Measure the seconds that the packets cover, and digest their content.

    Raises
    ------
    TrackRejected
        If there is no packet of sound.
    """
    time_base = float(stream.time_base or 0)
    span, n_bytes, breaks_off, are_mp3_frames = _Span(), 0, False, True
    digest = hashlib.sha256(_sound_format(stream).encode())
    ticks_per_sample = 1 / (time_base * stream.codec_context.sample_rate)
    trims_itself = container.format.name != "mp3"
    try:
        for packet in container.demux(stream):
            if packet.size:
                span.add(packet, ticks_per_sample, trims_itself)
                digest.update(packet)
                n_bytes += packet.size
                are_mp3_frames = are_mp3_frames and begins_frame(packet)
    except av.FFmpegError as error:
        logger.warning("%s breaks off after %.1f s: %s", path, span.length * time_base, error)
        breaks_off = True
    if span.length <= 0:
        message = f"{path} announces sound and holds none. Fetch the whole file again."
        raise TrackRejected(Reason.TRUNCATED, message)
    return Packets(
        duration_s=span.length * time_base,
        end_s=span.end * time_base,
        n_bytes=n_bytes,
        packets_id=digest.hexdigest(),
        breaks_off=breaks_off,
        are_mp3_frames=are_mp3_frames and not breaks_off,
    )


def begins_frame(packet: "Packet[AudioStream]") -> bool:
    """Say whether a packet begins with the sync word of an mp3's frame."""
    return bytes(memoryview(packet)[:2]) >= _MP3_SYNC


def _sound_format(stream: AudioStream) -> str:
    """Name what turns packets into sound: the same bytes at another rate are another song."""
    context = stream.codec_context
    return f"{context.name} {context.sample_rate} {context.channels}"


def _skipped_samples(packet: "Packet[AudioStream]") -> tuple[int, int]:
    """Samples that the decoder drops at the start and at the end of a packet."""
    if not packet.has_sidedata("skip_samples"):
        return 0, 0
    lead, tail = struct.unpack_from("<II", bytes(packet.get_sidedata("skip_samples")))
    return lead, tail
