"""The reduced matrix of a fragment, and a kernel slid over it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import MaxNLocator

from genre_core.evaluation.metrics import Float64Array
from genre_core.examples import Float32Array
from genre_core.representations.features import FeatureConfig
from genre_core.representations.registry import find_representation
from genre_core.signal.fragments import SAMPLE_RATE

MAX_EDGES = 14
"""So many edges of bands can be read along an axis; of more, only some are written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scales:
    """What the rows and columns of a matrix stand for.

    Attributes
    ----------
    edges_hz : tuple of float
        Edges of the bands, one more than bands, from low to high; empty where bands have none.
    hop_s : float
        From one frame to the next.
    start_s : float
        Where the first frame starts in the song.
    """

    edges_hz: tuple[float, ...] = ()
    hop_s: float
    start_s: float = 0.0


def scales_of(features: FeatureConfig, start_s: float = 0.0) -> Scales:
    """Read the scales of a matrix from the settings of its representation."""
    representation = find_representation(features.representation)
    hop = representation.settings.get("hop_samples")
    n_frames = features.shape[1]
    seconds = hop / SAMPLE_RATE if isinstance(hop, int | float) else features.fragment_s / n_frames
    return Scales(edges_hz=representation.edges_hz, hop_s=float(seconds), start_s=start_s)


def show_matrix(
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
    label_bands(axes, n_bands, scales)
    axes.tick_params(length=2)
    axes.spines[:].set_visible(False)
    return image


def label_bands(axes: Axes, n_bands: int, scales: Scales) -> None:
    """Write the edges of the bands in hertz along the vertical axis, or number the bands."""
    if not scales.edges_hz:
        axes.set_ylabel("band (number)")
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        return
    step = -(-n_bands // MAX_EDGES)
    shown = list(range(0, n_bands + 1, step))
    axes.set_yticks(shown, [hertz(scales.edges_hz[edge]) for edge in shown])
    axes.set_ylabel("edge of the band (Hz)")


def hertz(frequency_hz: float) -> str:
    """Write a frequency short: 133, 4k, 13.4k."""
    if frequency_hz < 1000:
        return f"{frequency_hz:.0f}"
    return f"{np.round(frequency_hz / 1000, 1):g}k"


def add_bar(figure: Figure, image: ScalarMappable, axes: Axes | Sequence[Axes], label: str) -> None:
    """Add the scale of colours beside some axes."""
    bar = figure.colorbar(image, ax=axes, shrink=0.85, pad=0.02)
    bar.set_label(label)
    bar.outline.set_visible(False)


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
