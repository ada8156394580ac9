"""Matrices of sounds against definitions, SciPy and librosa 0.11 (tests/golden/README.md)."""

import cmath
import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.fft
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from genre_core.examples import Float32Array
from genre_core.representations.bands import (
    band_bins,
    band_edges_hz,
    band_powers,
    decibel_matrices,
    thesis_matrices,
)
from genre_core.representations.legacy import (
    legacy_int16_matrices,
    legacy_matrices,
    program_powers,
    wrap_int16,
)
from genre_core.representations.mel import logmel_matrices, mel_powers, mel_weights
from genre_core.representations.registry import REPRESENTATIONS
from genre_core.representations.spectrum import count_frames, power_frames, scale_matrices
from genre_core.representations.waveform import decimate, envelope_matrices, waveform_matrices

Matrices = Callable[[Float32Array], Float32Array]
BANDS = pytest.mark.parametrize("matrices", [thesis_matrices, decibel_matrices])
FRAME_SAMPLES = 8_820


def sines(amplitude_of_hz: dict[float, float], fragment_s: float = 0.5) -> Float32Array:
    time_s = np.arange(round(fragment_s * 44_100)) / 44_100
    tones = [a * np.sin(2 * np.pi * hz * time_s) for hz, a in amplitude_of_hz.items()]
    return np.sum(tones, axis=0, dtype=np.float64)[np.newaxis].astype(np.float32)


def noise(n_samples: int = 13_230, seed: int = 7, level: float = 1.0) -> Float32Array:
    rng = np.random.default_rng(seed)
    return rng.uniform(-level, level, (1, n_samples)).astype(np.float32)


def power_by_definition(frame: Float32Array, k: int) -> float:
    """Write the transform out: ``D_k = sum of z_j exp(-2 pi i j k / N)``."""
    turns = ((j * k) % len(frame) / len(frame) for j in range(len(frame)))
    terms = (float(z) * cmath.exp(-2j * cmath.pi * t) for z, t in zip(frame, turns, strict=True))
    return abs(sum(terms)) ** 2


@pytest.mark.parametrize("k", [0, 1, 88, 2_205, 4_409, 4_410])
def test_the_power_of_a_bin_is_that_of_the_sum_written_out(k: int) -> None:
    fragments = noise(2 * FRAME_SAMPLES)

    powers = power_frames(fragments)

    middle = fragments[0, 4_410 : 4_410 + FRAME_SAMPLES]
    assert powers[0, 1, k] == pytest.approx(power_by_definition(middle, k), rel=1e-3)


def test_frames_of_two_hundred_milliseconds_start_every_hundred_and_are_not_tapered() -> None:
    click = np.zeros((1, 3 * 4_410 + 8_820), dtype=np.float32)
    click[0, [0, 5_000]] = 1.0, 2.0

    powers = power_frames(click)

    assert powers[0, 0, 0] == pytest.approx(9.0)  # both clicks, the first at the very beginning
    np.testing.assert_allclose(powers[0, 1], np.full(4_411, 4.0), rtol=1e-5)
    np.testing.assert_array_equal(powers[0, 2:], np.zeros((2, 4_411)))


@pytest.mark.parametrize(
    ("fragment_s", "n_frames"),
    [(3.0, 29), (2.5, 24), (2.0, 19), (1.5, 14), (1.0, 9), (0.2, 1), (0.19, 0), (30.0, 299)],
)
def test_a_fragment_has_as_many_frames_as_fit(fragment_s: float, n_frames: int) -> None:
    assert count_frames(fragment_s) == n_frames


def test_a_fragment_shorter_than_a_frame_is_refused() -> None:
    with pytest.raises(ValueError, match=r"0\.1 s is shorter than a frame of 200 ms"):
        power_frames(noise(4_410))


