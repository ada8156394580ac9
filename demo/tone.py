"""What all sound of the library has in common: its rate, its type, and a plain filter."""

import numpy as np
import numpy.typing as npt
from scipy import signal

Float32Array = npt.NDArray[np.float32]

SAMPLE_RATE = 44_100


def low_pass(sound: Float32Array, cutoff_hz: float) -> Float32Array:
    """Darken a sound by 6 dB an octave above the cut-off, along its last axis."""
    keep = np.float32(np.exp(-2 * np.pi * cutoff_hz / SAMPLE_RATE))
    return signal.lfilter(np.array([1 - keep]), np.array([1, -keep]), sound).astype(np.float32)
