"""WAV files of fragments: 44.1 kHz, mono, int16, one fragment after the other, then a note."""

import struct
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from genre_core.examples import Float32Array
from storage.audio.resample import SAMPLE_RATE
from storage.files import write_whole

_FULL_SCALE = 32768
_STEP = np.float32(1 / _FULL_SCALE)
_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
_CHUNK = struct.Struct("<4sI")
_NOTE = b"note"


def write_wav(path: Path, fragments: Float32Array, note: bytes = b"") -> None:
    """Write fragments, float32 [shape=(n_fragments, n_samples)], atomically, and a note.

    Samples are rounded to the nearest of int16; what lies outside -1..1 is clipped. The file is not
    forced to the disk: the note is its end, and `read_note` refuses what a power cut has left.
    """
    with write_whole(path, is_forced=False) as part, part.open("wb", buffering=0) as file:
        file.write(_header(fragments.size, note))
        for samples in _each_samples(fragments):
            file.write(samples.data)
        file.write(_chunk(note))


def wav_bytes(fragments: Float32Array) -> bytes:
    """Return what `write_wav` writes, without a note."""
    samples = b"".join(samples.tobytes() for samples in _each_samples(fragments))
    return _header(fragments.size) + samples + _chunk()


def round_samples(fragments: Float32Array) -> Float32Array:
    """Fragments as `read_wav` returns them after `write_wav`, without a file."""
    levels = _levels(fragments, np.empty(fragments.shape, np.float32))
    levels *= _STEP
    return levels


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
    return np.multiply(samples.reshape(n_fragments, -1), _STEP, dtype=np.float32)


def read_note(path: Path) -> bytes:
    """Read the note of a WAV that `write_wav` wrote; a `ValueError` if the file is not whole."""
    with path.open("rb") as file:
        head = file.read(_HEADER.size)
        if len(head) == _HEADER.size:
            file.seek(_HEADER.unpack(head)[-1], 1)
        chunk = file.read()
    note = chunk[_CHUNK.size :]
    if len(chunk) < _CHUNK.size or chunk != _chunk(note):
        raise ValueError(f"{path} is not whole. Delete it and convert again.")
    return note


def _each_samples(fragments: Float32Array) -> Iterator[npt.NDArray[np.int16]]:
    """Yield the samples of each fragment, in memory that is used again."""
    levels = np.empty(fragments.shape[1:], np.float32)
    samples = np.empty(fragments.shape[1:], "<i2")
    for fragment in fragments:
        samples[:] = _levels(fragment, levels)
        yield samples


def _levels(fragments: Float32Array, levels: Float32Array) -> Float32Array:
    np.multiply(fragments, np.float32(_FULL_SCALE), out=levels)
    np.rint(levels, out=levels)
    return np.clip(levels, -_FULL_SCALE, _FULL_SCALE - 1, out=levels)


def _header(n_samples: int, note: bytes = b"") -> bytes:
    riff = _HEADER.size - 8 + 2 * n_samples + len(_chunk(note))
    form = (16, 1, 1, SAMPLE_RATE, 2 * SAMPLE_RATE, 2, 16)
    return _HEADER.pack(b"RIFF", riff, b"WAVE", b"fmt ", *form, b"data", 2 * n_samples)


def _chunk(note: bytes = b"") -> bytes:
    note += b" " * (len(note) % 2)
    return _CHUNK.pack(_NOTE, len(note)) + note
