"""Read stretches of a song with libavcodec, which decodes what libsndfile cannot seek exactly.

The song is walked from its start and its samples are counted: the times that containers give
are off by up to 20 ms in ordinary ogg, opus and m4a files. Opus, FLAC and MPEG audio tell how
long a packet is and come back to the same samples after a run-up, so packets that no span needs
are passed over. AAC (its noise depends on all that went before) and Vorbis (the length of a block
depends on its neighbour) are decoded from the start, at a thousandth of their playing time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet

from genre_core.errors import TrackRejected
from genre_core.examples import Float32Array
from genre_core.records import AudioFacts, Reason
from storage.audio.mixing import mix_down
from storage.audio.probe import open_audio
from storage.audio.resample import Span

_PASSABLE_CODECS = ("opus", "mp3", "mp2", "flac", "alac", "pcm_")
# Decoders carry a state from packet to packet (bit reservoir, overlap, prediction).
_RUN_UP_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """Decoded sound and its place in the song, in samples."""

    start: int
    samples: Float32Array


class _Walk:
    """Where a walk through the packets of a song stands, and which of them it needs."""

    def __init__(self, stream: AudioStream, facts: AudioFacts, spans: Sequence[Span]) -> None:
        samples_per_tick = float(stream.time_base or 0) * facts.sample_rate
        self.sample_rate = facts.sample_rate
        self.place = 0
        self._decoder = stream.codec_context
        self._samples_per_tick = samples_per_tick
        # Matroska and ASF know a length to the millisecond only.
        self._may_pass = facts.codec.startswith(_PASSABLE_CODECS) and samples_per_tick <= 1
        self._spans = sorted(spans, key=lambda span: span.start)
        self._has_passed = False

    def is_over(self) -> bool:
        """Say whether every span lies behind."""
        return all(span.stop <= self.place for span in self._spans)

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

    def stands_in_span(self, packet: "Packet[AudioStream]") -> bool:
        """Say whether a packet holds sound of a span itself, not of the run-up to it."""
        stop = self.place + self._length(packet)
        return any(self.place < span.stop and stop > span.start for span in self._spans)

    def walk_on(self, frame: AudioFrame) -> _Piece:
        """Place a frame and walk on behind it; where no span needs it, its sound is left out."""
        start, self.place = self.place, self.place + frame.samples
        if not any(start < span.stop and self.place > span.start for span in self._spans):
            return _Piece(start=start, samples=np.zeros(0, dtype=np.float32))
        return _Piece(start=start, samples=mix_down(_channels(frame)))

    def _is_near(self, packet: "Packet[AudioStream]") -> bool:
        stop = self.place + self._length(packet) + round(_RUN_UP_S * self.sample_rate)
        return any(self.place < span.stop and stop > span.start for span in self._spans)

    def _length(self, packet: "Packet[AudioStream]") -> int:
        return round((packet.duration or 0) * self._samples_per_tick)


def stream_spans(path: Path, facts: AudioFacts, spans: Sequence[Span]) -> list[Float32Array]:
    """Read the spans of a song, mixed down to mono by the mean.

    Parameters
    ----------
    path : Path
        The song.
    facts : AudioFacts
        What `probe_audio` says of it.
    spans : sequence of Span
        In any order; they may overlap.

    Returns
    -------
    list of float32 [shape=(n,)]
        One a span, shorter where the song ends.

    Raises
    ------
    TrackRejected
        If a packet within a span cannot be decoded, or the sample rate changes.
    """
    signals = [np.zeros(span.stop - span.start, dtype=np.float32) for span in spans]
    filled = [0] * len(spans)
    for piece in _decode_pieces(path, facts, spans):
        for row, span in enumerate(spans):
            filled[row] = max(filled[row], _fill(signals[row], span, piece))
    return [signal[:n] for signal, n in zip(signals, filled, strict=True)]


def _fill(signal: Float32Array, span: Span, piece: _Piece) -> int:
    """Copy what a piece holds of a span; return where in the span the copy ends."""
    start = max(span.start, piece.start)
    stop = min(span.stop, piece.start + len(piece.samples))
    if start >= stop:
        return 0
    source = piece.samples[start - piece.start : stop - piece.start]
    signal[start - span.start : stop - span.start] = source
    return stop - span.start


def _decode_pieces(path: Path, facts: AudioFacts, spans: Sequence[Span]) -> Iterator[_Piece]:
    with open_audio(path) as (container, stream):
        walk = _Walk(stream, facts, spans)
        for packet in _packets(container, stream):
            if walk.is_over():
                return
            if walk.wants(packet):
                yield from _decode_packet(walk, packet, path)


def _packets(container: InputContainer, stream: AudioStream) -> "Iterator[Packet[AudioStream]]":
    """Walk the packets; a file that breaks off ends there."""
    packets = container.demux(stream)
    while True:
        try:
            yield next(packets)
        except (StopIteration, av.FFmpegError):
            return


def _decode_packet(walk: _Walk, packet: "Packet[AudioStream]", path: Path) -> Iterator[_Piece]:
    for frame in _decode_frames(walk, packet, path):
        if frame.sample_rate != walk.sample_rate:
            message = (
                f"{path} changes its sample rate from {walk.sample_rate} to {frame.sample_rate} Hz."
                " Encode it again at one rate."
            )
            raise TrackRejected(Reason.UNDECODABLE, message)
        piece = walk.walk_on(frame)
        if len(piece.samples):
            yield piece


def _decode_frames(walk: _Walk, packet: "Packet[AudioStream]", path: Path) -> list[AudioFrame]:
    try:
        return packet.decode()
    except av.FFmpegError as error:
        if walk.stands_in_span(packet):
            at_s = walk.place / walk.sample_rate
            message = f"{path} cannot be decoded at {at_s:.1f} s: {error.strerror}. Fetch it again."
            raise TrackRejected(Reason.UNDECODABLE, message) from error
        walk.pass_over(packet)
        return []


def _channels(frame: AudioFrame) -> np.ndarray:
    """Give the samples of a frame, (n_channels, n_samples), whichever way they are stored."""
    samples = frame.to_ndarray()
    if frame.format.is_planar:
        return samples
    return samples.reshape(-1, len(frame.layout.channels)).T
