"""Whether a file holds the sound that its header, index or last page promises."""

from collections.abc import Callable
from pathlib import Path

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition

from genre_core.errors import TrackRejected
from genre_core.records import Reason
from storage.audio.headers import (
    missing_asf_bytes,
    missing_caf_bytes,
    missing_ogg_bytes,
    missing_w64_bytes,
    missing_wav_bytes,
)
from storage.audio.packets import Packets
from storage.audio.xing import mp3_promise

# Delays, padding and times rounded to a packet stay below it in whole files.
TOLERANCE_S = 0.5

# Headers that count their samples; elsewhere libavformat's length is a guess by bit rate or size.
_COUNTED = ("aiff", "ape", "au", "flac", "mpc", "mpc8", "tta", "wv")
_SIZED: dict[str, Callable[[Path], int]] = {
    "asf": missing_asf_bytes,
    "caf": missing_caf_bytes,
    "w64": missing_w64_bytes,
    "wav": missing_wav_bytes,
}


def require_whole(
    container: InputContainer, stream: AudioStream, path: Path, packets: Packets
) -> None:
    """Reject a file that ends before the sound that it promises.

    A file that promises nothing is taken as it is: a plain mp3 or ADTS stream, a WAV whose writer
    left its size open, an Ogg file that ends with a whole page.

    Raises
    ------
    TrackRejected
        ``truncated``.
    """
    name = container.format.name.split(",")[0]
    if name == "ogg" and missing_ogg_bytes(path):
        message = (
            f"{path} ends within a page, after {packets.duration_s:.1f} s. "
            "Fetch the whole file again."
        )
        raise TrackRejected(Reason.TRUNCATED, message)
    missing_s = _missing_s(name, container, stream, path, packets)
    if missing_s is None and packets.breaks_off:
        message = (
            f"{path} cannot be read beyond {packets.duration_s:.1f} s. Fetch the whole file again."
        )
        raise TrackRejected(Reason.TRUNCATED, message)
    if missing_s is not None and missing_s > TOLERANCE_S:
        message = (
            f"{path} promises {packets.duration_s + missing_s:.1f} s and holds "
            f"{packets.duration_s:.1f} s. Fetch the whole file again."
        )
        raise TrackRejected(Reason.TRUNCATED, message)


def _missing_s(
    name: str, container: InputContainer, stream: AudioStream, path: Path, packets: Packets
) -> float | None:
    """Give the seconds that are promised and missing; None if nothing is promised."""
    s_per_byte = packets.duration_s / packets.n_bytes
    if name in _SIZED:
        return _SIZED[name](path) * s_per_byte
    if name == "mp3":
        return _missing_mp3_s(stream, path, packets)
    if name == "mov":
        return _missing_index_s(stream, path, packets)
    if name in _COUNTED:
        return _counted_s(stream, packets)
    if name == "matroska" and _is_alone(container) and container.duration:
        return container.duration / 1_000_000 - packets.end_s
    return None


def _counted_s(stream: AudioStream, packets: Packets) -> float | None:
    if not stream.duration:
        return None
    return float(stream.duration * (stream.time_base or 0)) - packets.end_s


def _missing_mp3_s(stream: AudioStream, path: Path, packets: Packets) -> float | None:
    """Believe a header if both of its counts say that sound is missing.

    Frames alone are missing where damage in the middle has eaten some of them, bytes alone where
    a tag has been taken away that some encoders count.
    """
    n_frames, missing_bytes = mp3_promise(path)
    by_bytes_s = missing_bytes * packets.duration_s / packets.n_bytes
    if not n_frames:
        return by_bytes_s if missing_bytes >= 0 else None
    by_frames_s = _counted_s(stream, packets) or 0.0
    return min(by_frames_s, by_bytes_s) if missing_bytes >= 0 else by_frames_s


def _missing_index_s(stream: AudioStream, path: Path, packets: Packets) -> float | None:
    """Count the samples of an index that lie beyond the end of the file."""
    n_bytes = path.stat().st_size
    ends = [entry.pos + entry.size for entry in stream.index_entries]
    if not stream.frames or not ends:  # fragmented: each piece has an index of its own
        return _counted_s(stream, packets)
    n_missing = sum(end > n_bytes for end in ends)
    n_held = len(ends) - n_missing
    return packets.duration_s * n_missing / n_held if n_held else packets.duration_s


def _is_alone(container: InputContainer) -> bool:
    """Say whether a length that is promised for the file is that of its one sound stream."""
    pictures = [
        stream
        for stream in container.streams.video
        if not stream.disposition & Disposition.attached_pic
    ]
    return len(container.streams.audio) == 1 and not pictures
