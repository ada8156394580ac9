"""The packets of a stream: how long they last together, and their digest."""

import hashlib
import logging
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet

from genre_core.errors import TrackRejected
from genre_core.records import AudioFacts, Reason
from storage.audio.resample import Span

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


_PASSABLE_CODECS = ("opus", "mp3", "mp2", "flac", "alac", "pcm_")
# Decoders carry a state from packet to packet (bit reservoir, overlap, prediction).
_RUN_UP_S = 1.0
# Longer than a frame of any codec that the times of its packets may run ahead of its samples.
_GAP_S = 0.05
# What was lost is missed by the frames behind it (bit reservoir, overlap): nine of an mp3 at most.
_AFTERMATH_S = 0.25
# Ogg may tell of a lost page only with the end of the next one.
_OGG_LAG_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """A stretch of a song, in samples, that cannot be had, and why."""

    start: int
    stop: int
    why: str


class Walk:
    """Where a walk through a song stands, counted in samples, and what it needs of the song.

    Parameters
    ----------
    stream : AudioStream
        Its packets have to be shown one by one, from the first.
    facts : AudioFacts
        What `probe_audio` says of the song.
    spans : sequence of Span
        What is wanted of it, at least one span.
    """

    def __init__(self, stream: AudioStream, facts: AudioFacts, spans: Sequence[Span]) -> None:
        samples_per_tick = float(stream.time_base or 0) * facts.sample_rate
        self.sample_rate = facts.sample_rate
        self.place = 0
        self._decoder = stream.codec_context
        self._samples_per_tick = samples_per_tick
        # Matroska and ASF know a length to the millisecond only.
        self._may_pass = facts.codec.startswith(_PASSABLE_CODECS) and samples_per_tick <= 1
        self._ahead = sorted(spans, key=lambda span: span.start)
        lag_s = _OGG_LAG_S if stream.container.format.name == "ogg" else 0.0
        self._lag = round(lag_s * facts.sample_rate)
        self._end = max(span.stop for span in spans) + self._lag
        self._has_passed = False
        self._lead: float | None = None
        self.damages: list[Damage] = []

    def is_over(self) -> bool:
        """Say whether every span lies behind, and all that could tell of damage in it."""
        while self._ahead and self._ahead[0].stop <= self.place:
            self._ahead.pop(0)
        return not self._ahead and self.place >= self._end

    def wants(self, packet: "Packet[AudioStream]") -> bool:
        """Say whether a packet has to be decoded; after a gap the decoder starts afresh."""
        if self.place and self._may_pass and packet.size and not self._is_near(packet):
            self.pass_over(packet)
            self._has_passed = True
            return False
        if self._has_passed:
            self._decoder.flush_buffers()
            self._has_passed = False
        return True

    def heed_gap(self, packet: "Packet[AudioStream]") -> None:
        """Walk over sound that is missing before a packet, as its time tells."""
        if packet.pts is None:
            return
        lead = packet.pts * self._samples_per_tick - self.place
        jump = 0.0 if self._lead is None else lead - self._lead
        if self.place and jump > _GAP_S * self.sample_rate:
            first = -min(round(jump), self._lag)
            self._note_damage(first, round(jump), f"{jump / self.sample_rate:.2f} s missing")
            self.place += round(jump)
            lead -= jump
        self._lead = lead

    def stumble(self, packet: "Packet[AudioStream]", why: str) -> None:
        """Walk over a packet that cannot be decoded."""
        self._note_damage(0, self._length(packet), why)
        self.pass_over(packet)

    def pass_over(self, packet: "Packet[AudioStream]") -> None:
        """Walk on by the length of a packet."""
        self.place += self._length(packet)

    def walk_on(self, frame: AudioFrame) -> int:
        """Walk on behind a frame; give the place of its first sample."""
        start, self.place = self.place, self.place + frame.samples
        return start

    def reaches_span(self, stop: int) -> bool:
        """Say whether sound up to ``stop`` belongs to a span, not to the run-up to one."""
        return bool(self._ahead) and stop > self._ahead[0].start

    def _is_near(self, packet: "Packet[AudioStream]") -> bool:
        run_up = round(_RUN_UP_S * self.sample_rate)
        return self.reaches_span(self.place + self._length(packet) + run_up)

    def _note_damage(self, first: int, last: int, why: str) -> None:
        """Note that sound around the place cannot be had, nor some behind it."""
        start = max(0, self.place + first)
        stop = self.place + last + round(_AFTERMATH_S * self.sample_rate)
        self.damages.append(Damage(start=start, stop=stop, why=why))

    def _length(self, packet: "Packet[AudioStream]") -> int:
        return round((packet.duration or 0) * self._samples_per_tick)
