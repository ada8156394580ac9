"""Seconds and hertz along the sides of a matrix."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import MaxNLocator

from genre_core.examples import Float32Array
from genre_core.features import FeatureConfig
from genre_core.fragments import SAMPLE_RATE
from genre_core.metrics import Float64Array
from genre_core.representations.registry import find_representation

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
