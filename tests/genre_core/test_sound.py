"""Loudness and spectral cut-off, against their definitions and SciPy."""

import numpy as np
import pytest
from scipy import signal

from genre_core.signal.sound import FRAME_SAMPLES, mean_power, measure_cutoff, measure_loudness

SAMPLE_RATE = 44_100
BIN_HZ = SAMPLE_RATE / FRAME_SAMPLES


def noise(level: float = 0.1) -> np.ndarray:
    return np.random.default_rng(3).normal(0, level, (2, 2 * SAMPLE_RATE)).astype(np.float32)


def as_int16(fragments: np.ndarray) -> np.ndarray:
    return (np.rint(fragments * 32768) / 32768).astype(np.float32)


def low_passed(edge_hz: float) -> np.ndarray:
    """Noise without what lies above a frequency, cut in the spectrum of the whole."""
    spectrum = np.fft.rfft(noise(), axis=-1)
    hz = np.fft.rfftfreq(2 * SAMPLE_RATE, 1 / SAMPLE_RATE)
    return as_int16(np.fft.irfft(np.where(hz <= edge_hz, spectrum, 0), axis=-1))


def test_a_sine_at_full_scale_is_three_decibels_below_it() -> None:
    sine = np.sin(2 * np.pi * 441 * np.arange(SAMPLE_RATE) / SAMPLE_RATE, dtype=np.float32)

    loudness_db = measure_loudness(sine[None])

    assert loudness_db == pytest.approx(10 * np.log10(0.5), abs=1e-4)


def test_silence_is_as_loud_as_the_rounding_of_int16_and_has_no_cutoff() -> None:
    silence = np.zeros((2, SAMPLE_RATE), np.float32)

    assert measure_loudness(silence) == pytest.approx(-101.1, abs=0.05)
    assert measure_cutoff(silence) == 0.0


def test_the_power_spectrum_is_that_of_scipy() -> None:
    fragments = noise()[:, : 40 * FRAME_SAMPLES]

    power = mean_power(fragments)

    _, density = signal.welch(
        fragments, SAMPLE_RATE, nperseg=FRAME_SAMPLES, noverlap=0, detrend=False, scaling="density"
    )
    np.testing.assert_allclose(power, density.mean(axis=0) * BIN_HZ, rtol=1e-4)


@pytest.mark.parametrize("edge_hz", [11_000.0, 16_000.0, 19_500.0])
def test_the_edge_of_an_encoder_is_found_to_within_a_few_bins(edge_hz: float) -> None:
    cutoff_hz = measure_cutoff(low_passed(edge_hz))

    assert cutoff_hz == pytest.approx(edge_hz, abs=12 * BIN_HZ)


def test_music_that_was_never_filtered_reaches_the_top() -> None:
    assert measure_cutoff(as_int16(noise())) == SAMPLE_RATE / 2


def test_rounding_to_int16_alone_is_no_music() -> None:
    time_s = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
    glide = 0.2 * signal.chirp(time_s, f0=150, t1=2, f1=250)

    cutoff_hz = measure_cutoff(as_int16(glide[None]))

    assert cutoff_hz < 2_000
