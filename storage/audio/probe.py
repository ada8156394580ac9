"""What an audio file is, read from its packets without decoding one of them.

Headers lie: a variable-rate mp3 without a Xing header is announced at little more than half its
length, a truncated file at all of it. So every packet is counted, once.
"""

import hashlib
import logging
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet

from genre_core.errors import TrackRejected
from genre_core.records import AudioFacts, Reason

logger = logging.getLogger(__name__)

# Containers that hold sound themselves; playlists, which point at other files, are not among them.
CONTAINER_SUFFIXES = {
    "aac": ".aac",
    "ac3": ".ac3",
    "aiff": ".aiff",
    "ape": ".ape",
    "asf": ".wma",
    "au": ".au",
    "caf": ".caf",
    "flac": ".flac",
    "matroska": ".webm",
    "mov": ".m4a",
    "mp3": ".mp3",
    "mpc": ".mpc",
    "mpc8": ".mpc",
    "mpeg": ".mpg",
    "mpegts": ".ts",
    "ogg": ".ogg",
    "tta": ".tta",
    "w64": ".w64",
    "wav": ".wav",
    "wv": ".wv",
}
_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": ",".join(CONTAINER_SUFFIXES)}


# Samples; a Vorbis stream cut short ends with a negative duration, read as four thousand million.
_LONGEST_PACKET = 1_000_000


@contextmanager
def open_audio(path: Path) -> Iterator[tuple[InputContainer, AudioStream]]:
    """Open the first sound stream of a file, cover art and video left aside.

    Raises
    ------
    TrackRejected
        If the file is missing, may not be read, holds no sound, or has no known decoder.
    """
    try:
        container = av.open(str(path.absolute()), options=_OPTIONS, metadata_errors="replace")
    except FileNotFoundError as error:
        raise TrackRejected(Reason.NOT_FOUND, f"{path} is not there. Check its name.") from error
    except PermissionError as error:
        message = f"{path} may not be read. Give this user the right to read it."
        raise TrackRejected(Reason.FORBIDDEN, message) from error
    except (av.FFmpegError, OSError, ValueError) as error:
        message = f"{path} is no audio file, or its beginning or index is missing."
        raise TrackRejected(Reason.NOT_AUDIO, message) from error
    with container:
        yield container, _sound(container, path)


def probe_audio(path: Path) -> AudioFacts:
    """Say what an audio file is: codec, rate, channels, true length, packets and tags.

    Parameters
    ----------
    path : Path
        An audio file of any container known to libavformat; its name plays no part.

    Returns
    -------
    AudioFacts
        ``duration_s`` is the span of the packets, less the samples that the encoder added;
        ``packets_id`` is the SHA-256 of codec, rate, channels and packets, tags left aside.

    Raises
    ------
    TrackRejected
        If the file cannot be read, is not audio, or holds no packet of sound.
    """
    with open_audio(path) as (container, stream):
        packets = _read_packets(container, stream, path)
        tags = _fold_tags(container, stream)
        return AudioFacts(
            duration_s=packets.duration_s,
            sample_rate=stream.codec_context.sample_rate,
            channels=stream.codec_context.channels,
            codec=stream.codec_context.name.removesuffix("float"),
            packets_id=packets.packets_id,
            bit_rate=round(8 * packets.n_bytes / packets.duration_s),
            artist=tags.get("artist") or tags.get("album_artist", ""),
            album=tags.get("album", ""),
            title=tags.get("title", ""),
        )


def container_suffix(path: Path) -> str:
    """Give the suffix, with its dot, that the container of a file deserves."""
    with open_audio(path) as (container, stream):
        if stream.codec_context.name == "opus" and container.format.name == "ogg":
            return ".opus"
        return CONTAINER_SUFFIXES[container.format.name.split(",")[0]]


def _sound(container: InputContainer, path: Path) -> AudioStream:
    stream = next(iter(container.streams.audio), None)
    if stream is not None and stream.codec_context is None:
        message = f"the sound of {path} has no known decoder. Convert it to flac or mp3."
        raise TrackRejected(Reason.UNDECODABLE, message)
    if stream is None or not stream.codec_context.sample_rate:
        message = f"{path} holds no sound ({container.format.name}). Name an audio file."
        raise TrackRejected(Reason.NOT_AUDIO, message)
    return stream


@dataclass(slots=True)
class _Span:
    """The ticks that the packets seen so far cover."""

    begin: int | None = None
    end: int = 0

    def add(
        self, packet: "Packet[AudioStream]", ticks_per_sample: float, trims_itself: bool
    ) -> None:
        lead, tail = _skipped_samples(packet)
        tail = 0 if trims_itself else tail
        duration = packet.duration or 0
        duration = duration if duration < _LONGEST_PACKET * ticks_per_sample else 0
        start = self.end if packet.pts is None else packet.pts
        if self.begin is None:
            # What stands before zero is never played (the first block of Vorbis, AAC priming).
            self.begin = max(0, start + round(lead * ticks_per_sample))
        self.end = max(self.end, start + duration - round(tail * ticks_per_sample))

    @property
    def length(self) -> int:
        return self.end - (self.begin or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Packets:
    """What the packets of a stream are together."""

    duration_s: float
    n_bytes: int
    packets_id: str


def _read_packets(container: InputContainer, stream: AudioStream, path: Path) -> _Packets:
    """Measure the seconds that the packets cover, and digest their content."""
    time_base = float(stream.time_base or 0)
    span, n_bytes = _Span(), 0
    digest = hashlib.sha256(_sound_format(stream).encode())
    ticks_per_sample = 1 / (time_base * stream.codec_context.sample_rate)
    trims_itself = container.format.name != "mp3"
    try:
        for packet in container.demux(stream):
            if packet.size:
                span.add(packet, ticks_per_sample, trims_itself)
                digest.update(packet)
                n_bytes += packet.size
    except av.FFmpegError as error:
        logger.warning("%s breaks off after %.1f s: %s", path, span.length * time_base, error)
    if span.length <= 0:
        message = f"{path} announces sound and holds none. Fetch the whole file again."
        raise TrackRejected(Reason.TRUNCATED, message)
    return _Packets(
        duration_s=span.length * time_base, n_bytes=n_bytes, packets_id=digest.hexdigest()
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


def _fold_tags(container: InputContainer, stream: AudioStream) -> dict[str, str]:
    """Merge the tags of the container and the stream, keys in lower case, the container first."""
    tags = list(stream.metadata.items()) + list(container.metadata.items())
    return {key.casefold(): value.strip() for key, value in tags if value.strip()}