def test_every_matrix_is_scaled_by_its_own_extremes_and_a_flat_one_becomes_zeros() -> None:
    matrices = np.array([[[1, 3], [2, 5]], [[-100, 300], [0, 0]], [[7, 7], [7, 7]]], np.float32)

    expected = [[[0, 0.5], [0.25, 1]], [[0, 1], [0.25, 0.25]], [[0, 0], [0, 0]]]
    np.testing.assert_array_equal(scale_matrices(matrices), expected)


@given(
    matrices=arrays.arrays(
        np.float32,
        st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 4)),
        elements=st.floats(0, 1e10, width=32),
    )
)
def test_scaled_matrices_lie_in_0_to_1(matrices: Float32Array) -> None:
    scaled = scale_matrices(matrices)

    assert (scaled.dtype, scaled.shape) == (np.float32, matrices.shape)
    assert 0 <= scaled.min() <= scaled.max() <= 1


@pytest.mark.parametrize("representation", REPRESENTATIONS.values(), ids=REPRESENTATIONS)
def test_silence_gives_zeros_and_changes_nothing_beside_it(representation) -> None:  # noqa: ANN001
    sound = noise(22_050, level=0.01)
    both = np.concatenate([sound, np.zeros((1, 22_050), np.float32)])

    matrices = representation.matrices(both)

    assert not matrices[1].any()
    np.testing.assert_array_equal(matrices[0], representation.matrices(sound)[0])


@pytest.mark.parametrize("name", ["bands_db", "envelope", "getec", "logmel", "thesis", "waveform"])
def test_loudness_changes_nothing(name: str) -> None:
    matrices = REPRESENTATIONS[name].matrices
    sound = noise(22_050, level=0.3)

    np.testing.assert_allclose(matrices(sound * np.float32(0.01)), matrices(sound), atol=1e-4)


def test_the_edges_and_first_bins_of_bands_are_those_worked_by_hand() -> None:
    low = [20.0, 37.60603, 70.71068, 132.95739]
    mid = [250.0, 500.0, 1_000.0, 2_000.0]
    high = [4_000.0, 5_981.39512, 8_944.27191, 13_374.80610, 20_000.0]

    np.testing.assert_allclose(band_edges_hz(), low + mid + high, atol=5e-6)
    assert band_bins() == [4, 8, 15, 27, 50, 100, 200, 400, 800, 1_197, 1_789, 2_675, 4_001]


@pytest.mark.parametrize(
    ("hz", "band"),
    [
        (20, 0), (35, 0), (40, 1), (75, 2), (135, 3), (245, 3), (250, 4), (495, 4), (500, 5),
        (1_995, 6), (2_000, 7), (4_000, 8), (5_985, 9), (8_945, 10), (13_375, 11), (20_000, 11),
    ],
)  # fmt: skip
def test_a_sine_is_in_its_band_alone(hz: float, band: int) -> None:
    powers = band_powers(sines({hz: 1.0}))[0, :, 0]

    assert powers[band] == pytest.approx(4_410.0**2, rel=1e-5)
    assert np.delete(powers, band).max() < 1.0


@pytest.mark.parametrize("hz", [10, 15, 20_005, 21_000])
def test_what_lies_outside_20_hz_to_20_khz_is_in_no_band(hz: float) -> None:
    assert band_powers(sines({hz: 1.0})).max() < 1.0


def test_a_band_is_the_maximum_of_its_bins_not_their_mean() -> None:
    powers = band_powers(sines({600: 0.5, 700: 0.4, 800: 0.3}))

    np.testing.assert_allclose(powers[0, 5], np.full(4, 2_205.0**2), rtol=1e-5)


@pytest.mark.parametrize(
    ("matrices", "values"),
    [
        (thesis_matrices, [1.0, 0.25, 0.01]),  # power in parts of the loudest
        (decibel_matrices, [1.0, (80 - 6.0206) / 80, (80 - 20) / 80]),  # from 80 dB below it
    ],
)
def test_a_matrix_is_relative_to_its_loudest_band(matrices: Matrices, values: list[float]) -> None:
    matrix = matrices(sines({100: 1.0, 600: 0.5, 10_000: 0.1}))[0]

    expected = np.zeros((12, 4))
    expected[[2, 5, 10]] = np.array(values)[:, np.newaxis]
    np.testing.assert_allclose(matrix, expected, atol=1e-5)


