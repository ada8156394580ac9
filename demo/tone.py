"""What all sound of the library has in common: its rate, its type, and a plain filter."""

import numpy as np
import numpy.typing as npt
from scipy import signal

Float32Array = npt.NDArray[np.float32]

SAMPLE_RATE = 44_100
_TILT_HZ = 900.0
_SILENT = 1e-12


def low_pass(sound: Float32Array, cutoff_hz: float) -> Float32Array:
    """Darken a sound by 6 dB an octave above the cut-off, along its last axis."""
    keep = _keep(cutoff_hz)
    return _filter(sound, [1 - keep, 0.0], keep)


def tilt(sound: Float32Array, tilt_db: float) -> Float32Array:
    """Raise the treble and lower the bass by half of ``tilt_db`` each."""
    treble, bass = 10 ** (tilt_db / 40), 10 ** (-tilt_db / 40)
    keep = _keep(_TILT_HZ)
    return _filter(sound, [treble + (bass - treble) * (1 - keep), -treble * keep], keep)


def _keep(cutoff_hz: float) -> float:
    return float(np.exp(-2 * np.pi * cutoff_hz / SAMPLE_RATE))


def _filter(sound: Float32Array, numerator: list[float], keep: float) -> Float32Array:
    """Filter by one pole; its echo in silence is cut off, since tiny numbers are slow."""
    b, a = np.array([numerator, [1.0, -keep]], dtype=np.float32)
    filtered = signal.lfilter(b, a, sound).astype(np.float32, copy=False)
    filtered[np.abs(filtered) < _SILENT] = 0
    return filtered
