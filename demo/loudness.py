"""Loudness as ITU-R BS.1770-5 measures it, and levelling to it."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy import signal

from demo.tone import SAMPLE_RATE, Float32Array

TARGET_LUFS = -18.0
_CEILING = 0.89
_KNEE = 0.6
_BLOCK_S = 0.4
_STEP_S = 0.1
_BLOCK = 1 << 18
"""Samples that are worked on together: as many as fit a cache."""


def loudness_lufs(song: Float32Array) -> float:
    """Measure integrated loudness.

    Parameters
    ----------
    song : float32 [shape=(n_channels, n_samples)]
        At 44.1 kHz, at least 0.4 s.

    Returns
    -------
    float
        In LUFS; minus infinity for silence.

    Notes
    -----
    The mean-square gate of BS.1770: blocks of 0.4 s in steps of 0.1 s, first those above -70 LUFS,
    then those within 10 LU of their mean.
    """
    parts = np.concatenate(list(_weighted_power(song)))
    joined = int(_BLOCK_S / _STEP_S)
    power = np.lib.stride_tricks.sliding_window_view(parts, joined).mean(axis=1)
    kept = power[_lufs(power) > -70.0]
    if not kept.size:
        return float("-inf")
    kept = kept[_lufs(kept) > _lufs(kept.mean()) - 10.0]
    return float(_lufs(kept.mean()))


def level(song: Float32Array) -> Float32Array:
    """Bring a song to ``TARGET_LUFS`` and bend what is left above the ceiling.

    Raises
    ------
    ValueError
        If the song is silent.
    """
    measured = loudness_lufs(song)
    if not np.isfinite(measured):
        raise ValueError("the song is silent. Its score has no audible part.")
    loud = song * np.float32(10 ** ((TARGET_LUFS - measured) / 20))
    room = _CEILING - _KNEE
    for start in range(0, song.shape[1], _BLOCK):
        block = loud[:, start : start + _BLOCK]
        high = np.abs(block) > _KNEE
        peaks = block[high]
        block[high] = np.sign(peaks) * (_KNEE + room * np.tanh((np.abs(peaks) - _KNEE) / room))
    return loud


def _weighted_power(song: Float32Array) -> Iterator[npt.NDArray[np.float64]]:
    """Yield the power of each step, K-weighted, summed over the channels, a block at a time."""
    weighting, step = _weighting(), int(_STEP_S * SAMPLE_RATE)
    state = np.zeros((len(weighting), len(song), 2))
    for start in range(0, song.shape[1] // step * step, _BLOCK // step * step):
        n_steps = min(_BLOCK, song.shape[1] - start) // step
        block = song[:, start : start + n_steps * step]
        weighted, state = signal.sosfilt(weighting, block, axis=1, zi=state)
        steps = weighted.reshape(len(song), n_steps, step)
        yield np.einsum("cns,cns->n", steps, steps) / step


def _lufs(power: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return -0.691 + 10 * np.log10(np.maximum(power, 1e-12))


def _weighting() -> npt.NDArray[np.float64]:
    """The K-weighting at 44.1 kHz: a shelf for the head and a high-pass, by bilinear transform."""
    return np.stack([_shelf(1681.974, 3.99984, 0.7071752), _high_pass(38.13547, 0.5003270)])


def _shelf(centre_hz: float, gain_db: float, q: float) -> npt.NDArray[np.float64]:
    turn = np.tan(np.pi * centre_hz / SAMPLE_RATE)
    high = 10 ** (gain_db / 20)
    band = high**0.4996668
    a0 = 1 + turn / q + turn**2
    numerator = [
        high + band * turn / q + turn**2,
        2 * (turn**2 - high),
        high - band * turn / q + turn**2,
    ]
    return np.array([*numerator, a0, 2 * (turn**2 - 1), 1 - turn / q + turn**2]) / a0


def _high_pass(centre_hz: float, q: float) -> npt.NDArray[np.float64]:
    turn = np.tan(np.pi * centre_hz / SAMPLE_RATE)
    a0 = 1 + turn / q + turn**2
    return np.array([1, -2, 1, 1, 2 * (turn**2 - 1) / a0, (1 - turn / q + turn**2) / a0])
