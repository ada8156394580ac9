"""Read segments of a song with libavcodec, which decodes what libsndfile cannot seek exactly.

The song is demuxed from its start and its samples are counted: times in containers are off by up to
20 ms. Packets of Opus, FLAC and MPEG audio have a known length and give the same samples again
after a run-up, so those that no segment needs are skipped. AAC (its noise depends on all that went
before) and Vorbis (the length of a block depends on its neighbour) are decoded from the start.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame, format_dtypes
from av.audio.plane import AudioPlane
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet

from genre_core.errors import TrackRejected
from genre_core.examples import Float32Array
from genre_core.records import AudioFacts, Reason
from storage.audio.probe import open_audio
from storage.audio.resample import Segment, count_full_scale, mix_down
from storage.audio.seek import DecodedSegment

_SKIPPABLE_CODECS = ("opus", "mp3", "mp2", "flac", "alac", "pcm_")
# Their frames carry a checksum, which libavcodec checks only on request.
_CHECKED_CODECS = ("flac", "tta", "wavpack")
# Decoders carry a state from packet to packet (bit reservoir, overlap, prediction).
_RUN_UP_S = 1.0
# Longer than a frame of any codec that the times of its packets may run ahead of its samples.
_GAP_S = 0.05
# The frames behind a loss lack it, too (bit reservoir, overlap): nine of an mp3 at most.
_AFTERMATH_S = 0.25
# Ogg may report a lost page only with the end of the next one.
_OGG_LAG_S = 2.0
# Mixing down costs more for each call than for each sample, and frames are short.
_MAX_JOINED_FRAMES = 128


class _Block(NamedTuple):
    """Decoded samples (n_channels, n_samples) and their position in the song."""

    start: int
    samples: npt.NDArray[Any]

    @property
    def stop(self) -> int:
        return self.start + self.samples.shape[-1]


class _Damage(NamedTuple):
    """Samples of a song that cannot be decoded, and why."""

    start: int
    stop: int
    why: str


def stream_segments(
    path: Path, facts: AudioFacts, segments: Sequence[Segment]
) -> list[DecodedSegment]:
    """Decode segments of a song, in any order, mixed down to mono by the mean.

    A segment has a fault where one of its packets, or one shortly before, cannot be decoded or is
    missing. A song whose sample rate changes is rejected.
    """
    buffers = [_SegmentBuffer(segment) for segment in segments]
    with open_audio(path) as (container, stream):
        if facts.codec in _CHECKED_CODECS:
            stream.codec_context.options = {"err_detect": "crccheck+explode"}
        position = _Position(stream, facts, segments)
        for block in _join(_decode_blocks(position, container, stream, path)):
            mono = mix_down(block.samples)
            for buffer in buffers:
                buffer.add(block, mono)
    return [buffer.finish(position, path) for buffer in buffers]


class _SegmentBuffer:
    """The samples of a segment, filled block by block."""

    def __init__(self, segment: Segment) -> None:
        self._segment = segment
        self._signal = np.zeros(segment.stop - segment.start, dtype=np.float32)
        self._n_filled = 0
        self._n_full_scale = 0
        self._n_counted = 0

    def add(self, block: _Block, mono: Float32Array) -> None:
        """Copy what a block holds of the segment."""
        start = max(self._segment.start, block.start)
        stop = min(self._segment.stop, block.stop)
        if start >= stop:
            return
        within = slice(start - block.start, stop - block.start)
        self._signal[start - self._segment.start : stop - self._segment.start] = mono[within]
        self._n_filled = max(self._n_filled, stop - self._segment.start)
        self._n_full_scale += count_full_scale(block.samples[:, within])
        self._n_counted += block.samples[:, within].size

    def finish(self, position: "_Position", path: Path) -> DecodedSegment:
        """Return the segment, with the first damage in it as its fault."""
        fault = None
        for damage in position.damages:
            if damage.start < self._segment.stop and self._segment.start < damage.stop:
                at_s = damage.start / position.sample_rate
                message = f"{path} cannot be decoded at {at_s:.1f} s: {damage.why}. Fetch it again."
                fault = TrackRejected(Reason.UNDECODABLE, message)
                break
        return DecodedSegment(
            signal=self._signal[: self._n_filled],
            full_scale_share=self._n_full_scale / max(1, self._n_counted),
            fault=fault,
        )


class _Position:
    """Position of a demux loop in a song, counted in samples, and which packets it needs."""

    def __init__(self, stream: AudioStream, facts: AudioFacts, segments: Sequence[Segment]) -> None:
        samples_per_tick = float(stream.time_base or 0) * facts.sample_rate
        self.sample_rate = facts.sample_rate
        self.sample = 0
        self.damages: list[_Damage] = []
        self._decoder = stream.codec_context
        self._samples_per_tick = samples_per_tick
        # Matroska and ASF know a length to the millisecond only.
        self._may_skip = facts.codec.startswith(_SKIPPABLE_CODECS) and samples_per_tick <= 1
        self._ahead = sorted(segments, key=lambda segment: segment.start)
        lag_s = _OGG_LAG_S if stream.container.format.name == "ogg" else 0.0
        self._lag = round(lag_s * facts.sample_rate)
        self._end = max(segment.stop for segment in segments) + self._lag
        self._has_skipped = False
        self._lead: float | None = None

    def is_over(self) -> bool:
        """Whether every segment is behind, and all that could reveal damage in it."""
        while self._ahead and self._ahead[0].stop <= self.sample:
            self._ahead.pop(0)
        return not self._ahead and self.sample >= self._end

    def needs(self, packet: "Packet[AudioStream]") -> bool:
        """Whether a packet has to be decoded; after skipped ones the decoder is flushed."""
        ahead = self.sample + self._length(packet) + round(_RUN_UP_S * self.sample_rate)
        is_near = self.reaches_segment(ahead)
        if self.sample and self._may_skip and packet.size and not is_near:
            self.sample += self._length(packet)
            self._has_skipped = True
            return False
        if self._has_skipped:
            self._decoder.flush_buffers()
            self._has_skipped = False
        return True

    def skip_gap(self, packet: "Packet[AudioStream]") -> None:
        """Advance over sound that is missing before a packet, according to its time."""
        if packet.pts is None:
            return
        lead = packet.pts * self._samples_per_tick - self.sample
        jump = 0.0 if self._lead is None else lead - self._lead
        if self.sample and jump > _GAP_S * self.sample_rate:
            first = -min(round(jump), self._lag)
            self._note_damage(first, round(jump), f"{jump / self.sample_rate:.2f} s missing")
            self.sample += round(jump)
            lead -= jump
        self._lead = lead

    def skip_damaged(self, packet: "Packet[AudioStream]", why: str) -> None:
        """Advance over a packet that cannot be decoded."""
        self._note_damage(0, self._length(packet), why)
        self.sample += self._length(packet)

    def advance(self, frame: AudioFrame) -> int:
        """Advance over a frame; return the position of its first sample."""
        start, self.sample = self.sample, self.sample + frame.samples
        return start

    def reaches_segment(self, stop: int) -> bool:
        """Whether sound up to ``stop`` belongs to a segment, not to the run-up to one."""
        return bool(self._ahead) and stop > self._ahead[0].start

    def _note_damage(self, first: int, last: int, why: str) -> None:
        """Note damage from ``first`` to ``last``, relative to the position, and its aftermath."""
        start = max(0, self.sample + first)
        stop = self.sample + last + round(_AFTERMATH_S * self.sample_rate)
        self.damages.append(_Damage(start, stop, why))

    def _length(self, packet: "Packet[AudioStream]") -> int:
        return round((packet.duration or 0) * self._samples_per_tick)


def _join(blocks: Iterator[_Block]) -> Iterator[_Block]:
    """Join blocks that follow each other."""
    run: list[_Block] = []
    for block in blocks:
        same_channels = run and len(run[-1].samples) == len(block.samples)
        if not same_channels or run[-1].stop != block.start or len(run) == _MAX_JOINED_FRAMES:
            yield from _concatenate(run)
            run = []
        run.append(block)
    yield from _concatenate(run)


def _concatenate(run: list[_Block]) -> Iterator[_Block]:
    if run:
        samples = np.concatenate([block.samples for block in run], axis=1)
        yield _Block(run[0].start, samples)


def _decode_blocks(
    position: _Position, container: InputContainer, stream: AudioStream, path: Path
) -> Iterator[_Block]:
    packets = container.demux(stream)
    while not position.is_over():
        try:
            packet = next(packets, None)
        except av.FFmpegError:  # the file cannot be read further
            return
        if packet is None:
            return
        position.skip_gap(packet)
        if position.needs(packet):
            yield from _decode_packet(position, packet, path)


def _decode_packet(
    position: _Position, packet: "Packet[AudioStream]", path: Path
) -> Iterator[_Block]:
    try:
        frames = packet.decode()
    except av.FFmpegError as error:
        position.skip_damaged(packet, error.strerror or "damage")
        return
    for frame in frames:
        if frame.sample_rate != position.sample_rate:
            message = (
                f"{path} changes its sample rate from {position.sample_rate} to "
                f"{frame.sample_rate} Hz. Encode it again at one rate."
            )
            raise TrackRejected(Reason.UNDECODABLE, message)
        start = position.advance(frame)
        if position.reaches_segment(position.sample):
            yield _Block(start, _channels(frame))


def _channels(frame: AudioFrame) -> npt.NDArray[Any]:
    """Samples of a frame, (n_channels, n_samples), whichever way they are stored.

    `AudioFrame.planes` and `to_ndarray` count the planes of eight and more channels too far, into
    memory that is not theirs (PyAV 18.1), so each plane is made by its number.
    """
    n_channels = frame.layout.nb_channels
    if not frame.format.is_planar:
        return frame.to_ndarray().reshape(-1, n_channels).T
    dtype = np.dtype(format_dtypes[frame.format.name])
    planes = [AudioPlane(frame, channel) for channel in range(n_channels)]
    return np.stack([np.frombuffer(memoryview(plane), dtype, frame.samples) for plane in planes])
