"""What an audio file is, read from its packets without decoding one of them.

Headers lie: a variable-rate mp3 without a Xing header is announced at little more than half its
length, a truncated file at all of it. So every packet is counted, once.
"""

import ctypes
import re
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import av.buffer
from av.audio.stream import AudioStream
from av.container import InputContainer

from genre_core.errors import TrackRejected, TransientError
from genre_core.records import AudioFacts, Header, Reason
from storage.audio.expected_length import (
    PacketScan,
    lacks_rate,
    missing_mp4_bytes,
    require_complete,
    require_credible_index,
)
from storage.audio.links import Link, find_links
from storage.audio.packets import join_scans, scan_packets

# Containers that hold sound themselves; playlists, which point at other files, are not among them.
CONTAINER_SUFFIXES = {
    "aac": ".aac",
    "ac3": ".ac3",
    "aiff": ".aiff",
    "amr": ".amr",
    "ape": ".ape",
    "asf": ".wma",
    "au": ".au",
    "avi": ".avi",
    "caf": ".caf",
    "dsf": ".dsf",
    "dts": ".dts",
    "eac3": ".eac3",
    "flac": ".flac",
    "flv": ".flv",
    "matroska": ".webm",
    "mlp": ".mlp",
    "mov": ".m4a",
    "mp3": ".mp3",
    "mpc": ".mpc",
    "mpc8": ".mpc",
    "mpeg": ".mpg",
    "mpegts": ".ts",
    "ogg": ".ogg",
    "tak": ".tak",
    "truehd": ".thd",
    "tta": ".tta",
    "w64": ".w64",
    "wav": ".wav",
    "wv": ".wv",
}
LOWEST_RATE, HIGHEST_RATE = 8_000, 192_000
_WITHOUT_HEADER = ("aac", "ac3", "mp3", "mpeg", "mpegts")
_OPTIONS = {
    "protocol_whitelist": "file,subfile",
    "format_whitelist": ",".join(CONTAINER_SUFFIXES),
    "max_streams": "100",  # each has an index
}
# Of one block, which FFmpeg takes by what a header claims; the index of 60 hours of AAC. PyAV has
# no call for this limit; any module of it that is linked with libavutil leads to it.
_MAX_BLOCK_BYTES = 1 << 28
ctypes.CDLL(av.buffer.__file__).av_max_alloc(ctypes.c_size_t(_MAX_BLOCK_BYTES))
# Of one reading from a file, so that a share that has gone away stops nothing for ever.
_TIMEOUT_S = 60.0
# A GiB at 3 kbit/s; what is longer has damaged times.
_MAX_DURATION_S = 30 * 86_400.0
# The catalog counts in 32 bits; a damaged file may claim that its packets take no time.
_MAX_BIT_RATE = 2**31 - 1
_YEAR = re.compile(r"(?<!\d)((?:19|20)\d\d)(?:\d{4})?(?!\d)")  # also the day as 19590817
_DATE_TAGS = ("originaldate", "date", "year")
_ALBUM_ARTIST_TAGS = ("album_artist", "albumartist", "album artist")
_PUBLISHER_TAGS = ("publisher", "label", "organization")


@contextmanager
def explain_unreadable(path: Path) -> Iterator[None]:
    """Reject what is no file, does not exist or may not be read."""
    try:
        if path.exists() and not path.is_file():  # a pipe without a writer would never open
            raise TrackRejected(Reason.NOT_AUDIO, f"{path} is no file. Name an audio file.")
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise TrackRejected(Reason.NOT_FOUND, f"{path} does not exist. Check its name.") from error
    except PermissionError as error:
        message = f"{path} cannot be read: permission denied. Allow this user to read it."
        raise TrackRejected(Reason.FORBIDDEN, message) from error


@contextmanager
def open_audio(
    path: Path, link: Link | None = None
) -> Iterator[tuple[InputContainer, AudioStream]]:
    """Open the first audio stream of a file, or of a link; cover art and video are ignored."""
    place = str(path.absolute())
    if link:
        place = f"subfile,,start,{link[0]},end,{link[1]},,:{place}"
    try:
        with explain_unreadable(path):
            require_credible_index(path)
            container = av.open(
                place, options=_OPTIONS, metadata_errors="replace", timeout=_TIMEOUT_S
            )
    except av.ExitError as error:
        message = f"{path} returned nothing for {_TIMEOUT_S:g} s. Check the disk that it is on."
        raise TransientError(Reason.TIMED_OUT, message) from error
    except (av.FFmpegError, OSError, ValueError) as error:
        raise _explain_unopened(path, error) from error
    with container:
        yield container, _audio_stream(container, path)


