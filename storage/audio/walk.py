"""Walk through the packets of a song: where each stands, and which have to be decoded."""

from collections.abc import Sequence

from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.packet import Packet

from genre_core.records import AudioFacts
from storage.audio.resample import Span

_PASSABLE_CODECS = ("opus", "mp3", "mp2", "flac", "alac", "pcm_")
# Decoders carry a state from packet to packet (bit reservoir, overlap, prediction).
_RUN_UP_S = 1.0


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
        self._has_passed = False

    def is_over(self) -> bool:
        """Say whether every span lies behind."""
        while self._ahead and self._ahead[0].stop <= self.place:
            self._ahead.pop(0)
        return not self._ahead

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

    def stands_in_span(self, packet: "Packet[AudioStream]") -> bool:
        """Say whether a packet holds sound of a span itself."""
        return self.reaches_span(self.place + self._length(packet))

    def _is_near(self, packet: "Packet[AudioStream]") -> bool:
        run_up = round(_RUN_UP_S * self.sample_rate)
        return self.reaches_span(self.place + self._length(packet) + run_up)

    def _length(self, packet: "Packet[AudioStream]") -> int:
        return round((packet.duration or 0) * self._samples_per_tick)
