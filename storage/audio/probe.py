"""What an audio file is, read from its packets without decoding one of them.

Headers lie: a variable-rate mp3 without a Xing header is announced at little more than half its
length, a truncated file at all of it. So every packet is counted, once.
"""

import mmap
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from itertools import product
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import InputContainer

from genre_core.errors import TrackRejected, TransientError
from genre_core.records import AudioFacts, Reason
from storage.audio.headers import lacks_rate, missing_mp4_bytes, require_whole
from storage.audio.packets import Packets, read_packets

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
_YEAR = re.compile(r"(?<!\d)((?:19|20)\d\d)(?:\d{4})?(?!\d)")  # also the day as 19590817
_DATE = ("originaldate", "date", "year")
_PUBLISHER = ("publisher", "label", "organization")
_BARE = ("aac", "ac3", "mp3", "mpeg", "mpegts")
_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": ",".join(CONTAINER_SUFFIXES)}
# Of one reading from a file, so that a share that has gone away stops nothing for ever.
_TIMEOUT_S = 60.0
LOWEST_RATE, HIGHEST_RATE = 8_000, 192_000
# A GiB at 3 kbit/s; what is longer has damaged times.
_LONGEST_S = 30 * 86_400.0
# The catalog counts in 32 bits; a damaged file may claim that its packets take no time.
_HIGHEST_BIT_RATE = 2**31 - 1


