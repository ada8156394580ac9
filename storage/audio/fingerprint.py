"""The acoustic fingerprint of a song, by the Chromaprint inside imageio-ffmpeg's ffmpeg."""

import resource
import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np

from genre_core.errors import TrackRejected, TransientError
from genre_core.records import Reason
from genre_core.signal.fingerprints import Items
from storage.audio.decode import read_fragments
from storage.audio.links import find_links
from storage.audio.probe import CONTAINER_SUFFIXES, probe_audio
from storage.audio.resample import SAMPLE_RATE

FINGERPRINTED_S = 120
TIME_LIMIT_S = 60.0
MEMORY_LIMIT_BYTES = 1 << 30
_MAX_ERROR_CHARACTERS = 300


def fingerprint_song(path: Path) -> Items:
    """Fingerprint of the first two minutes of a song: uint32 [shape=(n_items,)].

    One item each 0.1238 s (`fingerprints.ITEM_S`), 948 for two minutes; none for a song of less
    than some 2.6 s. More than two channels are mixed down. ffmpeg has 1 GiB of memory and a minute,
    and may open neither a network address nor a playlist; a chained file is decoded in process. A
    song that takes longer is left to the next run (`TransientError`).
    """
    is_chained = len(find_links(path)) > 1  # ffmpeg ends where the rate or the channels change
    samples = _decode_beginning(path) if is_chained else None
    pcm = ("-f", "f32le", "-ar", str(SAMPLE_RATE), "-ac", "1", "-i", "pipe:0")
    whitelist = ("-format_whitelist", ",".join(CONTAINER_SUFFIXES))
    song = (*whitelist, "-t", str(FINGERPRINTED_S), "-i", f"file:{path.absolute()}")
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(),
        *("-hide_banner", "-nostdin", "-v", "fatal", "-filter_threads", "1", "-threads", "1"),
        *("-protocol_whitelist", "file,pipe", *(pcm if is_chained else song), "-map", "0:a:0"),
        *("-af", "aformat=channel_layouts=mono|stereo"),  # all that Chromaprint takes
        *("-f", "chromaprint", "-fp_format", "raw", "pipe:1"),
    ]
    status, items, errors = _run_limited(command, path, samples)
    if status != 0:
        found = errors.decode(errors="replace").strip()[-_MAX_ERROR_CHARACTERS:]
        message = f"ffmpeg makes no fingerprint of {path} ({found or f'exit {status}'}). "
        raise TrackRejected(Reason.UNDECODABLE, f"{message}Fetch or encode it again.")
    return np.frombuffer(items, np.uint32)


def _decode_beginning(path: Path) -> bytes:
    """Samples of the first two minutes, float32, mono."""
    facts = probe_audio(path)
    return read_fragments(path, facts, [0.0], min(FINGERPRINTED_S, facts.duration_s)).tobytes()


def _run_limited(command: list[str], path: Path, samples: bytes | None) -> tuple[int, bytes, bytes]:
    """Run a command on samples, in bounded time and memory; return its status and both outputs."""
    source = subprocess.DEVNULL if samples is None else subprocess.PIPE
    with subprocess.Popen(
        command, stdin=source, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        limits = (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES)
        # on the running child: what runs between fork and exec is unsafe beside other threads
        resource.prlimit(process.pid, resource.RLIMIT_AS, limits)
        try:
            output, errors = process.communicate(samples, timeout=TIME_LIMIT_S)
        except subprocess.TimeoutExpired as error:
            process.kill()
            message = f"{path} takes over {TIME_LIMIT_S:g} s to fingerprint. Try again later."
            raise TransientError(message) from error
    return process.returncode, output, errors
