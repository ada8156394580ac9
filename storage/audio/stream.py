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
from storage.audio.walk import Walk

# Mixing down costs more for each call than for each sample, and frames are short.
_JOINED_FRAMES = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """Decoded sound and its place in the song; samples are (n_channels, n_samples)."""

    start: int
    samples: npt.NDArray[Any]

    @property
    def stop(self) -> int:
        return self.start + self.samples.shape[-1]


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
    for piece in _join(_decode_pieces(path, facts, spans)):
        mono = mix_down(piece.samples)
        for row, span in enumerate(spans):
            filled[row] = max(filled[row], _fill(signals[row], span, mono, piece.start))
    return [signal[:n] for signal, n in zip(signals, filled, strict=True)]


def _fill(signal: Float32Array, span: Span, mono: Float32Array, place: int) -> int:
    """Copy what sound at a place holds of a span; return where in the span the copy ends."""
    start = max(span.start, place)
    stop = min(span.stop, place + len(mono))
    if start >= stop:
        return 0
    signal[start - span.start : stop - span.start] = mono[start - place : stop - place]
    return stop - span.start


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


def _decode_pieces(path: Path, facts: AudioFacts, spans: Sequence[Span]) -> Iterator[_Piece]:
    with open_audio(path) as (container, stream):
        walk = Walk(stream, facts, spans)
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


def _decode_packet(walk: Walk, packet: "Packet[AudioStream]", path: Path) -> Iterator[_Piece]:
    for frame in _decode_frames(walk, packet, path):
        if frame.sample_rate != walk.sample_rate:
            message = (
                f"{path} changes its sample rate from {walk.sample_rate} to {frame.sample_rate} Hz."
                " Encode it again at one rate."
            )
            raise TrackRejected(Reason.UNDECODABLE, message)
        start = walk.walk_on(frame)
        if walk.reaches_span(walk.place):
            yield _Piece(start=start, samples=_channels(frame))


def _decode_frames(walk: Walk, packet: "Packet[AudioStream]", path: Path) -> list[AudioFrame]:
    try:
        return packet.decode()
    except av.FFmpegError as error:
        if walk.stands_in_span(packet):
            at_s = walk.place / walk.sample_rate
            message = f"{path} cannot be decoded at {at_s:.1f} s: {error.strerror}. Fetch it again."
            raise TrackRejected(Reason.UNDECODABLE, message) from error
        walk.pass_over(packet)
        return []


def _channels(frame: AudioFrame) -> npt.NDArray[Any]:
    """Give the samples of a frame, (n_channels, n_samples), whichever way they are stored."""
    samples = frame.to_ndarray()
    if frame.format.is_planar:
        return samples
    return samples.reshape(-1, len(frame.layout.channels)).T
