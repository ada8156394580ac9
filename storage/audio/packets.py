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
    """

    duration_s: float
    end_s: float
    n_bytes: int
    packets_id: str
    breaks_off: bool


class _Span:
    """The ticks that the packets seen so far cover.

    Side data costs more to ask for than all else of a packet, and is asked for where it can tell
    something: of the first packet, and of an mp3's packets that no other follows without a gap.
    No more than a whole packet is dropped of it (libavformat's ``read_frame_internal``),
    so one that begins where another ends reaches at least as far.
    """

    def __init__(self, ticks_per_sample: float, trims_itself: bool) -> None:
        self._ticks_per_sample = ticks_per_sample
        self._longest = _LONGEST_PACKET * ticks_per_sample
        self._trims_itself = trims_itself
        self._begin: int | None = None
        self._end = 0  # of the packets before the last one
        self._last: Packet[AudioStream] | None = None
        self._last_end = 0

    def add(self, packet: "Packet[AudioStream]") -> None:
        """Add a packet that holds sound."""
        duration, pts = packet.duration or 0, packet.pts
        start = self.end if pts is None else pts
        if self._begin is None:
            lead = round(_skipped_samples(packet)[0] * self._ticks_per_sample)
            # What stands before zero is never played (the first block of Vorbis, AAC priming).
            self._begin = max(0, start + lead)
        elif self._trims_itself or start < self._last_end:
            self._end = self.end
        self._last, self._last_end = packet, start + (duration if duration < self._longest else 0)

    @property
    def end(self) -> int:
        """Where the packets end."""
        if self._last is None:
            return self._end
        tail = 0 if self._trims_itself else _skipped_samples(self._last)[1]
        return max(self._end, self._last_end - round(tail * self._ticks_per_sample))

    @property
    def length(self) -> int:
        """How many ticks lie between the beginning and the end."""
        return self.end - (self._begin or 0)


def read_packets(container: InputContainer, stream: AudioStream, path: Path) -> Packets:
    """Measure the seconds that the packets cover, and digest their content.

    Raises
    ------
    TrackRejected
        If there is no packet of sound.
    """
    time_base = float(stream.time_base or 0)
    ticks_per_sample = 1 / (time_base * stream.codec_context.sample_rate)
    span = _Span(ticks_per_sample, trims_itself=container.format.name != "mp3")
    digest, n_bytes, breaks_off = hashlib.sha256(_sound_format(stream).encode()), 0, False
    try:
        for packet in container.demux(stream):
            if size := packet.size:
                span.add(packet)
                digest.update(packet)
                n_bytes += size
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
    )


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
