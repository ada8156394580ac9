"""Convert whole songs through pydub and the ffmpeg that imageio-ffmpeg carries.

The line does not use it: it is the yardstick that the tests hold `read_fragments` against. pydub
gives ffmpeg no bounds of time, memory or protocols, so it is not for songs from elsewhere.

Without ffprobe pydub works only where it is told the codec and the program to call.
"""

import warnings
from pathlib import Path

import imageio_ffmpeg
import numpy as np

from genre_core.errors import TrackRejected
from genre_core.records import Reason
from storage.audio.resample import mix_down, resample_signal
from storage.audio.wav import write_wav

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "Couldn't find ffmpeg or avconv", RuntimeWarning)
    warnings.filterwarnings("ignore", "'audioop' is deprecated", DeprecationWarning)
    # pydub spells patterns as Python 3.12 warns of, when it is first compiled.
    warnings.filterwarnings("ignore", "invalid escape sequence", DeprecationWarning)
    warnings.filterwarnings("ignore", "invalid escape sequence", SyntaxWarning)
    from pydub import AudioSegment
    from pydub.exceptions import CouldntDecodeError


def convert_whole_track(path: Path, codec: str, target: Path) -> None:
    """Convert a whole song to a WAV: 44.1 kHz, mono (the mean of the channels), int16.

    Parameters
    ----------
    path : Path
        The song.
    codec : str
        As `probe_audio` names it.
    target : Path
        The WAV; it appears whole.

    Raises
    ------
    TrackRejected
        If ffmpeg cannot decode the song.
    """
    AudioSegment.converter = imageio_ffmpeg.get_ffmpeg_exe()
    try:
        segment = _decode(path, codec)
    except (CouldntDecodeError, IndexError) as error:
        message = f"{path} ({codec}) cannot be decoded by ffmpeg. Fetch or encode it again."
        raise TrackRejected(Reason.UNDECODABLE, message) from error
    channels = np.asarray(segment.get_array_of_samples()).reshape(-1, segment.channels).T
    signal = resample_signal(mix_down(channels), segment.frame_rate)
    write_wav(target, signal[np.newaxis])


def _decode(path: Path, codec: str) -> AudioSegment:
    if not codec.startswith("pcm_"):
        return AudioSegment.from_file(str(path.absolute()), codec=codec)
    # By name pydub reads WAV itself, knows some kinds only and leaves the file open.
    with path.open("rb") as song:
        return AudioSegment.from_file(song, codec=codec)
