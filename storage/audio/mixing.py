"""Mix channels down as a player of 16-bit sound would hear them."""

from typing import Any

import numpy as np
import numpy.typing as npt

from genre_core.examples import Float32Array

# Within a step and a half of 16 bits: limiters and converters of 24 bits stop just below.
_FULL_SCALE = 1 - 1.5 / 32_768


def mix_down(samples: npt.NDArray[Any]) -> Float32Array:
    """Give the mean of the channels, each clipped to full scale before.

    Lossy decoders overshoot full scale on loud music; an int16 file cannot hold that, so a song
    read through one would differ from the same song read without.

    Parameters
    ----------
    samples : float or integer [shape=(n_channels, n_samples)]
        Integers are scaled by their type; unsigned bytes have their zero at 128.

    Returns
    -------
    float32 [shape=(n_samples,)]
        In -1..1; not a number where a sample is infinite or no number.
    """
    channels = np.array(_scale(samples))
    if not (channels.max(initial=-1) <= 1 and channels.min(initial=1) >= -1):
        _clip(channels)
    mono = channels[0].copy()
    with np.errstate(invalid="ignore"):  # some of the bits that are no number complain of it
        for channel in channels[1:]:  # NumPy's mean over an axis of two takes eight times as long
            mono += channel
        return (mono / len(channels)).astype(np.float32, copy=False)


def count_full_scale(samples: npt.NDArray[Any]) -> int:
    """Count the samples of all channels that stand at full scale or beyond.

    Parameters
    ----------
    samples : float or integer [shape=(n_channels, n_samples)]
        As `mix_down` takes them.
    """
    levels = _scale(samples)
    return int(np.count_nonzero(levels >= _FULL_SCALE) + np.count_nonzero(levels <= -_FULL_SCALE))


def _clip(channels: npt.NDArray[np.floating]) -> None:
    """Clip to full scale in place; what is infinite becomes no number."""
    channels[np.isinf(channels)] = np.nan
    with np.errstate(invalid="ignore"):
        np.clip(channels, -1, 1, out=channels)


def _scale(samples: npt.NDArray[Any]) -> npt.NDArray[np.floating]:
    if samples.dtype == np.uint8:
        return (samples.astype(np.float32) - 128) / 128
    if np.issubdtype(samples.dtype, np.integer):
        full_scale = -float(np.iinfo(samples.dtype).min)
        return samples.astype(np.float64) / full_scale
    with np.errstate(over="ignore"):  # beyond float32 is infinite, which is no number in the mix
        return samples.astype(np.float32, copy=False)
