"""From the wave of a song to what a network reads: samples, spectra, matrices, occlusion."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import FuncFormatter, MaxNLocator

from genre_core.evaluation.bootstrap import Float64Array
from genre_core.examples import Float32Array
from genre_core.figures.style import DARK, OKABE_ITO, add_colour_bar, declutter, new_figure, strip
from genre_core.representations.features import FeatureConfig
from genre_core.representations.registry import find_representation
from genre_core.representations.spectrum import BIN_HZ, FRAME_SAMPLES, HOP_SAMPLES, power_frames
from genre_core.signal.fragments import SAMPLE_RATE

FLOOR_DB = -80.0
LOW_HZ, TOP_HZ = 20.0, 20_000.0
TICKS_HZ = (20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000)

COLUMNS = 1200
"""Columns of a figure; of longer signals the lowest and highest sample of each is drawn."""

MAX_EDGES = 14
"""So many edges of bands can be read along an axis; of more, only some are written."""

BEAT_KERNEL = ((0, 1, 0), (0, 1, 0), (0, 1, 0))
"""Thesis eq. 3.21: a short sound over three bands, a beat."""

RANGES = ("low", "mid", "high")
CONTOUR_SHARE = 0.5
"""The outline over a matrix encloses places that cost this share of the largest loss, or more."""


def draw_waveform(signal: Float32Array, sample_rate: int, title: str) -> Figure:
    """Draw the samples of mono audio in -1..1, (n_samples,), over time (thesis figure 2.1)."""
    figure = new_figure(9, 3, title)
    axes = figure.subplots()
    if len(signal) <= 2 * COLUMNS:
        time_s = np.arange(len(signal)) / sample_rate
        axes.plot(time_s, signal, color=OKABE_ITO[0], linewidth=0.8)
    else:
        column = len(signal) // COLUMNS
        blocks = signal[: column * (len(signal) // column)].reshape(-1, column)
        time_s = (np.arange(len(blocks)) + 0.5) * column / sample_rate
        lowest, highest = blocks.min(axis=1), blocks.max(axis=1)
        axes.fill_between(time_s, lowest, highest, color=OKABE_ITO[0], linewidth=0)
    axes.set(xlim=(0, len(signal) / sample_rate), ylim=(-1, 1))
    axes.set(xlabel="time (s)", ylabel="amplitude (full scale = 1)")
    declutter(axes)
    return figure


def draw_spectrogram(fragment: Float32Array, title: str) -> Figure:
    """Draw a frame of a fragment, its spectrum, and the spectrogram of all frames.

    Thesis figure 2.4. The fragment is mono audio at 44.1 kHz, a frame of 200 ms at least; decibels
    are below its loudest bin.
    """
    levels_db = decibels(power_frames(fragment[np.newaxis])[0]).T  # (n_bins, n_frames)
    loudest = int(levels_db.max(axis=0).argmax())
    figure = new_figure(11, 3.6, title)
    wave, spectrum, spectra = figure.subplots(1, 3, width_ratios=(1, 0.8, 1.6))
    start = loudest * HOP_SAMPLES
    samples = fragment[start : start + FRAME_SAMPLES]
    time_s = (start + np.arange(len(samples))) / SAMPLE_RATE
    wave.plot(time_s, samples, color=OKABE_ITO[0], linewidth=0.6)
    wave.set(xlim=(time_s[0], time_s[-1]), xlabel="time (s)", ylabel="amplitude (full scale = 1)")
    wave.set_title("the loudest frame", fontsize=10)
    edges_hz = (np.arange(len(levels_db) + 1) - 0.5) * BIN_HZ
    bins_hz = np.arange(len(levels_db)) * BIN_HZ
    spectrum.plot(levels_db[:, loudest], bins_hz, color=OKABE_ITO[0], linewidth=0.6)
    spectrum.set(xlim=(FLOOR_DB, 0), xlabel="level (dB)")
    spectrum.set_title("its spectrum", fontsize=10)
    for axes in (wave, spectrum):
        declutter(axes)
    edges_s = np.arange(levels_db.shape[1] + 1) * HOP_SAMPLES / SAMPLE_RATE
    options = {"cmap": "cividis", "vmin": FLOOR_DB, "vmax": 0, "rasterized": True}
    mesh = spectra.pcolormesh(edges_s, edges_hz[1:], levels_db[1:], **options)
    spectra.set_xlabel("time (s)")
    spectra.set_title("the spectra of all frames", fontsize=10)
    for axes in (spectrum, spectra):
        _scale_hertz(axes)
    spectra.spines[:].set_visible(False)
    add_colour_bar(figure, mesh, spectra, "level (dB)")
    return figure


def decibels(powers: Float32Array) -> Float32Array:
    """Return levels in dB below the highest power, down to -80 dB."""
    loudest = powers.max()
    if not loudest > 0:
        return np.full(powers.shape, FLOOR_DB, np.float32)
    floor = np.float32(10 ** (FLOOR_DB / 10))
    return np.float32(10) * np.log10(np.maximum(powers / loudest, floor))


def _scale_hertz(axes: Axes) -> None:
    axes.set_yscale("log")
    axes.set(ylim=(LOW_HZ, TOP_HZ), ylabel="frequency (Hz)")
    axes.set_yticks(TICKS_HZ)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _hertz(value)))
    axes.minorticks_off()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scales:
    """The frequencies of the rows of a matrix and the times of its columns.

    ``edges_hz`` are the edges of the bands, one more than bands, from low to high; empty where
    bands have none. ``start_s`` is where the first frame starts in the song.
    """

    edges_hz: tuple[float, ...] = ()
    hop_s: float
    start_s: float = 0.0


def scales_of(features: FeatureConfig, start_s: float = 0.0) -> Scales:
    """Return the scales of a matrix from the settings of its representation."""
    representation = find_representation(features.representation)
    hop = representation.settings.get("hop_samples")
    n_frames = features.shape[1]
    seconds = hop / SAMPLE_RATE if isinstance(hop, int | float) else features.fragment_s / n_frames
    return Scales(edges_hz=representation.edges_hz, hop_s=float(seconds), start_s=start_s)


def draw_matrix(matrix: Float32Array, scales: Scales, title: str) -> Figure:
    """Draw a matrix in 0..1, (n_bands, n_frames), over seconds and hertz.

    Thesis figures 3.6 and 4.8.
    """
    figure = new_figure(8, 3.8, title)
    axes = figure.subplots()
    image = _show_matrix(axes, matrix, scales, (0, 1))
    if matrix.shape[0] == 12 and scales.edges_hz:  # the thesis: four low, mid and high bands
        for nth, name in enumerate(RANGES):
            if nth:
                axes.axhline(4 * nth, color="white", linewidth=0.8, linestyle=":")
            text = axes.text(1.01, (4 * nth + 2) / 12, name, transform=axes.transAxes)
            text.set(rotation=90, va="center", fontsize=9)
    add_colour_bar(figure, image, axes, "scaled value (0 to 1)")
    return figure


def _show_matrix(
    axes: Axes,
    matrix: Float32Array | Float64Array,
    scales: Scales,
    limits: tuple[float | None, float | None] = (None, None),
    cmap: str = "cividis",
) -> AxesImage:
    """Show a matrix with time to the right in seconds and bands upwards in hertz."""
    n_bands, n_frames = matrix.shape
    end_s = scales.start_s + n_frames * scales.hop_s
    image = axes.imshow(
        matrix,
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        extent=(scales.start_s, end_s, 0, n_bands),
        vmin=limits[0],
        vmax=limits[1],
        cmap=cmap,
    )
    axes.set_xlabel("time (s)")
    _label_bands(axes, n_bands, scales)
    axes.tick_params(length=2)
    axes.spines[:].set_visible(False)
    return image


def _label_bands(axes: Axes, n_bands: int, scales: Scales) -> None:
    """Write the edges of the bands in hertz along the vertical axis, or number the bands."""
    if not scales.edges_hz:
        axes.set_ylabel("band (number)")
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        return
    shown = list(range(0, n_bands + 1, -(-n_bands // MAX_EDGES)))
    axes.set_yticks(shown, [_hertz(scales.edges_hz[edge]) for edge in shown])
    axes.set_ylabel("edge of the band (Hz)")


def _hertz(frequency_hz: float) -> str:
    """Write a frequency short: 133, 4k, 13.4k."""
    if frequency_hz < 1000:
        return f"{frequency_hz:.0f}"
    return f"{np.round(frequency_hz / 1000, 1):g}k"


def draw_kernel_response(matrix: Float32Array, scales: Scales, title: str) -> Figure:
    """Draw a matrix, `BEAT_KERNEL`, and its response as it is slid over the matrix.

    Thesis figure 3.7. Networks slide a kernel unturned, so this does, too; eq. 3.20 turns it by
    180°, which changes nothing for this one.
    """
    from scipy.signal import correlate2d

    kernel = np.array(BEAT_KERNEL, np.float64)
    figure = new_figure(12, 3.6, title)
    whole, middle, inner = figure.subplots(1, 3, width_ratios=(2, 0.6, 2))
    image = _show_matrix(whole, matrix, scales, (0, 1))
    whole.set_title("matrix", fontsize=10)
    add_colour_bar(figure, image, whole, "scaled value")
    middle.imshow(kernel, origin="lower", cmap="cividis", vmin=-1, vmax=1)
    for (band, frame), weight in np.ndenumerate(kernel):
        colour = "black" if weight else "white"
        middle.text(frame, band, f"{weight:.0f}", ha="center", va="center", color=colour)
    strip(middle)
    middle.set(xlabel="frames", ylabel="bands")
    middle.set_title("kernel", fontsize=10)
    # the middle of the kernel never reaches the border
    start_s = scales.start_s + scales.hop_s
    within = replace(scales, edges_hz=scales.edges_hz[1:-1], start_s=start_s)
    image = _show_matrix(inner, correlate2d(matrix, kernel, mode="valid"), within)
    inner.set_title("response, by the middle of the kernel", fontsize=10)
    add_colour_bar(figure, image, inner, "response")
    return figure


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OccludedFragment:
    """A fragment and the probability it loses where it is occluded; both (n_bands, n_frames)."""

    matrix: Float32Array
    losses: Float64Array
    probability: float
    scales: Scales


def draw_occlusion(fragments: Sequence[OccludedFragment], genre: str, title: str) -> Figure:
    """Draw matrices above the probability of a genre that each place carries.

    One fragment at least; three fit well.
    """
    figure = new_figure(3.9 * len(fragments) + 1.2, 6, title)
    panels = figure.subplots(2, len(fragments), squeeze=False, sharey=True)
    limit = max(float(np.abs(fragment.losses).max()) for fragment in fragments) or 1.0
    for (above, below), fragment in zip(panels.T, fragments, strict=True):
        image = _show_matrix(above, fragment.matrix, fragment.scales, (0, 1))
        _outline(above, fragment, limit)
        label = f"{fragment.scales.start_s:.1f} s, {genre} {fragment.probability:.2f}"
        above.set_title(label, fontsize=10)
        limits = -limit, limit
        change = _show_matrix(below, fragment.losses, fragment.scales, limits, "PuOr_r")
        above.set_xlabel("")
    for axes in panels[:, 1:].flat:
        axes.set_ylabel("")
    outlined = "scaled value; outline: half\nof the largest loss"
    add_colour_bar(figure, image, list(panels[0]), outlined)
    add_colour_bar(figure, change, list(panels[1]), f"probability of {genre}\nlost when occluded")
    return figure


def _outline(axes: Axes, fragment: OccludedFragment, limit: float) -> None:
    """Outline the places of the largest losses, where there are losses to speak of."""
    level = CONTOUR_SHARE * float(fragment.losses.max())
    if level < 0.05 * limit:
        return
    n_bands, n_frames = fragment.losses.shape
    frames = np.array([0, *(np.arange(n_frames) + 0.5), n_frames])
    bands = np.array([0, *(np.arange(n_bands) + 0.5), n_bands])
    time_s = fragment.scales.start_s + frames * fragment.scales.hop_s
    closed = np.pad(fragment.losses, 1)  # so that an outline closes at the border
    axes.contour(time_s, bands, closed, levels=[level], colors=[OKABE_ITO[1]], linewidths=1.6)


def draw_band_losses(losses: Float64Array, scales: Scales, genre: str, title: str) -> Figure:
    """Draw the probability of a genre that each band carries, over all fragments of a song.

    A bar a band, the mean over losses (n_fragments, n_bands, n_frames); the thin line is the
    middle half of the fragments.
    """
    by_band = losses.mean(axis=2)  # (n_fragments, n_bands)
    n_bands = by_band.shape[1]
    figure = new_figure(6.4, 4.6, title)
    axes = figure.subplots()
    places = np.arange(n_bands) + 0.5
    axes.barh(places, by_band.mean(axis=0), height=0.8, color=OKABE_ITO[4])
    low, high = np.quantile(by_band, (0.25, 0.75), axis=0)
    axes.hlines(places, low, high, color=DARK, linewidth=1)
    axes.axvline(0, color=DARK, linewidth=0.8)
    _label_bands(axes, n_bands, scales)
    legend = "bar: mean of the fragments; line: middle half of them"
    axes.set(ylim=(0, n_bands), xlabel=f"probability of {genre} lost when occluded\n{legend}")
    declutter(axes)
    axes.grid(visible=False)
    return figure
