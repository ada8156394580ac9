"""The WAV between convert and extract: 44.1 kHz, mono, int16, one fragment after the other."""

import uuid
import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt

from genre_core.examples import Float32Array
from storage.audio.resample import SAMPLE_RATE

_FULL_SCALE = 32768


def write_wav(path: Path, fragments: Float32Array) -> None:
    """Write fragments one after the other; the file appears whole or not at all.

    Parameters
    ----------
    path : Path
        Replaced if it is there; its folder is made.
    fragments : float32 [shape=(n_fragments, n_samples)]
        In -1..1; what lies outside is clipped. Samples are rounded to the nearest of int16.
    """
    samples = _levels(fragments).astype("<i2")
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{uuid.uuid4().hex}.part")
    try:
        _write_samples(part, samples)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def round_samples(fragments: Float32Array) -> Float32Array:
    """Give what `read_wav` would give of fragments that `write_wav` wrote, without a file.

    Parameters
    ----------
    fragments : float32 [shape=(n_fragments, n_samples)]

    Returns
    -------
    float32 [shape=(n_fragments, n_samples)]
    """
    return _levels(fragments) / np.float32(_FULL_SCALE)


def _levels(fragments: Float32Array) -> Float32Array:
    """Round to the nearest of int16, clipped to its range."""
    levels = fragments * np.float32(_FULL_SCALE)
    np.rint(levels, out=levels)
    return np.clip(levels, -_FULL_SCALE, _FULL_SCALE - 1, out=levels)


def _write_samples(path: Path, samples: npt.NDArray[np.int16]) -> None:
    with wave.open(str(path), "wb") as song:
        song.setnchannels(1)
        song.setsampwidth(2)
        song.setframerate(SAMPLE_RATE)
        song.writeframes(np.ascontiguousarray(samples).data)


def read_wav(path: Path, n_fragments: int) -> Float32Array:
    """Read the fragments that `write_wav` wrote.

    Returns
    -------
    float32 [shape=(n_fragments, n_samples)]
        In -1..1.

    Raises
    ------
    ValueError
        If the file is no WAV of ours or does not hold that many fragments.
    """
    try:
        with wave.open(str(path), "rb") as song:
            layout = (song.getframerate(), song.getnchannels(), song.getsampwidth())
            samples = np.frombuffer(song.readframes(song.getnframes()), dtype="<i2")
    except (wave.Error, EOFError) as error:
        raise ValueError(f"{path} is no WAV file: {error}. Delete it and convert again.") from error
    if layout != (SAMPLE_RATE, 1, 2):
        raise ValueError(f"{path} is not 44.1 kHz, mono, int16. Delete it and convert again.")
    if n_fragments < 1 or len(samples) % n_fragments:
        raise ValueError(f"{path} does not hold {n_fragments} fragments. Convert it again.")
    fragments = samples.reshape(n_fragments, -1).astype(np.float32)
    return fragments / np.float32(_FULL_SCALE)
