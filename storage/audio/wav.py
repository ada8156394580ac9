"""WAV files of fragments: 44.1 kHz, mono, int16, one fragment after the other, then a note.

The chunk of the note begins with the CRC-32 of the samples.
"""

import struct
import wave
import zlib
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
_NOTE, _CRC_BYTES = b"note", 4


def write_wav(path: Path, fragments: Float32Array, note: bytes = b"") -> None:
    """Write fragments, float32 [shape=(n_fragments, n_samples)], atomically, and a note.

    Samples are rounded to the nearest of int16; what lies outside -1..1 is clipped. The file is not
    forced to the disk: `read_note` refuses one without its end, which a power cut has left, and
    `read_wav` one with a hole.
    """
    crc = 0
    with write_whole(path, is_forced=False) as part, part.open("wb") as file:
        file.write(_header(fragments.size, note))
        for samples in _each_samples(fragments):
            crc = zlib.crc32(samples.data, crc)
            file.write(samples.data)
        file.write(_chunk(crc, note))


def wav_bytes(fragments: Float32Array) -> bytes:
    """Return what `write_wav` writes, without a note."""
    samples = b"".join(samples.tobytes() for samples in _each_samples(fragments))
    return _header(fragments.size) + samples + _chunk(zlib.crc32(samples))


def round_samples(fragments: Float32Array) -> Float32Array:
    """Fragments as `read_wav` returns them after `write_wav`, without a file."""
    levels = _levels(fragments, np.empty(fragments.shape, np.float32))
    levels *= _STEP
    return levels


def read_wav(path: Path, n_fragments: int) -> Float32Array:
    """Read the fragments that `write_wav` wrote; a `ValueError` if the file is no such WAV."""
    try:
        with path.open("rb") as file, wave.open(file) as song:
            layout = (song.getframerate(), song.getnchannels(), song.getsampwidth())
            samples = np.frombuffer(song.readframes(song.getnframes()), dtype="<i2")
            chunk = file.read()
    except (wave.Error, EOFError) as error:
        raise ValueError(f"{path} is no WAV file: {error}. Delete it and convert again.") from error
    if layout != (SAMPLE_RATE, 1, 2):
        raise ValueError(f"{path} is not 44.1 kHz, mono, int16. Delete it and convert again.")
    if n_fragments < 1 or len(samples) % n_fragments:
        raise ValueError(f"{path} does not hold {n_fragments} fragments. Convert it again.")
    if zlib.crc32(samples.data) != _split_chunk(chunk, path)[0]:
        raise ValueError(f"{path} is damaged. Delete it and convert again.")
    return np.multiply(samples.reshape(n_fragments, -1), _STEP, dtype=np.float32)


def read_note(path: Path) -> bytes:
    """Read the note of a WAV that `write_wav` wrote; a `ValueError` if the file is not whole."""
    with path.open("rb") as file:
        head = file.read(_HEADER.size)
        if len(head) == _HEADER.size:
            file.seek(_HEADER.unpack(head)[-1], 1)
        return _split_chunk(file.read(), path)[1]


def _split_chunk(chunk: bytes, path: Path) -> tuple[int, bytes]:
    """Return what the last chunk of a WAV holds: the CRC-32 of the samples, and the note."""
    crc = int.from_bytes(chunk[_CHUNK.size : _CHUNK.size + _CRC_BYTES], "little")
    note = chunk[_CHUNK.size + _CRC_BYTES :]
    if chunk != _chunk(crc, note):
        raise ValueError(f"{path} is not whole. Delete it and convert again.")
    return crc, note


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
    riff = _HEADER.size - 8 + 2 * n_samples + len(_chunk(0, note))
    form = (16, 1, 1, SAMPLE_RATE, 2 * SAMPLE_RATE, 2, 16)
    return _HEADER.pack(b"RIFF", riff, b"WAVE", b"fmt ", *form, b"data", 2 * n_samples)


def _chunk(crc: int, note: bytes = b"") -> bytes:
    note += b" " * (len(note) % 2)
    return _CHUNK.pack(_NOTE, _CRC_BYTES + len(note)) + crc.to_bytes(_CRC_BYTES, "little") + note
