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
from typing import Any

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
from storage.audio.packets import Damage, Walk
from storage.audio.probe import open_audio
from storage.audio.resample import Span, count_full_scale, mix_down
from storage.audio.seek import Stretch

# Mixing down costs more for each call than for each sample, and frames are short.
_JOINED_FRAMES = 128
# Their frames carry a checksum, which libavcodec heeds only if it is asked to.
_CHECKED_CODECS = ("flac", "tta", "wavpack")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """Decoded sound and its place in the song; samples are (n_channels, n_samples)."""

    start: int
    samples: npt.NDArray[Any]

    @property
    def stop(self) -> int:
        return self.start + self.samples.shape[-1]


def stream_spans(path: Path, facts: AudioFacts, spans: Sequence[Span]) -> list[Stretch]:
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
    list of Stretch
        One a span; with a fault where a packet of the span, or shortly before, cannot be decoded
        or is missing.

    Raises
    ------
    TrackRejected
        If the sample rate changes.
    """
    fillings = [_Filling(span) for span in spans]
    with open_audio(path) as (container, stream):
        if facts.codec in _CHECKED_CODECS:
            stream.codec_context.options = {"err_detect": "crccheck+explode"}
        walk = Walk(stream, facts, spans)
        for piece in _join(_decode_pieces(walk, container, stream, path)):
            mono = mix_down(piece.samples)
            for filling in fillings:
                filling.add(piece, mono)
    return [filling.finish(walk, path) for filling in fillings]


class _Filling:
    """A span on its way to be read."""

    def __init__(self, span: Span) -> None:
        self._span = span
        self._signal = np.zeros(span.stop - span.start, dtype=np.float32)
        self._n_filled = 0
        self._n_full_scale = 0
        self._n_counted = 0

    def add(self, piece: _Piece, mono: Float32Array) -> None:
        """Copy what a piece holds of the span."""
        start = max(self._span.start, piece.start)
        stop = min(self._span.stop, piece.stop)
        if start >= stop:
            return
        within = slice(start - piece.start, stop - piece.start)
        self._signal[start - self._span.start : stop - self._span.start] = mono[within]
        self._n_filled = max(self._n_filled, stop - self._span.start)
        self._n_full_scale += count_full_scale(piece.samples[:, within])
        self._n_counted += piece.samples[:, within].size

    def finish(self, walk: Walk, path: Path) -> Stretch:
        """Give what has been read, with the first damage that lies in it."""
        faults = [
            _fault(damage, walk.sample_rate, path)
            for damage in walk.damages
            if damage.start < self._span.stop and self._span.start < damage.stop
        ]
        return Stretch(
            signal=self._signal[: self._n_filled],
            full_scale_share=self._n_full_scale / max(1, self._n_counted),
            fault=faults[0] if faults else None,
        )


def _fault(damage: Damage, sample_rate: int, path: Path) -> TrackRejected:
    at_s = damage.start / sample_rate
    message = f"{path} cannot be decoded at {at_s:.1f} s: {damage.why}. Fetch it again."
    return TrackRejected(Reason.UNDECODABLE, message)


def _join(pieces: Iterator[_Piece]) -> Iterator[_Piece]:
    """Join pieces that follow each other."""
    run: list[_Piece] = []
    for piece in pieces:
        if run and not _continues(run, piece):
            yield _concatenate(run)
            run = []
        run.append(piece)
    if run:
        yield _concatenate(run)


def _continues(run: list[_Piece], piece: _Piece) -> bool:
    same_channels = len(run[-1].samples) == len(piece.samples)
    return run[-1].stop == piece.start and same_channels and len(run) < _JOINED_FRAMES


def _concatenate(run: list[_Piece]) -> _Piece:
    samples = np.concatenate([piece.samples for piece in run], axis=1)
    return _Piece(start=run[0].start, samples=samples)


def _decode_pieces(
    walk: Walk, container: InputContainer, stream: AudioStream, path: Path
) -> Iterator[_Piece]:
    for packet in _packets(container, stream):
        if walk.is_over():
            return
        walk.heed_gap(packet)
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


def _decode_packet(walk: Walk, packet: "Packet[AudioStream]", path: Path) -> Iterator[_Piece]:
    for frame in _decode_frames(walk, packet):
        if frame.sample_rate != walk.sample_rate:
            message = (
                f"{path} changes its sample rate from {walk.sample_rate} to {frame.sample_rate} Hz."
                " Encode it again at one rate."
            )
            raise TrackRejected(Reason.UNDECODABLE, message)
        start = walk.walk_on(frame)
        if walk.reaches_span(walk.place):
            yield _Piece(start=start, samples=_channels(frame))


def _decode_frames(walk: Walk, packet: "Packet[AudioStream]") -> list[AudioFrame]:
    try:
        return packet.decode()
    except av.FFmpegError as error:
        walk.stumble(packet, error.strerror or "damage")
        return []


def _channels(frame: AudioFrame) -> npt.NDArray[Any]:
    """Give the samples of a frame, (n_channels, n_samples), whichever way they are stored.

    The planes are asked for one by one: `AudioFrame.planes` and `to_ndarray` go on counting them
    behind the last of eight and more, into memory that is not theirs.
    """
    n_channels = frame.layout.nb_channels
    if not frame.format.is_planar:
        return frame.to_ndarray().reshape(-1, n_channels).T
    dtype = np.dtype(format_dtypes[frame.format.name])
    planes = [AudioPlane(frame, channel) for channel in range(n_channels)]
    return np.stack([np.frombuffer(memoryview(plane), dtype, frame.samples) for plane in planes])
