"""The acoustic fingerprint of a song, by the Chromaprint inside imageio-ffmpeg's ffmpeg."""

import os
import resource
import shutil
import subprocess
import uuid
from pathlib import Path

import imageio_ffmpeg
import numpy as np

from genre_core.errors import TrackRejected, TransientError
from genre_core.records import Reason
from genre_core.signal.fingerprints import Items
from storage.audio.probe import CONTAINER_SUFFIXES
from storage.home import DataLayout

PRINTED_S = 120
TIME_LIMIT_S = 60.0
MEMORY_LIMIT_BYTES = 1 << 30
_LONGEST_COMPLAINT = 300


def print_song(path: Path) -> Items:
    """Fingerprint the first two minutes of a song.

    Parameters
    ----------
    path : Path
        An audio file; its name plays no part.

    Returns
    -------
    uint32 [shape=(n_items,)]
        One item each 0.1238 s (`fingerprints.ITEM_S`), 948 for two minutes; none if
        the song is shorter than some 2.6 s.

    Raises
    ------
    TrackRejected
        If ffmpeg cannot decode the song in 1 GiB of memory.
    TransientError
        If ffmpeg takes longer than a minute.

    Notes
    -----
    ffmpeg runs without a shell, without input, on this one file, and may open neither a network
    address nor a playlist. Its raw format is one unsigned number of 32 bits an item, as they lie in
    memory: the lowest byte first on every machine of today.
    """
    status, printed, complaint = _run_bounded(_command(path), path)
    if status != 0:
        told = complaint.decode(errors="replace").strip()[-_LONGEST_COMPLAINT:] or f"exit {status}"
        message = f"{path} cannot be decoded by ffmpeg ({told}). Fetch or encode it again."
        raise TrackRejected(Reason.UNDECODABLE, message)
    return np.frombuffer(printed, np.uint32)


def _run_bounded(command: list[str], path: Path) -> tuple[int, bytes, bytes]:
    """Run a command in bounded time and memory; give its status and both outputs."""
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        limits = (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES)
        # on the running child: what runs between fork and exec is unsafe beside other threads
        resource.prlimit(process.pid, resource.RLIMIT_AS, limits)
        try:
            printed, complaint = process.communicate(timeout=TIME_LIMIT_S)
        except subprocess.TimeoutExpired as error:
            process.kill()
            message = f"{path} takes over {TIME_LIMIT_S:g} s to fingerprint. Try again later."
            raise TransientError(message) from error
    return process.returncode, printed, complaint


def _command(path: Path) -> list[str]:
    return [
        imageio_ffmpeg.get_ffmpeg_exe(),
        *("-hide_banner", "-nostdin", "-v", "fatal", "-filter_threads", "1", "-threads", "1"),
        *("-protocol_whitelist", "file,pipe", "-format_whitelist", ",".join(CONTAINER_SUFFIXES)),
        *("-t", str(PRINTED_S), "-i", f"file:{path.absolute()}", "-map", "0:a:0"),
        *("-f", "chromaprint", "-fp_format", "raw", "pipe:1"),
    ]


_ITEM = np.dtype("<u4")


def write_print(layout: DataLayout, track_id: str, items: Items) -> Path:
    """Write the fingerprint of a track; the file appears whole or not at all.

    Parameters
    ----------
    items : uint32 [shape=(n_items,)]
        None for a song that cannot be fingerprinted.
    """
    path = layout.prints / track_id
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{uuid.uuid4().hex}.part")
    try:
        with part.open("wb") as file:
            file.write(pack_items(items))
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


def read_print(path: Path) -> Items:
    """Read what `write_print` wrote: uint32 [shape=(n_items,)]."""
    return unpack_items(path.read_bytes())


def sweep_prints(layout: DataLayout) -> None:
    """Empty the cache; what a killed process left in it is printed again."""
    shutil.rmtree(layout.prints, ignore_errors=True)


def pack_items(items: Items) -> bytes:
    """Give the items of a fingerprint one after the other, the lowest byte of each first."""
    return items.astype(_ITEM).tobytes()


def unpack_items(packed: bytes) -> Items:
    """Give back what `pack_items` packed: uint32 [shape=(n_items,)]."""
    return np.frombuffer(packed, _ITEM).astype(np.uint32)
