"""Read segments of a song with libavcodec, which decodes what libsndfile cannot seek exactly.

The song is demuxed from its start and its samples are counted: times in containers are off by up to
20 ms. Packets of Opus, FLAC and MPEG audio have a known length and give the same samples again
after a run-up, so those that no segment needs are skipped. AAC (its noise depends on all that went
before), Vorbis (the length of a block depends on its neighbour) and chained files (where a link
begins depends on those before it) are decoded from the start. Frames of another rate are resampled
to that of the song.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
import numpy.typing as npt
import soxr
from av.audio.frame import AudioFrame, format_dtypes
from av.audio.plane import AudioPlane
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet

from genre_core.errors import TrackRejected
from genre_core.records import AudioFacts, Reason
from storage.audio.links import find_links
from storage.audio.probe import open_audio
from storage.audio.resample import (
    Block,
    DecodedSegment,
    Segment,
    SegmentBuffer,
    add_block,
    scale,
)

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
    missing.
    """
    buffers = [SegmentBuffer(segment) for segment in segments]
    position = _Position(facts, segments)
    links = find_links(path)
    for link in links:
        with open_audio(path, link) as (container, stream):
            if facts.codec in _CHECKED_CODECS:
                stream.codec_context.options = {"err_detect": "crccheck+explode"}
            position.enter(stream, is_link=len(links) > 1)
            for block in _join(_decode_blocks(position, container, stream)):
                add_block(buffers, block)
        if position.is_over():
            break
    return [buffer.finish(position.find_fault(buffer.segment, path)) for buffer in buffers]


class _Position:
    """Position of a demux loop in a song, counted in samples, and which packets it needs."""

    def __init__(self, facts: AudioFacts, segments: Sequence[Segment]) -> None:
        self.sample_rate = facts.sample_rate
        self.sample = 0
        self.damages: list[_Damage] = []
        self._codec = facts.codec
        self._ahead = sorted(segments, key=lambda segment: segment.start)
        self._last_stop = max(segment.stop for segment in segments)

    def enter(self, stream: AudioStream, is_link: bool) -> None:
        """Go on with the next stream, which has a decoder and a clock of its own."""
        self._decoder = stream.codec_context
        self._samples_per_tick = float(stream.time_base or 0) * self.sample_rate
        # Matroska and ASF know a length to the millisecond only.
        is_exact = self._codec.startswith(_SKIPPABLE_CODECS) and self._samples_per_tick <= 1
        self._may_skip = is_exact and not is_link
        lag_s = _OGG_LAG_S if stream.container.format.name == "ogg" else 0.0
        self._lag = round(lag_s * self.sample_rate)
        self._end = self._last_stop + self._lag
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

    def advance(self, n_samples: int) -> int:
        """Advance over samples; return the position of the first."""
        start, self.sample = self.sample, self.sample + n_samples
        return start

    def reaches_segment(self, stop: int) -> bool:
        """Whether sound up to ``stop`` belongs to a segment, not to the run-up to one."""
        return bool(self._ahead) and stop > self._ahead[0].start

    def find_fault(self, segment: Segment, path: Path) -> TrackRejected | None:
        """Return the first damage in a segment as its fault."""
        for damage in self.damages:
            if damage.start < segment.stop and segment.start < damage.stop:
                at_s = damage.start / self.sample_rate
                message = f"{path} cannot be decoded at {at_s:.1f} s: {damage.why}. Fetch it again."
                return TrackRejected(Reason.UNDECODABLE, message)
        return None

    def _note_damage(self, first: int, last: int, why: str) -> None:
        """Note damage from ``first`` to ``last``, relative to the position, and its aftermath."""
        start = max(0, self.sample + first)
        stop = self.sample + last + round(_AFTERMATH_S * self.sample_rate)
        self.damages.append(_Damage(start, stop, why))

    def _length(self, packet: "Packet[AudioStream]") -> int:
        return round((packet.duration or 0) * self._samples_per_tick)


def _join(blocks: Iterator[Block]) -> Iterator[Block]:
    """Join blocks that follow each other."""
    run: list[Block] = []
    for block in blocks:
        same_channels = run and len(run[-1].samples) == len(block.samples)
        if not same_channels or run[-1].stop != block.start or len(run) == _MAX_JOINED_FRAMES:
            yield from _concatenate(run)
            run = []
        run.append(block)
    yield from _concatenate(run)


def _concatenate(run: list[Block]) -> Iterator[Block]:
    if run:
        samples = np.concatenate([block.samples for block in run], axis=1)
        yield Block(run[0].start, samples)


class _Resampler:
    """Resamples frames that follow each other to the rate of the song."""

    def __init__(self, frame: AudioFrame, position: _Position) -> None:
        self._format = (frame.sample_rate, frame.layout.nb_channels)
        self._ratio = position.sample_rate / frame.sample_rate
        self._stream = soxr.ResampleStream(
            frame.sample_rate, position.sample_rate, frame.layout.nb_channels, dtype="float32"
        )
        self._start = self._written = position.sample
        self._n_read = 0

    @property
    def stop(self) -> int:
        """Position that the frames reach, though some of their samples are still to come."""
        return self._start + round(self._n_read * self._ratio)

    def continues(self, frame: AudioFrame, position: _Position) -> bool:
        """Whether a frame follows those before it and is of their rate and channels."""
        found = (frame.sample_rate, frame.layout.nb_channels)
        return found == self._format and position.sample == self.stop

    def resample(self, samples: npt.NDArray[Any], is_last: bool = False) -> Block:
        """Add samples; return those that are ready."""
        self._n_read += samples.shape[1]
        levels = np.ascontiguousarray(scale(samples).T, dtype=np.float32)
        block = Block(self._written, self._stream.resample_chunk(levels, last=is_last).T)
        self._written = block.stop
        return block

    def finish(self) -> Block:
        """Return the samples that are still to come."""
        return self.resample(np.zeros((self._format[1], 0), np.float32), is_last=True)


def _decode_blocks(
    position: _Position, container: InputContainer, stream: AudioStream
) -> Iterator[Block]:
    resampler: _Resampler | None = None
    for frame in _decode_frames(position, container, stream):
        if resampler and not resampler.continues(frame, position):
            yield resampler.finish()
            resampler = None
        if frame.sample_rate == position.sample_rate:
            start = position.advance(frame.samples)
            if position.reaches_segment(position.sample):
                yield Block(start, channels_of(frame))
            continue
        resampler = resampler or _Resampler(frame, position)
        yield resampler.resample(channels_of(frame))
        position.advance(resampler.stop - position.sample)
    if resampler:
        yield resampler.finish()


def _decode_frames(
    position: _Position, container: InputContainer, stream: AudioStream
) -> Iterator[AudioFrame]:
    packets = container.demux(stream)
    while not position.is_over():
        try:
            packet = next(packets, None)
        except av.FFmpegError:  # the file cannot be read further
            return
        if packet is None:
            return
        position.skip_gap(packet)
        if not position.needs(packet):
            continue
        try:
            frames = packet.decode()
        except av.FFmpegError as error:
            position.skip_damaged(packet, error.strerror or "damage")
            continue
        yield from frames


def channels_of(frame: AudioFrame) -> npt.NDArray[Any]:
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
