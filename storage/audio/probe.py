"""What an audio file is, read from its packets without decoding one of them.

Headers lie: a variable-rate mp3 without a Xing header is announced at little more than half its
length, a truncated file at all of it. So every packet is counted, once.
"""

import ctypes
import hashlib
import logging
import mmap
import re
import struct
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import av.buffer
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet

from genre_core.errors import GenreflowError, TrackRejected, TransientError
from genre_core.records import AudioFacts, Reason
from storage.audio.expected_length import (
    PacketScan,
    lacks_rate,
    missing_mp4_bytes,
    require_complete,
    require_credible_index,
)

logger = logging.getLogger(__name__)

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
# Samples; a Vorbis stream cut short ends with a negative duration, read as four thousand million.
_MAX_PACKET_SAMPLES = 1_000_000
# Containers that time packets by their number, or by the bit rate; the last one may hold less.
_LAST_IS_GUESSED = ("asf", "mpc8")
# That decoding the last one may need: WMA lets frames go on in the next packet.
_PACKETS_BEFORE = 4
# Radio that runs for days has a link a song; each costs an opening.
_MAX_LINKS = 2_000
# The page that a logical stream of an Ogg file begins with (RFC 3533, section 6).
_FIRST_PAGE = re.compile(rb"OggS\0[\2\3\6\7]")
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


Link = tuple[int, int]


def find_links(path: Path) -> list[Link | None]:
    """Links of a chained Ogg file, which each begin anew: first byte and byte behind the last.

    ``[None]``, the file as it is, for any other. libavformat adds no times of links, and ends
    where a link has another rate or other channels.
    """
    try:
        with explain_unreadable(path), path.open("rb") as file:
            if file.read(4) != b"OggS":
                return [None]
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as song:
                begins = [*_link_begins(song, path), len(song)]
    except OSError:  # explained where the file is opened
        return [None]
    return list(pairwise(begins)) if len(begins) > 2 else [None]


def _link_begins(song: mmap.mmap, path: Path) -> list[int]:
    """Where a first page follows one that is not: streams side by side begin together."""
    begins: list[int] = []
    behind = 0
    for page in _FIRST_PAGE.finditer(song):
        place = page.start()
        if not begins or place != behind:
            begins.append(place)
        lacing = song[
            place + 27 : place + 27 + int.from_bytes(song[place + 26 : place + 27], "big")
        ]
        behind = place + 27 + len(lacing) + sum(lacing)
        if len(begins) > _MAX_LINKS:
            message = f"{path} chains over {_MAX_LINKS} streams. Split it into songs."
            raise TrackRejected(Reason.UNDECODABLE, message)
    return begins


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
            scan = _join_scans([scan, *(_scan_link(path, link) for link in links[1:])])
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


def read_artist(path: Path) -> str:
    """Artist that the tags of a file name; empty if none does, or the file cannot be read."""
    try:
        with open_audio(path) as (container, stream):
            tags = _read_tags(container, stream)
    except GenreflowError:
        return ""
    return tags.get("artist") or tags.get("album_artist", "")


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


def scan_packets(container: InputContainer, stream: AudioStream, path: Path) -> PacketScan:
    """Measure the time that the packets cover, and digest their content."""
    context, time_base = stream.codec_context, float(stream.time_base or 0)
    ticks_per_sample = 1 / (time_base * context.sample_rate)
    covered = _CoveredTicks(ticks_per_sample, trims_itself=container.format.name != "mp3")
    # the same bytes at another rate are another song
    sound_format = f"{context.name} {context.sample_rate} {context.channels}"
    digest, n_bytes, is_incomplete = hashlib.sha256(sound_format.encode()), 0, False
    ending: deque[Packet[AudioStream]] = deque(maxlen=_PACKETS_BEFORE + 1)
    try:
        for packet in container.demux(stream):
            if size := packet.size:
                covered.add(packet)
                digest.update(packet)
                n_bytes += size
                ending.append(packet)
    except av.FFmpegError as error:
        logger.warning("%s ends after %.1f s: %s", path, covered.length * time_base, error)
        is_incomplete = True
    if container.format.name in _LAST_IS_GUESSED:
        covered.correct_last(_count_last(stream, ending))
    return PacketScan(
        duration_s=max(0, covered.length) * time_base,
        end_s=covered.end * time_base,
        n_bytes=n_bytes,
        packets_id=digest.hexdigest(),
        is_incomplete=is_incomplete,
    )


def _count_last(stream: AudioStream, ending: Iterable["Packet[AudioStream]"]) -> int:
    """Decode the last packets of a stream; return the samples of the last one."""
    context, n_samples = stream.codec_context, 0
    for packet in ending:
        try:
            n_samples = sum(frame.samples for frame in context.decode(packet))
        except av.FFmpegError:  # the first may lack the one before it
            n_samples = 0
    context.flush_buffers()
    return n_samples


def _scan_link(path: Path, link: Link | None) -> PacketScan:
    with open_audio(path, link) as (container, stream):
        return scan_packets(container, stream, path)


def _join_scans(scans: list[PacketScan]) -> PacketScan:
    """Sum of the links of a chained file."""
    packets_ids = "".join(scan.packets_id for scan in scans)
    return PacketScan(
        duration_s=sum(scan.duration_s for scan in scans),
        end_s=sum(scan.end_s for scan in scans),
        n_bytes=sum(scan.n_bytes for scan in scans),
        packets_id=hashlib.sha256(packets_ids.encode()).hexdigest(),
        is_incomplete=any(scan.is_incomplete for scan in scans),
    )


class _CoveredTicks:
    """The ticks that the packets read so far cover.

    Side data is slow to read, and read where it can matter: of the first packet, and of an mp3's
    packets that no other follows without a gap. No more than a full packet is dropped of it
    (libavformat's ``read_frame_internal``), so one that begins where another ends reaches as far.
    """

    def __init__(self, ticks_per_sample: float, trims_itself: bool) -> None:
        self._ticks_per_sample = ticks_per_sample
        self._longest = _MAX_PACKET_SAMPLES * ticks_per_sample
        self._trims_itself = trims_itself
        self._begin: float | None = None
        self._end: float = 0  # of the packets before the last one
        self._last: Packet[AudioStream] | None = None
        self._last_end: float = 0

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

    def correct_last(self, n_samples: int) -> None:
        """Let the last packet last as long as it holds sound, where some was found in it."""
        if self._last is not None and self._last.pts is not None and n_samples:
            self._last_end = self._last.pts + n_samples * self._ticks_per_sample

    @property
    def end(self) -> float:
        """Where the packets end."""
        if self._last is None:
            return self._end
        tail = 0 if self._trims_itself else _skipped_samples(self._last)[1]
        return max(self._end, self._last_end - round(tail * self._ticks_per_sample))

    @property
    def length(self) -> float:
        """Ticks between the beginning and the end."""
        return self.end - (self._begin or 0)


def _skipped_samples(packet: "Packet[AudioStream]") -> tuple[int, int]:
    """Samples that the decoder drops at the start and at the end of a packet."""
    if not packet.has_sidedata("skip_samples"):
        return 0, 0
    lead, tail = struct.unpack_from("<II", bytes(packet.get_sidedata("skip_samples")))
    return lead, tail


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