@contextmanager
def open_audio(path: Path) -> Iterator[tuple[InputContainer, AudioStream]]:
    """Open the first sound stream of a file, cover art and video left aside.

    Raises
    ------
    TrackRejected
        If the file is missing, may not be read, holds no sound, or has no known decoder or rate.
    TransientError
        If nothing comes from the file for a minute.
    """
    if path.exists() and not path.is_file():  # a pipe without a writer would never open
        raise TrackRejected(Reason.NOT_AUDIO, f"{path} is no file. Name an audio file.")
    try:
        container = av.open(
            str(path.absolute()), options=_OPTIONS, metadata_errors="replace", timeout=_TIMEOUT_S
        )
    except FileNotFoundError as error:
        raise TrackRejected(Reason.NOT_FOUND, f"{path} is not there. Check its name.") from error
    except PermissionError as error:
        message = f"{path} may not be read. Give this user the right to read it."
        raise TrackRejected(Reason.FORBIDDEN, message) from error
    except av.ExitError as error:
        message = f"{path} gives nothing for {_TIMEOUT_S:g} s. Check the disk that it is on."
        raise TransientError(Reason.TIMED_OUT, message) from error
    except (av.FFmpegError, OSError, ValueError) as error:
        if not path.exists():
            message = f"{path} leads nowhere: {error}. Check its name."
            raise TrackRejected(Reason.NOT_FOUND, message) from error
        raise _unopened(path) from error
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
        If the file cannot be read, is not audio, has no rate between 8 and 192 kHz
        (``sample_rate_unknown``), holds less sound than its header promises, or none
        (``truncated``), or claims to last a month (``undecodable``).
    """
    with open_audio(path) as (container, stream):
        packets = read_packets(container, stream, path)
        _require_plausible(packets, path)
        require_whole(container, stream, path, packets)
        tags = _fold_tags(container, stream)
        return AudioFacts(
            duration_s=packets.duration_s,
            sample_rate=stream.codec_context.sample_rate,
            channels=stream.codec_context.channels,
            codec=stream.codec_context.name.removesuffix("float"),
            packets_id=packets.packets_id,
            bit_rate=_bit_rate(packets),
            artist=tags.get("artist") or tags.get("album_artist", ""),
            album=tags.get("album", ""),
            title=tags.get("title", ""),
            year=_find_year(tags),
            publisher=next((tags[key] for key in _PUBLISHER if tags.get(key)), ""),
        )


def container_suffix(path: Path) -> str:
    """Give the suffix, with its dot, that the container of a file deserves."""
    with open_audio(path) as (container, stream):
        if stream.codec_context.name == "opus" and container.format.name == "ogg":
            return ".opus"
        return CONTAINER_SUFFIXES[container.format.name.split(",")[0]]


def _unopened(path: Path) -> TrackRejected:
    """Tell why libavformat opens a file that is there as none of the containers known."""
    if path.is_file() and lacks_rate(path):
        return _odd_rate(0, path)
    if path.is_file() and missing_mp4_bytes(path):
        message = f"{path} breaks off before its index. Fetch the whole file again."
        return TrackRejected(Reason.TRUNCATED, message)
    message = f"{path} is no audio file, or its beginning or index is missing."
    return TrackRejected(Reason.NOT_AUDIO, message)


def _sound(container: InputContainer, path: Path) -> AudioStream:
    stream = next(iter(container.streams.audio), None)
    if stream is not None and stream.codec_context is None:
        message = f"the sound of {path} has no known decoder. Convert it to flac or mp3."
        raise TrackRejected(Reason.UNDECODABLE, message)
    if stream is None or _is_guess(container, stream):
        message = f"{path} holds no sound ({container.format.name}). Name an audio file."
        raise TrackRejected(Reason.NOT_AUDIO, message)
    sample_rate = stream.codec_context.sample_rate
    # FLAC frames tell a rate of their own, but are timed by that of the header
    is_untimed = container.format.name == "flac" and stream.time_base != Fraction(
        1, sample_rate or 1
    )
    if is_untimed or not LOWEST_RATE <= sample_rate <= HIGHEST_RATE:
        raise _odd_rate(0 if is_untimed else sample_rate, path)
    return stream


def _is_guess(container: InputContainer, stream: AudioStream) -> bool:
    """Say whether a container without a header was guessed, and no packet of sound found in it."""
    return container.format.name in _BARE and not stream.codec_context.sample_rate


def _odd_rate(sample_rate: int, path: Path) -> TrackRejected:
    told = f"a sample rate of {sample_rate} Hz" if sample_rate > 0 else "no sample rate"
    message = f"{path} has {told}; 8 to 192 kHz are known. Encode it at 44.1 kHz."
    return TrackRejected(Reason.SAMPLE_RATE_UNKNOWN, message)


def _require_plausible(packets: Packets, path: Path) -> None:
    if packets.duration_s > _LONGEST_S:
        days = packets.duration_s / 86_400
        message = f"the packets of {path} claim to last {days:.0f} days. Fetch or encode it again."
        raise TrackRejected(Reason.UNDECODABLE, message)


def _bit_rate(packets: Packets) -> int:
    return min(round(8 * packets.n_bytes / packets.duration_s), _HIGHEST_BIT_RATE)


def _find_year(tags: Mapping[str, str]) -> int:
    """Return the year of the release, 0 where no tag holds one."""
    found = (_YEAR.search(tags.get(key, "")) for key in _DATE)
    return next((int(year[1]) for year in found if year), 0)


def _fold_tags(container: InputContainer, stream: AudioStream) -> dict[str, str]:
    """Merge the tags of the container and the stream, keys in lower case, the container first."""
    tags = list(stream.metadata.items()) + list(container.metadata.items())
    return {key.casefold(): value.strip() for key, value in tags if value.strip()}


# Kilobits a second by the index in a header, and hertz, by version and layer (ISO/IEC 11172-3,
# section 2.4.2.3, and 13818-3, section 2.4.2.3).
_MPEG1_KBPS = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_MPEG2_KBPS = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_MPEG1_HZ = (44_100, 48_000, 32_000)
_MPEG1, _MPEG2, _MPEG2_5, _LAYER_3 = 3, 2, 0, 1
_SYNC, _ID3_HEADER_BYTES, _ID3V1_BYTES = 0xFF, 10, 128


def holds_frames_alone(path: Path) -> bool:
    """Say whether every packet of an mp3 begins with the sync word of a frame.

    Frame is followed to frame by the lengths in their headers, 3 ms for six minutes. Where that
    does not lead to the end, libavformat decides, in 40 ms: it hands on what stands between frames
    as a packet, or as the beginning of one.
    """
    return _leads_to_end(path) or _every_packet_is_a_frame(path)


def _leads_to_end(path: Path) -> bool:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as song:
        place, last = _after_id3(song), len(song) - 3
        while place < last and song[place] == _SYNC:
            length = _FRAME_BYTES[song[place + 1] << 8 | song[place + 2]]
            if not length:
                return False
            place += length
        return place == len(song) - (_ID3V1_BYTES if song[-_ID3V1_BYTES:][:3] == b"TAG" else 0)


def frame_bytes(header: bytes) -> int:
    """Give the length of a layer III frame by the first three bytes of it; 0 if they do not tell.

    Frames of a free bit rate do not.
    """
    return _FRAME_BYTES[header[1] << 8 | header[2]] if header[0] == _SYNC else 0


def _after_id3(song: mmap.mmap) -> int:
    """Give the length of the tag before the first frame (id3.org, ID3v2.4.0 section 3.1)."""
    if song[:3] != b"ID3" or len(song) < _ID3_HEADER_BYTES:
        return 0
    size = 0
    for septet in song[6:_ID3_HEADER_BYTES]:
        size = size << 7 | septet & 0x7F
    return _ID3_HEADER_BYTES + size


def _tabulate_lengths() -> list[int]:
    """Give the lengths of frames by the second and third byte of their headers."""
    lengths = [0] * 65_536
    for version, index, rate in product((_MPEG1, _MPEG2, _MPEG2_5), range(1, 15), range(3)):
        kbps = (_MPEG1_KBPS if version == _MPEG1 else _MPEG2_KBPS)[index]
        hz = _MPEG1_HZ[rate] // {_MPEG1: 1, _MPEG2: 2, _MPEG2_5: 4}[version]
        n_bytes = (144_000 if version == _MPEG1 else 72_000) * kbps // hz
        for unprotected, padding, private in product((0, 1), repeat=3):
            second = 0xE0 | version << 3 | _LAYER_3 << 1 | unprotected
            third = index << 4 | rate << 2 | padding << 1 | private
            lengths[second << 8 | third] = n_bytes + padding
    return lengths


_FRAME_BYTES = _tabulate_lengths()


def _every_packet_is_a_frame(path: Path) -> bool:
    with open_audio(path) as (container, stream):
        try:
            return all(
                bytes(memoryview(packet)[:2]) >= b"\xff\xe0"
                for packet in container.demux(stream)
                if packet.size
            )
        except av.FFmpegError:
            return False
