"""Envelope and waveform, against what their definitions give for simple sounds."""

import numpy as np
import pytest

from genre_core.examples import Float32Array
from genre_core.representations.waveform import envelope_matrices, waveform_matrices


def sine(hz: float, fragment_s: float = 0.5) -> Float32Array:
    time_s = np.arange(round(fragment_s * 44_100)) / 44_100
    return np.sin(2 * np.pi * hz * time_s).astype(np.float32)[np.newaxis]


def as_wave(matrix: Float32Array) -> Float32Array:
    return matrix.T.reshape(-1)


def test_the_envelope_is_the_root_mean_square_of_every_ten_milliseconds() -> None:
    sound = np.concatenate([np.full(441, 0.0), np.full(441, 0.5), [3.0, 4.0] * 220, [0.0]])

    matrix = envelope_matrices(sound[np.newaxis].astype(np.float32))

    loudest = np.sqrt(220 * (9 + 16) / 441)
    np.testing.assert_allclose(matrix, [[[0, 0.5 / loudest, 1]]], rtol=1e-5)


def test_the_wave_comes_back_at_a_fifth_of_the_rate() -> None:
    matrix = waveform_matrices(sine(441.0))[0]

    assert matrix.shape == (882, 5)
    expected = 0.5 + 0.5 * np.sin(2 * np.pi * 441 * np.arange(5 * 882) / 8_820)
    np.testing.assert_allclose(as_wave(matrix)[100:-100], expected[100:-100], atol=0.02)


def test_what_lies_above_half_the_new_rate_is_gone() -> None:
    high = sine(8_000.0) + np.float32(0.5) * sine(200.0)

    wave = as_wave(waveform_matrices(high)[0])

    expected = as_wave(waveform_matrices(sine(200.0))[0])
    np.testing.assert_allclose(wave[100:-100], expected[100:-100], atol=0.03)


@pytest.mark.parametrize("matrices", [envelope_matrices, waveform_matrices])
def test_silence_gives_zeros_and_loudness_changes_nothing(matrices) -> None:  # noqa: ANN001
    assert not matrices(np.zeros((1, 22_050), np.float32)).any()
    np.testing.assert_allclose(
        matrices(sine(300.0) * np.float32(0.01)), matrices(sine(300.0)), atol=1e-5
    )