def test_what_is_more_than_80_db_below_the_loudest_lies_on_the_floor() -> None:
    audible = decibel_matrices(sines({100: 1.0, 1_500: 0.001}))[0]
    inaudible = decibel_matrices(sines({100: 1.0, 1_500: 0.00005}))[0]

    np.testing.assert_allclose(audible[6], np.full(4, 20 / 80), atol=1e-3)
    np.testing.assert_array_equal(inaudible[6], np.zeros(4))


@BANDS
@settings(max_examples=25)
@given(seed=st.integers(0, 1_000))
def test_a_matrix_lies_in_0_to_1_and_reaches_both(matrices: Matrices, seed: int) -> None:
    matrix = matrices(noise(seed=seed))

    assert matrix.dtype == np.float32
    assert (matrix.min(), matrix.max()) == (0.0, 1.0)


def test_the_powers_of_bands_are_the_greatest_of_scipys_spectra() -> None:
    fragments = np.concatenate([noise(seed=seed) for seed in range(15)])
    frames = np.stack([fragments[:, start : start + 8_820] for start in (0, 4_410)], axis=1)
    powers = np.abs(scipy.fft.rfft(frames.astype(np.float64), axis=-1)) ** 2

    bands = band_powers(fragments)

    expected = [powers[..., a:b].max(axis=-1) for a, b in itertools.pairwise(band_bins())]
    np.testing.assert_allclose(bands, np.stack(expected, axis=1), rtol=1e-5)


@pytest.mark.parametrize("matrices", [thesis_matrices, logmel_matrices, legacy_matrices])
def test_a_fragment_has_the_same_bits_in_any_company_and_thread(matrices: Matrices) -> None:
    fragments = np.concatenate([noise(seed=seed) for seed in range(7)])
    together = matrices(fragments)

    with ThreadPoolExecutor(8) as threads:
        alone = threads.map(matrices, np.split(fragments, 7) * 8)

    for nth, matrix in enumerate(alone):
        np.testing.assert_array_equal(matrix[0], together[nth % 7])


def program_noise() -> Float32Array:
    """Noise with an offset, in whole steps of 16 bits."""
    return (np.rint(noise(22_050, level=9_000) + 2_250) / 32_768).astype(np.float32)


def scipy_powers(fragments: Float32Array) -> np.ndarray:
    """What the published program called: SciPy's spectrogram."""
    steps = np.rint(fragments[0].astype(np.float64) * 32_768)
    return scipy.signal.spectrogram(
        steps, 44_100, window=scipy.signal.get_window("hann", 8_820), nperseg=8_820,
        noverlap=4_410, scaling="spectrum",
    )[2]  # fmt: skip


def test_the_matrix_of_the_program_is_the_mean_of_401_bins_of_scipy_scaled() -> None:
    expected = scipy_powers(program_noise())
    means = np.stack([expected[n : n + 401].mean(axis=0) for n in range(0, 4_411, 401)])

    powers, matrix = program_powers(program_noise())[0].T, legacy_matrices(program_noise())[0]

    np.testing.assert_allclose(powers, expected, rtol=1e-3, atol=1e-6 * expected.max())
    scaled = (means - means.min()) / (means.max() - means.min())
    np.testing.assert_allclose(matrix, scaled, atol=1e-4)


@pytest.mark.parametrize(
    ("power", "wrapped"),
    [
        (0.9, 0), (32_767.9, 32_767), (32_768.0, -32_768), (40_000.0, -25_536), (65_535.0, -1),
        (65_536.0, 0), (98_304.0, -32_768), (131_072.5, 0), (2.0**31 + 65_536 * 3, 0),
    ],
)  # fmt: skip
def test_the_cast_of_the_program_keeps_the_lowest_16_bits(power: float, wrapped: int) -> None:
    assert wrap_int16(np.array([power], np.float32))[0] == wrapped


