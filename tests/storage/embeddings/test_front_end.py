"""The script that puts a front end before a network gives the spectra that the network reads."""

import runpy
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from onnx import helper

from genre_core.examples import Float32Array
from genre_core.representations.mel import slaney_filters
from tests.storage.embeddings.made_models import write_onnx

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "front_end.py"


def power_of(wave: Float32Array, n_window: int, hop: int, n_fft: int) -> np.ndarray:
    """Power spectra by numpy's FFT, (frames, bins)."""
    frames = np.lib.stride_tricks.sliding_window_view(wave.astype(np.float64), n_window)[::hop]
    return np.abs(np.fft.rfft(frames * np.hanning(n_window + 1)[:-1], n_fft)) ** 2


def made_wave(n_samples: int) -> Float32Array:
    time_s = np.arange(n_samples) / 16_000
    noise = np.random.default_rng(2).normal(0, 0.01, n_samples)
    return (0.4 * np.sin(2 * np.pi * (300 + 900 * time_s) * time_s) + noise).astype(np.float32)


def joined(tmp_path: Path, name: str, size: list[int], first: str, second: str) -> Float32Array:
    """What the joined model gives of a wave, where the network gives back what it reads."""
    nodes = (
        helper.make_node("Identity", ["spectrum"], [first]),
        helper.make_node("Identity", [first], [second]),
    )
    source = write_onnx(tmp_path / "source.onnx", nodes, {second: size}, {"spectrum": size})
    target = str(tmp_path / "target.onnx")
    runpy.run_path(str(SCRIPT))[f"add_to_{name}"](str(source), target)
    session = onnxruntime.InferenceSession(target)
    n_samples = session.get_inputs()[0].shape[1]
    values, same = session.run(None, {"front/wave": made_wave(n_samples)[None]})
    np.testing.assert_array_equal(values, same)
    return values


@pytest.mark.keras
def test_yamnet_reads_the_log_of_mel_magnitudes(tmp_path: Path) -> None:
    import tensorflow as tf

    values = joined(tmp_path, "yamnet", [1, 1, 96, 64], "/model/Reshape_output_0", "class_scores")

    filters = tf.signal.linear_to_mel_weight_matrix(64, 257, 16_000, 125.0, 7_500.0).numpy()
    expected = np.log(np.sqrt(power_of(made_wave(15_600), 400, 160, 512)) @ filters + 0.001)
    assert values.shape == (1, 1, 96, 64)
    np.testing.assert_allclose(values[0, 0], expected, atol=1e-3)


def test_vibenet_reads_decibels_down_to_80_below_the_maximum(tmp_path: Path) -> None:
    values = joined(tmp_path, "vibenet", [1, 128, 479], "gelu", "out")

    filters = slaney_filters(np.fft.rfftfreq(1_024, 1 / 16_000), 128, 0.0, 8_000.0)
    power = power_of(made_wave(153_600), 640, 320, 1_024) @ filters
    expected = 10 * np.log10(np.maximum(power, 1e-10)).T
    np.testing.assert_allclose(values[0], np.maximum(expected, expected.max() - 80), atol=5e-3)
