"""Items of a signal against those of the Chromaprint inside ffmpeg, which gets the same samples."""

import subprocess

import imageio_ffmpeg
import numpy as np
import pytest

from genre_core.examples import Float32Array
from genre_core.signal.chromaprint import fingerprint_signal
from genre_core.signal.fingerprints import SAMPLE_RATE, Items

SECOND = np.arange(SAMPLE_RATE) / SAMPLE_RATE


def chromaprint(samples: np.ndarray) -> Items:
    """Fingerprint of int16 samples at Chromaprint's own rate, so that it resamples nothing."""
    source = ("-f", "s16le", "-ar", str(SAMPLE_RATE), "-ac", "1", "-i", "pipe:0")
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *source]
    command += ["-f", "chromaprint", "-fp_format", "raw", "pipe:1"]
    run = subprocess.run(command, check=True, input=samples.tobytes(), capture_output=True)
    return np.frombuffer(run.stdout, np.uint32)


def notes(seed: int, n_notes: int = 80) -> Float32Array:
    """Notes of half a second with overtones, over noise, louder and softer."""
    rng = np.random.default_rng(seed)
    beat = SECOND[: SAMPLE_RATE // 2]
    tones = [
        rng.uniform(0.05, 0.4)
        * sum(np.sin(2 * np.pi * k * hz * beat) / k for k in (1, 2, 3) for hz in chord)
        for chord in 55 * 2 ** (rng.integers(0, 60, (n_notes, 2)) / 12)
    ]
    return (np.concatenate(tones) + 0.01 * rng.standard_normal(n_notes * len(beat))).astype("f4")


def silence_between_notes() -> Float32Array:
    return np.concatenate([notes(1, 10), np.zeros(20 * SAMPLE_RATE, "f4"), notes(2, 10)])


@pytest.mark.parametrize(
    "signal",
    [
        notes(0),
        silence_between_notes(),
        np.random.default_rng(0).normal(0, 0.1, 30 * SAMPLE_RATE).astype("f4"),
        np.zeros(10 * SAMPLE_RATE, "f4"),
    ],
    ids=["notes", "silence between notes", "noise", "silence"],
)
def test_items_are_those_of_chromaprint(signal: Float32Array) -> None:
    samples = np.clip(np.rint(signal * 32_767), -32_768, 32_767).astype("<i2")

    items = fingerprint_signal((samples / 32_768).astype(np.float32))

    expected = chromaprint(samples)
    assert items.dtype == np.uint32
    assert items.shape == expected.shape
    assert np.mean(items == expected) >= 0.999  # a value on a threshold falls to either side


@pytest.mark.parametrize(("n_windows", "n_items"), [(19, 0), (20, 1), (21, 2)])
def test_an_item_needs_twenty_windows(n_windows: int, n_items: int) -> None:
    signal = notes(0, 10)[: 4096 + (n_windows - 1) * 1365]

    assert fingerprint_signal(signal).shape == (n_items,)
    assert fingerprint_signal(signal[:-1]).shape == (max(0, n_items - 1),)


def test_an_empty_signal_has_no_items() -> None:
    assert fingerprint_signal(np.empty(0, np.float32)).shape == (0,)