@pytest.mark.parametrize(("amplitude", "survives"), [(200.0, True), (283.0, False)])
def test_a_soft_sound_survives_the_cast_and_a_loud_one_does_not(
    amplitude: float, survives: bool
) -> None:
    sound = sines({440.0: amplitude / 32_768}, fragment_s=0.3)

    assert legacy_matrices(sound)[0, :, 0].argmax() == 0
    assert (legacy_int16_matrices(sound)[0, :, 0].argmax() == 0) == survives


# band → power in the frames 0, 1 and 2 of `rumble`, and the first frame scaled, by librosa
LIBROSA = {
    0: ([3.92014, 5.61516, 7.59962], 0.62086),
    1: ([12.0277, 17.2312, 23.3193], 0.81635),
    14: ([5.50404, 7.99222, 10.9933], 0.68004),
    31: ([10.8653, 15.5946, 21.1532], 0.79862),
    47: ([2.16491, 3.10538, 4.20945], 0.51733),
    63: ([4.25340, 6.11999, 8.32672], 0.63509),
}


def rumble() -> Float32Array:
    """Squares modulo a prime, louder and louder: 4,096 samples that any language can make."""
    n = np.arange(4_096)
    return ((n * n * 7 % 1_009 / 1_009 - 0.5) * (1 + n / 4_096)).astype(np.float32)[np.newaxis]


@pytest.mark.parametrize("band", LIBROSA)
def test_mel_powers_and_scaled_decibels_of_a_band_are_those_of_librosa(band: int) -> None:
    powers, scaled = LIBROSA[band]

    np.testing.assert_allclose(mel_powers(rumble())[0, band], powers, rtol=1e-4)
    assert logmel_matrices(rumble())[0, band, 0] == pytest.approx(scaled, abs=2e-5)


def test_no_mel_band_is_empty_and_none_reaches_beyond_11_khz() -> None:
    assert mel_weights().shape == (513, 64)
    assert (mel_weights().max(axis=0) > 0).all()
    beyond, within = (mel_powers(sines({hz: 0.5})).max() for hz in (11_500.0, 10_500.0))
    assert beyond < 1e-4 * within


def test_the_envelope_is_the_root_mean_square_of_every_ten_milliseconds() -> None:
    sound = np.concatenate([np.full(441, 0.0), np.full(441, 0.5), [3.0, 4.0] * 220, [0.0]])

    matrix = envelope_matrices(sound[np.newaxis].astype(np.float32))

    loudest = np.sqrt(220 * (9 + 16) / 441)
    np.testing.assert_allclose(matrix, [[[0, 0.5 / loudest, 1]]], rtol=1e-5)


def test_the_wave_comes_back_at_a_fifth_of_the_rate() -> None:
    matrix = waveform_matrices(sines({441.0: 1.0}))[0]

    assert matrix.shape == (882, 5)
    expected = 0.5 + 0.5 * np.sin(2 * np.pi * 441 * np.arange(5 * 882) / 8_820)
    np.testing.assert_allclose(matrix.T.reshape(-1)[100:-100], expected[100:-100], atol=0.02)


@pytest.mark.parametrize("n_samples", [44_100, 66_153])
def test_the_wave_is_decimated_as_by_scipy(n_samples: int) -> None:
    wave = np.random.default_rng(0).normal(0, 0.1, n_samples).astype(np.float32)

    np.testing.assert_allclose(decimate(wave), scipy.signal.resample_poly(wave, 1, 5), atol=1e-7)


def test_what_lies_above_half_the_new_rate_of_the_wave_is_gone() -> None:
    wave = waveform_matrices(sines({8_000.0: 1.0, 200.0: 0.5}))[0].T.reshape(-1)

    expected = waveform_matrices(sines({200.0: 1.0}))[0].T.reshape(-1)
    np.testing.assert_allclose(wave[100:-100], expected[100:-100], atol=0.03)
