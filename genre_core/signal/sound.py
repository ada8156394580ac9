"""What a song sounds like apart from its music: how loud it is, and where its encoder cuts off."""

from dataclasses import dataclass

import numpy as np

from genre_core.examples import Float32Array
from genre_core.representations.spectrum import frame_powers, hann_window
from genre_core.signal.fragments import SAMPLE_RATE, Float64Array

FRAME_SAMPLES = 2048
FRAMES_APART = 4
ROUNDING_POWER = (1 / 32768) ** 2 / 12
"""Mean square of the error that rounding to int16 makes (Widrow and Kollár 2008, chapter 1)."""
ABOVE_ROUNDING = 10.0
"""How much stronger than that error music must be to count: 10 dB, which dither stays below."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """Two numbers of a track, over the fragments that are drawn from it."""

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
    """Give the level of all fragments together: RMS in dB below full scale.

    Parameters
    ----------
    fragments : float32 [shape=(n_fragments, n_samples)]
        In -1..1.

    Returns
    -------
    float
        0 for a square wave at full scale, -3.01 for a sine; silence is as loud as the error of
        int16, -101.1.
    """
    energies = np.einsum("fs,fs->f", fragments, fragments).astype(np.float64)
    power = energies.sum() / fragments.size
    return float(10 * np.log10(max(power, ROUNDING_POWER)))


def measure_cutoff(fragments: Float32Array) -> float:
    """Give the highest frequency at which the song has more than the rounding of int16.

    Parameters
    ----------
    fragments : float32 [shape=(n_fragments, n_samples)]
        Mono at 44.1 kHz, rounded to int16.

    Returns
    -------
    float
        Hz, to within a bin of 21.5 Hz; 0 for silence.

    Notes
    -----
    Encoders filter out what lies above 15 to 20 kHz, the lower the bit rate the deeper; what is
    left there is the rounding. Power is averaged over Hann frames, whose side lobes fall fast
    enough for a low tone not to be taken for a high one; one frame in four tells enough.
    """
    power = mean_power(fragments, FRAMES_APART)
    floor = ABOVE_ROUNDING * ROUNDING_POWER / (len(power) - 1)
    heard = np.flatnonzero(power > floor)
    return float(heard[-1] * SAMPLE_RATE / FRAME_SAMPLES) if heard.size else 0.0


def mean_power(fragments: Float32Array, frames_apart: int = 1) -> Float64Array:
    """Give the power spectrum, averaged over frames; it sums to the mean square.

    Parameters
    ----------
    fragments : float32 [shape=(n_fragments, n_samples)]
    frames_apart : int
        1 for all frames, 2 for every other one, and so on.

    Returns
    -------
    float64 [shape=(1025,)]
    """
    n_frames = fragments.shape[-1] // FRAME_SAMPLES
    frames = fragments[:, : n_frames * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)[::frames_apart]
    window = hann_window(FRAME_SAMPLES)
    power = frame_powers(frames * window).mean(axis=0, dtype=np.float64)
    power[1:-1] *= 2
    return power / (FRAME_SAMPLES * np.sum(window, dtype=np.float64) * 0.75)


# A sine that just touches full scale stands within 1.5 steps of 16 bits of it for 0.6 % of the
# time: (2 / pi) arccos(1 - 1.5 / 32768). Whatever stays below full scale has less.
CLIPPED_SHARE = 0.01


def describe_clipping(full_scale_share: float) -> str:
    """Say how much of a song is clipped; nothing if it is not.

    Parameters
    ----------
    full_scale_share : float
        Share of the samples of its fragments, all channels counted, at full scale.
    """
    if full_scale_share <= CLIPPED_SHARE:
        return ""
    return (
        f"{full_scale_share:.1%} of the samples of its fragments stand at full scale, above "
        f"{CLIPPED_SHARE:.0%}: the recording is clipped. Its examples count; a better copy would "
        "sound clearer."
    )
