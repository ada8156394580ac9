"""From a frame of the wave to the spectrogram: samples, spectrum, all frames side by side."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from genre_core.examples import Float32Array
from genre_core.figures.matrix import add_bar, hertz
from genre_core.figures.style import OKABE_ITO, declutter
from genre_core.representations.spectrum import BIN_HZ, FRAME_SAMPLES, HOP_SAMPLES, power_frames
from genre_core.signal.fragments import SAMPLE_RATE

FLOOR_DB = -80.0
LOW_HZ, TOP_HZ = 20.0, 20_000.0
TICKS_HZ = (20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000)


def draw_spectrogram(fragment: Float32Array, title: str) -> Figure:
    """Draw a frame of a fragment, its spectrum, and the spectrogram of all frames.

    Parameters
    ----------
    fragment : float32 [shape=(n_samples,)]
        Mono audio at 44.1 kHz, a frame of 200 ms at least.
    title : str

    Returns
    -------
    matplotlib.figure.Figure

    Notes
    -----
    Thesis figure 2.4. Decibels are below the loudest bin of the fragment.
    """
    levels_db = decibels(power_frames(fragment[np.newaxis])[0]).T  # (n_bins, n_frames)
    loudest = int(levels_db.max(axis=0).argmax())
    figure = Figure(figsize=(11, 3.6), layout="constrained")
    wave_axes, spectrum_axes, all_axes = figure.subplots(1, 3, width_ratios=(1, 0.8, 1.6))
    _draw_frame(wave_axes, fragment, loudest)
    _draw_spectrum(spectrum_axes, levels_db[:, loudest])
    _draw_all(figure, all_axes, levels_db)
    figure.suptitle(title, wrap=True)
    return figure


def decibels(powers: Float32Array) -> Float32Array:
    """Give levels in dB below the highest power, down to -80 dB."""
    loudest = powers.max()
    if not loudest > 0:
        return np.full(powers.shape, FLOOR_DB, np.float32)
    floor = np.float32(10 ** (FLOOR_DB / 10))
    return np.float32(10) * np.log10(np.maximum(powers / loudest, floor))


def _draw_frame(axes: Axes, fragment: Float32Array, frame: int) -> None:
    start = frame * HOP_SAMPLES
    samples = fragment[start : start + FRAME_SAMPLES]
    time_s = (start + np.arange(len(samples))) / SAMPLE_RATE
    axes.plot(time_s, samples, color=OKABE_ITO[0], linewidth=0.6)
    axes.set_xlim(time_s[0], time_s[-1])
    axes.set_xlabel("time (s)")
    axes.set_ylabel("amplitude (full scale = 1)")
    axes.set_title("the loudest frame", fontsize=10)
    declutter(axes)


def _draw_spectrum(axes: Axes, levels_db: Float32Array) -> None:
    frequencies_hz = np.arange(len(levels_db)) * BIN_HZ
    axes.plot(levels_db, frequencies_hz, color=OKABE_ITO[0], linewidth=0.6)
    axes.set_xlim(FLOOR_DB, 0)
    axes.set_xlabel("level (dB)")
    axes.set_title("its spectrum", fontsize=10)
    declutter(axes)
    _scale_hertz(axes)


def _draw_all(figure: Figure, axes: Axes, levels_db: Float32Array) -> None:
    n_bins, n_frames = levels_db.shape
    edges_hz = (np.arange(n_bins + 1) - 0.5) * BIN_HZ
    edges_s = np.arange(n_frames + 1) * HOP_SAMPLES / SAMPLE_RATE
    mesh = axes.pcolormesh(
        edges_s, edges_hz[1:], levels_db[1:], cmap="cividis", vmin=FLOOR_DB, vmax=0, rasterized=True
    )
    axes.set_xlabel("time (s)")
    axes.set_title("the spectra of all frames", fontsize=10)
    _scale_hertz(axes)
    axes.spines[:].set_visible(False)
    add_bar(figure, mesh, axes, "level (dB)")


def _scale_hertz(axes: Axes) -> None:
    axes.set_yscale("log")
    axes.set_ylim(LOW_HZ, TOP_HZ)
    axes.set_yticks(TICKS_HZ)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: hertz(value)))
    axes.minorticks_off()
    axes.set_ylabel("frequency (Hz)")


COLUMNS = 1200
"""Columns of a figure; of longer signals the lowest and highest sample of each is drawn."""


def draw_waveform(signal: Float32Array, sample_rate: int, title: str) -> Figure:
    """Draw the samples of a signal over time.

    Parameters
    ----------
    signal : float32 [shape=(n_samples,)]
        Mono audio in -1..1.
    sample_rate : int
        In Hz.
    title : str

    Returns
    -------
    matplotlib.figure.Figure

    Notes
    -----
    Thesis figure 2.1.
    """
    figure = Figure(figsize=(9, 3), layout="constrained")
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
    axes.set_xlim(0, len(signal) / sample_rate)
    axes.set_ylim(-1, 1)
    axes.set_xlabel("time (s)")
    axes.set_ylabel("amplitude (full scale = 1)")
    declutter(axes)
    figure.suptitle(title, wrap=True)
    return figure
