"""How long the packets of a stream last, and what they hold, without decoding them."""

import hashlib
import logging
import struct
from collections import deque
from collections.abc import Iterable
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet

from storage.audio.expected_length import PacketScan
from storage.audio.mp3_scan import scan_frames

logger = logging.getLogger(__name__)

# Samples; a Vorbis stream cut short ends with a negative duration, read as four thousand million.
_MAX_PACKET_SAMPLES = 1_000_000
# Containers that time packets by their number, or by the bit rate; the last one may hold less.
_LAST_IS_GUESSED = ("asf", "mpc8")
# That decoding the last one may need: WMA lets frames go on in the next packet.
_PACKETS_BEFORE = 4


def scan_packets(container: InputContainer, stream: AudioStream, path: Path) -> PacketScan:
    """Measure the time that the packets cover, and digest their content."""
    if container.format.name == "mp3" and (scan := scan_frames(stream, path)):
        return scan
    context, time_base = stream.codec_context, float(stream.time_base or 0)
    ticks_per_sample = 1 / (time_base * context.sample_rate)
    covered = _CoveredTicks(ticks_per_sample, trims_itself=container.format.name != "mp3")
    # the same bytes at another rate are another song
    sound_format = f"{context.name} {context.sample_rate} {context.channels}"
    digest, n_bytes, is_incomplete = hashlib.sha256(sound_format.encode()), 0, False
    ending: deque[Packet[AudioStream]] = deque(maxlen=_PACKETS_BEFORE + 1)
    try:
        for packet in container.demux(stream):
            if size := packet.size:
                covered.add(packet)
                digest.update(packet)
                n_bytes += size
                ending.append(packet)
    except av.FFmpegError as error:
        logger.warning("%s ends after %.1f s: %s", path, covered.length * time_base, error)
        is_incomplete = True
    if container.format.name in _LAST_IS_GUESSED:
        covered.correct_last(_count_last(stream, ending))
    return PacketScan(
        duration_s=max(0, covered.length) * time_base,
        end_s=covered.end * time_base,
        n_bytes=n_bytes,
        packets_id=digest.hexdigest(),
        is_incomplete=is_incomplete,
    )


def _count_last(stream: AudioStream, ending: Iterable["Packet[AudioStream]"]) -> int:
    """Decode the last packets of a stream; return the samples of the last one."""
    context, n_samples = stream.codec_context, 0
    for packet in ending:
        try:
            n_samples = sum(frame.samples for frame in context.decode(packet))
        except av.FFmpegError:  # the first may lack the one before it
            n_samples = 0
    context.flush_buffers()
    return n_samples


def join_scans(scans: list[PacketScan]) -> PacketScan:
    """Sum of the links of a chained file."""
    packets_ids = "".join(scan.packets_id for scan in scans)
    return PacketScan(
        duration_s=sum(scan.duration_s for scan in scans),
        end_s=sum(scan.end_s for scan in scans),
        n_bytes=sum(scan.n_bytes for scan in scans),
        packets_id=hashlib.sha256(packets_ids.encode()).hexdigest(),
        is_incomplete=any(scan.is_incomplete for scan in scans),
    )


class _CoveredTicks:
    """The ticks that the packets read so far cover.

    Side data is slow to read, and read where it can matter: of the first packet, and of an mp3's
    packets that no other follows without a gap. No more than a full packet is dropped of it
    (libavformat's ``read_frame_internal``), so one that begins where another ends reaches as far.
    """

    def __init__(self, ticks_per_sample: float, trims_itself: bool) -> None:
        self._ticks_per_sample = ticks_per_sample
        self._longest = _MAX_PACKET_SAMPLES * ticks_per_sample
        self._trims_itself = trims_itself
        self._begin: float | None = None
        self._end: float = 0  # of the packets before the last one
        self._last: Packet[AudioStream] | None = None
        self._last_end: float = 0

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

    def correct_last(self, n_samples: int) -> None:
        """Let the last packet last as long as it holds sound, where some was found in it."""
        if self._last is not None and self._last.pts is not None and n_samples:
            self._last_end = self._last.pts + n_samples * self._ticks_per_sample

    @property
    def end(self) -> float:
        """Where the packets end."""
        if self._last is None:
            return self._end
        tail = 0 if self._trims_itself else _skipped_samples(self._last)[1]
        return max(self._end, self._last_end - round(tail * self._ticks_per_sample))

    @property
    def length(self) -> float:
        """Ticks between the beginning and the end."""
        return self.end - (self._begin or 0)


def _skipped_samples(packet: "Packet[AudioStream]") -> tuple[int, int]:
    """Samples that the decoder drops at the start and at the end of a packet."""
    if not packet.has_sidedata("skip_samples"):
        return 0, 0
    lead, tail = struct.unpack_from("<II", bytes(packet.get_sidedata("skip_samples")))
    return lead, tail
