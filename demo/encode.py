"""Write mp3 files by LAME, in the FFmpeg that PyAV carries."""

from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from demo.tone import SAMPLE_RATE

BIT_RATES = (128_000, 160_000, 192_000, 256_000)
"""Bits a second."""
_FILE = {"id3v2_version": "3", "fflags": "+bitexact"}
_STREAM = {"compression_level": "7", "flags": "+bitexact"}


def write_mp3(
    sound: npt.NDArray[np.int16], target: Path, tags: dict[str, str], bit_rate: int
) -> None:
    """Write a song, (n_samples, 2), whole: first to a part file beside it, which takes its name.

    Raises
    ------
    OSError
        If it cannot be encoded or written.
    """
    frame = av.AudioFrame.from_ndarray(sound.reshape(1, -1), format="s16", layout="stereo")
    frame.sample_rate = SAMPLE_RATE
    part = target.with_name(target.name + ".part")
    try:
        with av.open(str(part), "w", format="mp3", options=_FILE) as file:
            file.metadata.update(tags)
            stream = file.add_stream("libmp3lame", SAMPLE_RATE, _STREAM, layout="stereo")
            stream.bit_rate = bit_rate
            file.mux(stream.encode(frame))
            file.mux(stream.encode(None))
    except av.FFmpegError as error:
        part.unlink(missing_ok=True)
        raise OSError(f"{target} could not be encoded: {error}") from error
    part.replace(target)