def probe_audio(path: Path) -> AudioFacts:
    """Codec, rate, channels, true length, packets and tags of an audio file of any name.

    ``duration_s`` is the time that the packets cover, less the samples that the encoder added;
    ``packets_id`` is the SHA-256 of codec, rate, channels and packets, without the tags. Of a
    chained file, rate, channels and tags are those of its first link, the length that of all.
    """
    links = find_links(path)
    with open_audio(path, links[0]) as (container, stream):
        scan = scan_packets(container, stream, path)
        if len(links) > 1:
            scan = join_scans([scan, *(_scan_link(path, link) for link in links[1:])])
        if scan.duration_s <= 0:
            message = f"{path} has a header and no sound. Fetch the complete file again."
            raise TrackRejected(Reason.TRUNCATED, message)
        if scan.duration_s > _MAX_DURATION_S:
            days = scan.duration_s / 86_400
            message = f"{path} claims to last {days:.0f} days. Fetch or encode it again."
            raise TrackRejected(Reason.UNDECODABLE, message)
        require_complete(container, stream, path, scan)
        tags = _read_tags(container, stream)
        album_artist = next((tags[key] for key in _ALBUM_ARTIST_TAGS if tags.get(key)), "")
        years = [_YEAR.search(tags.get(key, "")) for key in _DATE_TAGS]
        return AudioFacts(
            duration_s=scan.duration_s,
            sample_rate=stream.codec_context.sample_rate,
            channels=stream.codec_context.channels,
            codec=stream.codec_context.name.removesuffix("float"),
            packets_id=scan.packets_id,
            bit_rate=min(round(8 * scan.n_bytes / scan.duration_s), _MAX_BIT_RATE),
            artist=tags.get("artist") or album_artist,
            album_artist=album_artist,
            album=tags.get("album", ""),
            title=tags.get("title", ""),
            year=next((int(year[1]) for year in years if year), 0),
            publisher=next((tags[key] for key in _PUBLISHER_TAGS if tags.get(key)), ""),
        )


def read_header(path: Path) -> Header:
    """Return the header and the tags of a file, without a look at its packets.

    Raises `TrackRejected` if the file cannot be opened, or holds no sound.
    """
    with open_audio(path) as (container, stream):
        tags = _read_tags(container, stream)
        return Header(
            artist=tags.get("artist") or tags.get("album_artist", ""),
            album=tags.get("album", ""),
            title=tags.get("title", ""),
            genre=tags.get("genre", ""),
            duration_s=(container.duration or 0) / av.time_base,
        )


def _read_tags(container: InputContainer, stream: AudioStream) -> dict[str, str]:
    """Tags by their names in lower case; those of the container have precedence."""
    both = list(stream.metadata.items()) + list(container.metadata.items())
    return {key.casefold(): value.strip() for key, value in both if value.strip()}


def container_suffix(path: Path) -> str:
    """Suffix, with its dot, that the container of a file should have."""
    with open_audio(path) as (container, stream):
        if stream.codec_context.name == "opus" and container.format.name == "ogg":
            return ".opus"
        return CONTAINER_SUFFIXES[container.format.name.split(",")[0]]


def _scan_link(path: Path, link: Link | None) -> PacketScan:
    with open_audio(path, link) as (container, stream):
        return scan_packets(container, stream, path)


def _explain_unopened(path: Path, error: Exception) -> TrackRejected:
    """Error to raise for a path that libavformat does not open as one of the known containers."""
    if not path.exists():
        message = f"{path} cannot be opened: {error}. Check its name."
        return TrackRejected(Reason.NOT_FOUND, message)
    if isinstance(error, MemoryError):
        message = f"{path} claims more in its header than fits into memory. Encode it again."
        return TrackRejected(Reason.UNDECODABLE, message)
    if lacks_rate(path):
        return _unknown_rate(0, path)
    if missing_mp4_bytes(path):
        message = f"{path} ends before its index. Fetch the complete file again."
        return TrackRejected(Reason.TRUNCATED, message)
    message = (
        f"{path} is no audio file, or its beginning or index is missing. Name a song, or, if it "
        "is one, fetch it again."
    )
    return TrackRejected(Reason.NOT_AUDIO, message)


def _audio_stream(container: InputContainer, path: Path) -> AudioStream:
    stream = next(iter(container.streams.audio), None)
    if stream is not None and stream.codec_context is None:
        message = f"the sound of {path} has no known decoder. Convert it to flac or mp3."
        raise TrackRejected(Reason.UNDECODABLE, message)
    # without a header a container is guessed; no rate means that no packet of sound was found
    is_guess = container.format.name in _WITHOUT_HEADER
    if stream is None or (is_guess and not stream.codec_context.sample_rate):
        message = f"{path} holds no sound ({container.format.name}). Name an audio file."
        raise TrackRejected(Reason.NOT_AUDIO, message)
    sample_rate = stream.codec_context.sample_rate
    # FLAC frames have a rate of their own, but are timed by that of the header
    is_untimed = container.format.name == "flac" and stream.time_base != Fraction(
        1, sample_rate or 1
    )
    if is_untimed or not LOWEST_RATE <= sample_rate <= HIGHEST_RATE:
        raise _unknown_rate(0 if is_untimed else sample_rate, path)
    return stream


def _unknown_rate(sample_rate: int, path: Path) -> TrackRejected:
    found = f"a sample rate of {sample_rate} Hz" if sample_rate > 0 else "no sample rate"
    message = f"{path} has {found}; 8 to 192 kHz are supported. Encode it at 44.1 kHz."
    return TrackRejected(Reason.SAMPLE_RATE_UNKNOWN, message)
