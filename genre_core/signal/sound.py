"""Loudness of a song, and the frequency where its encoder cuts off."""

from dataclasses import dataclass

import numpy as np

from genre_core.examples import Float32Array
from genre_core.representations.spectrum import frame_powers, hann_window
from genre_core.signal.fragments import SAMPLE_RATE, Float64Array

FRAME_SAMPLES = 2048
FRAME_STEP = 4
"""One frame in four is enough for the mean power."""
ROUNDING_POWER = (1 / 32768) ** 2 / 12
"""Mean square of the error that rounding to int16 makes (Widrow and Kollár 2008, chapter 1)."""
ABOVE_ROUNDING = 10.0
"""How much stronger than that error music must be to count: 10 dB, which dither stays below."""

# A sine that just touches full scale is within 1.5 steps of 16 bits of it for 0.6 % of the
# time: (2 / pi) arccos(1 - 1.5 / 32768). Whatever stays below full scale has less.
CLIPPED_SHARE = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """Loudness and cut-off of a track, over the fragments that are drawn from it."""

    track_id: str
    loudness_db: float
    cutoff_hz: float


def measure_sound(track_id: str, fragments: Float32Array) -> Sound:
    """Measure the fragments of a track, float32 (n_fragments, n_samples) at 44.1 kHz."""
    return Sound(
        track_id=track_id,
        loudness_db=measure_loudness(fragments),
        cutoff_hz=measure_cutoff(fragments),
    )


def measure_loudness(fragments: Float32Array) -> float:
    """RMS level of fragments, float32 (n_fragments, n_samples) in -1..1, in dB of full scale.

    Silence is as loud as the rounding of int16, -101.1.
    """
    energies = np.einsum("fs,fs->f", fragments, fragments).astype(np.float64)
    power = energies.sum() / fragments.size
    return float(10 * np.log10(max(power, ROUNDING_POWER)))


def measure_cutoff(fragments: Float32Array) -> float:
    """Highest frequency, in Hz, with more power than the rounding of int16; 0 for silence.

    Fragments are float32 (n_fragments, n_samples) at 44.1 kHz, rounded to int16. Encoders filter
    out what lies above 15 to 20 kHz, the lower the bit rate the deeper. Power is averaged over
    Hann frames, whose side lobes fall fast enough for a low tone not to be taken for a high one.
    """
    power = mean_power(fragments, FRAME_STEP)
    floor = ABOVE_ROUNDING * ROUNDING_POWER / (len(power) - 1)
    audible = np.flatnonzero(power > floor)
    return float(audible[-1] * SAMPLE_RATE / FRAME_SAMPLES) if audible.size else 0.0


def mean_power(fragments: Float32Array, frame_step: int = 1) -> Float64Array:
    """Power spectrum, averaged over every ``frame_step``-th frame, float64 (1025,).

    It sums to the mean square of the fragments, float32 (n_fragments, n_samples).
    """
    n_frames = fragments.shape[-1] // FRAME_SAMPLES
    within = fragments[:, : n_frames * FRAME_SAMPLES]
    frames = within.reshape(len(fragments), n_frames, FRAME_SAMPLES)
    chosen = frames[np.divmod(np.arange(0, len(fragments) * n_frames, frame_step), n_frames)]
    window = hann_window(FRAME_SAMPLES)
    chosen *= window
    power = frame_powers(chosen).mean(axis=0, dtype=np.float64)
    power[1:-1] *= 2
    return power / (FRAME_SAMPLES * np.sum(window, dtype=np.float64) * 0.75)


def describe_clipping(full_scale_share: float) -> str:
    """Message on a clipped song, by the share of its samples at full scale; empty if it is not."""
    if full_scale_share <= CLIPPED_SHARE:
        return ""
    return (
        f"{full_scale_share:.1%} of the samples of its fragments are at full scale, above "
        f"{CLIPPED_SHARE:.0%}: the recording is clipped. Its examples count; a better copy would "
        "sound clearer."
    )
