"""The reduced matrix of a fragment, and a kernel slid over it."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genre_core.examples import Float32Array
from genre_core.figures.scales import Scales, add_bar, show_matrix
from genre_core.metrics import Float64Array

BEAT_KERNEL = ((0, 1, 0), (0, 1, 0), (0, 1, 0))
"""Thesis eq. 3.21: a short sound over three bands, a beat."""

RANGES = ("low", "mid", "high")


def draw_matrix(matrix: Float32Array, scales: Scales, title: str) -> Figure:
    """Draw a matrix with the edges of its bands and its time.

    Parameters
    ----------
    matrix : float32 [shape=(n_bands, n_frames)]
        Scaled into 0..1.
    scales : Scales
    title : str

    Returns
    -------
    matplotlib.figure.Figure

    Notes
    -----
    Thesis figures 3.6 and 4.8.
    """
    figure = Figure(figsize=(8, 3.8), layout="constrained")
    axes = figure.subplots()
    image = show_matrix(axes, matrix, scales, (0, 1))
    if matrix.shape[0] == 12 and scales.edges_hz:
        _name_ranges(axes)
    add_bar(figure, image, axes, "scaled value (0 to 1)")
    figure.suptitle(title, wrap=True)
    return figure


def draw_kernel_response(
    matrix: Float32Array, kernel: Float64Array, scales: Scales, title: str
) -> Figure:
    """Draw a matrix, a kernel, and what the kernel gives when it is slid over the matrix.

    Parameters
    ----------
    matrix : float32 [shape=(n_bands, n_frames)]
    kernel : float64 [shape=(3, 3)]
        The first row lies on the lowest band.
    scales : Scales
    title : str

    Returns
    -------
    matplotlib.figure.Figure

    Notes
    -----
    Thesis figure 3.7. Networks slide a kernel unturned, so this does, too; eq. 3.20 turns it by
    180°, which changes nothing for the kernel of eq. 3.21.
    """
    response = slide(matrix, kernel)
    figure = Figure(figsize=(12, 3.6), layout="constrained")
    panels = figure.subplots(1, 3, width_ratios=(2, 0.6, 2))
    image = show_matrix(panels[0], matrix, scales, (0, 1))
    panels[0].set_title("matrix", fontsize=10)
    add_bar(figure, image, panels[0], "scaled value")
    _draw_kernel(panels[1], kernel)
    image = show_matrix(panels[2], response, _inner(scales, kernel))
    panels[2].set_title("response, by the middle of the kernel", fontsize=10)
    add_bar(figure, image, panels[2], "response")
    figure.suptitle(title, wrap=True)
    return figure


def slide(matrix: Float32Array, kernel: Float64Array) -> Float64Array:
    """Give the sum of products of a kernel at each place where it fits, without turning it."""
    windows = np.lib.stride_tricks.sliding_window_view(matrix, kernel.shape)
    return np.einsum("ijkl,kl->ij", windows, kernel)


def _draw_kernel(axes: Axes, kernel: Float64Array) -> None:
    reach = float(np.abs(kernel).max()) or 1.0
    axes.imshow(kernel, origin="lower", cmap="cividis", vmin=-reach, vmax=reach)
    for (band, frame), weight in np.ndenumerate(kernel):
        colour = "black" if weight > 0.2 * reach else "white"
        axes.text(frame, band, f"{weight:.2g}", ha="center", va="center", color=colour)
    axes.set(xticks=[], yticks=[], xlabel="frames", ylabel="bands")
    axes.set_title("kernel", fontsize=10)
    axes.spines[:].set_visible(False)


def _inner(scales: Scales, kernel: Float64Array) -> Scales:
    """Give the scales of the response: without the border that the middle never reaches."""
    bands, frames = (side // 2 for side in kernel.shape)
    edges_hz = scales.edges_hz[bands : len(scales.edges_hz) - bands] if scales.edges_hz else ()
    start_s = scales.start_s + frames * scales.hop_s
    return Scales(edges_hz=edges_hz, hop_s=scales.hop_s, start_s=start_s)


def _name_ranges(axes: Axes) -> None:
    """Name the low, mid and high bands of the thesis, four each."""
    end_s = axes.get_xlim()[1]
    for nth, name in enumerate(RANGES):
        if nth:
            axes.axhline(4 * nth, color="white", linewidth=0.8, linestyle=":")
        axes.annotate(
            name,
            (end_s, 4 * nth + 2),
            xytext=(6, 0),
            textcoords="offset points",
            rotation=90,
            va="center",
            fontsize=9,
            annotation_clip=False,
        )
