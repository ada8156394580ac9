"""Write mp3 files with the ffmpeg that imageio-ffmpeg carries."""

import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import numpy.typing as npt

from demo.tone import SAMPLE_RATE

BIT_RATES = ("128k", "160k", "192k", "256k")


def write_mp3(
    sound: npt.NDArray[np.int16], target: Path, tags: dict[str, str], bit_rate: str
) -> None:
    """Write a song whole: first to a part file beside it, which then takes its name.

    Raises
    ------
    OSError
        If ffmpeg fails; the message is its own.
    """
    part = target.with_name(target.name + ".part")
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(),
        *("-y", "-hide_banner", "-nostdin", "-loglevel", "error"),
        *("-f", "s16le", "-ar", str(SAMPLE_RATE), "-ac", "2", "-i", "pipe:0"),
        *("-c:a", "libmp3lame", "-b:a", bit_rate, "-compression_level", "7"),
        *(
            "-id3v2_version",
            "3",
            "-map_metadata",
            "-1",
            "-fflags",
            "+bitexact",
            "-flags",
            "+bitexact",
        ),
        *(argument for key, text in tags.items() for argument in ("-metadata", f"{key}={text}")),
        *("-f", "mp3", str(part)),
    ]
    finished = subprocess.run(command, input=sound.tobytes(), capture_output=True, check=False)
    if finished.returncode != 0:
        part.unlink(missing_ok=True)
        raise OSError(f"{target} could not be encoded: {finished.stderr.decode(errors='replace')}")
    part.replace(target)
