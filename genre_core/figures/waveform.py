"""The wave of a song."""

import numpy as np
from matplotlib.figure import Figure

from genre_core.examples import Float32Array
from genre_core.figures.palette import OKABE_ITO, declutter

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
