"""WAV files of fragments: 44.1 kHz, mono, int16, one fragment after the other."""

import io
import wave
from pathlib import Path
from typing import BinaryIO

import numpy as np

from genre_core.examples import Float32Array
from storage.audio.resample import SAMPLE_RATE
from storage.files import write_whole

_FULL_SCALE = 32768


def write_wav(path: Path, fragments: Float32Array) -> None:
    """Write fragments, float32 [shape=(n_fragments, n_samples)], atomically.

    Samples are rounded to the nearest of int16; what lies outside -1..1 is clipped.
    """
    with write_whole(path) as part, part.open("wb") as file:
        _write(file, fragments)


def wav_bytes(fragments: Float32Array) -> bytes:
    """Return what `write_wav` writes."""
    buffer = io.BytesIO()
    _write(buffer, fragments)
    return buffer.getvalue()


def _write(file: BinaryIO, fragments: Float32Array) -> None:
    samples = _levels(fragments).astype("<i2")
    with wave.open(file, "wb") as song:
        song.setnchannels(1)
        song.setsampwidth(2)
        song.setframerate(SAMPLE_RATE)
        song.writeframes(np.ascontiguousarray(samples).data)


def round_samples(fragments: Float32Array) -> Float32Array:
    """Fragments as `read_wav` returns them after `write_wav`, without a file."""
    return _levels(fragments) / np.float32(_FULL_SCALE)


def read_wav(path: Path, n_fragments: int) -> Float32Array:
    """Read the fragments that `write_wav` wrote; a `ValueError` if the file is no such WAV."""
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


def _levels(fragments: Float32Array) -> Float32Array:
    levels = fragments * np.float32(_FULL_SCALE)
    np.rint(levels, out=levels)
    return np.clip(levels, -_FULL_SCALE, _FULL_SCALE - 1, out=levels)
