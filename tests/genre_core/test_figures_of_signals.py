"""Figures of waves, spectra, matrices and occlusion: units, scales and what they show."""

import numpy as np
import pytest

from genre_core.figures.architecture import LayerBox, draw_architecture
from genre_core.figures.signal import (
    OccludedFragment,
    Scales,
    decibels,
    draw_band_losses,
    draw_kernel_response,
    draw_matrix,
    draw_occlusion,
    draw_spectrogram,
    draw_waveform,
    scales_of,
)
from genre_core.representations.features import FeatureConfig
from genre_core.signal.fragments import SAMPLE_RATE
from tests.genre_core.test_figures import PNG, png

SCALES = Scales(edges_hz=(20, 40, 80, 160), hop_s=0.1, start_s=31.2)
MATRIX = np.array([[1, 0, 0, 1], [1, 0, 0, 1], [1, 0.5, 0, 1]], np.float32)


def sine(frequency_hz: float, duration_s: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    time_s = np.arange(round(duration_s * SAMPLE_RATE)) / SAMPLE_RATE
    return np.sin(2 * np.pi * frequency_hz * time_s).astype(np.float32)


def test_a_short_wave_is_drawn_sample_by_sample_over_seconds() -> None:
    axes = draw_waveform(np.array([0, 0.5, -0.5], np.float32), 10, "three samples").axes[0]

    np.testing.assert_allclose(axes.lines[0].get_xydata(), [[0, 0], [0.1, 0.5], [0.2, -0.5]])
    assert axes.get_xlabel() == "time (s)"


def test_a_long_wave_keeps_its_peaks() -> None:
    signal = np.zeros(10 * SAMPLE_RATE, np.float32)
    signal[100_000], signal[200_000] = 0.9, -0.7

    axes = draw_waveform(signal, SAMPLE_RATE, "two clicks").axes[0]

    outline = axes.collections[0].get_paths()[0].vertices
    assert (outline[:, 1].max(), outline[:, 1].min()) == pytest.approx((0.9, -0.7))
    assert axes.get_xlim() == (0, 10)


def test_decibels_are_below_the_highest_power_and_silence_is_the_floor() -> None:
    levels_db = decibels(np.array([1.0, 0.01, 1e-12], np.float32))

    np.testing.assert_allclose(levels_db, [0, -20, -80], atol=1e-5)
    np.testing.assert_allclose(decibels(np.zeros(2, np.float32)), [-80, -80])


def test_the_spectrogram_of_a_sine_is_loudest_at_its_frequency() -> None:
    figure = draw_spectrogram(sine(440, 0.5), "440 Hz")

    spectrum = figure.axes[1].lines[0]
    loudest = spectrum.get_ydata()[np.argmax(spectrum.get_xdata())]
    assert loudest == pytest.approx(440)
    assert figure.axes[2].get_ylabel() == "frequency (Hz)"
    assert png(figure).startswith(PNG)


def test_the_matrix_is_drawn_over_seconds_of_the_song_and_edges_in_hertz() -> None:
    axes = draw_matrix(MATRIX, SCALES, "a fragment").axes[0]

    assert axes.images[0].get_extent() == pytest.approx([31.2, 31.6, 0, 3])
    assert [label.get_text() for label in axes.get_yticklabels()] == ["20", "40", "80", "160"]
    np.testing.assert_array_equal(axes.images[0].get_array(), MATRIX)
    numbered = draw_matrix(MATRIX, Scales(hop_s=0.1), "a fragment").axes[0]
    assert numbered.get_ylabel() == "band (number)"


@pytest.mark.parametrize(
    ("representation", "edges_hz"),
    [
        ("thesis", {0: 20, 12: 20_000}),
        # 401 bins of 5 Hz a band
        ("getec", {0: 0, 1: 2_005, 11: 22_055}),
        ("getec_int16", {0: 0, 1: 2_005, 11: 22_055}),
        ("envelope", {}),
        ("waveform", {}),
        # librosa.mel_frequencies(66, fmin=20, fmax=11025) starts 20, 70.8827, 121.765 and ends
        # 9926.59, 10461.39, 11025; edges lie half way
        ("logmel", {0: 45.4413, 1: 96.3240, 63: 10_193.99, 64: 10_743.19}),
    ],
)
def test_bands_have_edges_in_hertz_if_they_are_bands(
    representation: str, edges_hz: dict[int, float]
) -> None:
    scales = scales_of(FeatureConfig(representation=representation))

    assert len(scales.edges_hz) == max(edges_hz, default=-1) + 1
    assert {band: scales.edges_hz[band] for band in edges_hz} == pytest.approx(edges_hz, rel=1e-5)


def test_the_scale_of_the_thesis_has_hops_of_100_ms_from_the_start_of_the_fragment() -> None:
    scales = scales_of(FeatureConfig(representation="thesis"), 40.0)

    assert (scales.hop_s, scales.start_s) == (0.1, 40.0)


def test_the_response_is_the_sum_of_products_where_the_middle_of_the_kernel_is() -> None:
    figure = draw_kernel_response(MATRIX, SCALES, "beats")

    # between the panels stand the axes of their colour scales
    response = figure.axes[2]
    assert response.images[0].get_extent() == pytest.approx([31.3, 31.5, 0, 1])
    assert [label.get_text() for label in response.get_yticklabels()] == ["40", "80"]
    # the middle columns of the two places are (0, 0, 0.5) and (0, 0, 0)
    np.testing.assert_allclose(response.images[0].get_array(), [[0.5, 0]])


def test_occlusion_is_drawn_below_each_matrix_on_one_scale_around_zero() -> None:
    losses = np.zeros((3, 4))
    losses[1, 2], losses[0, 0] = 0.4, -0.1
    fragment = OccludedFragment(matrix=MATRIX, losses=losses, probability=0.9, scales=SCALES)
    flat = OccludedFragment(matrix=MATRIX, losses=np.zeros((3, 4)), probability=0.5, scales=SCALES)

    figure = draw_occlusion([fragment, flat], "jazz", "a song: jazz 0.90")

    assert figure.axes[0].get_title() == "31.2 s, jazz 0.90"
    assert figure.axes[2].images[0].get_clim() == (-0.4, 0.4)
    assert png(figure).startswith(PNG)
    assert png(draw_occlusion([flat], "jazz", "nothing decided")).startswith(PNG)


def test_a_bar_is_the_mean_loss_of_a_band_over_fragments_and_frames() -> None:
    losses = np.zeros((2, 3, 4))
    losses[0, 1] = 0.4

    axes = draw_band_losses(losses, SCALES, "jazz", "bands").axes[0]

    assert [bar.get_width() for bar in axes.patches] == pytest.approx([0, 0.2, 0])
    assert "line: middle half" in axes.get_xlabel()


def test_an_architecture_shows_shapes_and_parameters_and_puts_branches_side_by_side() -> None:
    def box(name: str, n_parameters: int, *reads: str) -> LayerBox:
        return LayerBox(
            name=name, kind="Dense", shape=(3, 4), n_parameters=n_parameters, reads=reads
        )

    boxes = [box("a", 0), box("b", 5, "a"), box("c", 1000, "a"), box("d", 7, "b", "c")]

    figure = draw_architecture(boxes, "four layers")

    texts = [text for text in figure.axes[0].texts if text.get_text()]
    places = {text.get_text(): text.get_position() for text in texts}
    assert "3 × 4 · 1,000 parameters" in places
    b, c = places["3 × 4 · 5 parameters"], places["3 × 4 · 1,000 parameters"]
    assert b[1] == c[1]
    assert b[0] < places["3 × 4"][0] < c[0]
    assert figure.get_suptitle() == "four layers: 1,012 parameters"
