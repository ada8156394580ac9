"""Walk through the packets of a song: where each stands, and which have to be decoded."""

from collections.abc import Sequence
from dataclasses import dataclass

from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.packet import Packet

from genre_core.records import AudioFacts
from storage.audio.resample import Span

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
