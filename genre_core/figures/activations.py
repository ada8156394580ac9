"""Which bands and moments decided, drawn over the matrix."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from genre_core.evaluation.metrics import Float64Array
from genre_core.examples import Float32Array
from genre_core.figures.matrix import Scales, add_bar, label_bands, show_matrix
from genre_core.figures.style import OKABE_ITO, declutter

COLUMNS = 4
"""Kernels side by side."""


def draw_excitement(
    kernels: Float32Array | None, patches: Float32Array, strengths: Float32Array, title: str
) -> Figure:
    """Draw kernels with the patches that excite each most, from the strongest on.

    Parameters
    ----------
    kernels : float32 [shape=(n_kernels, 3, 3)] or None
        Where a kernel is one image that can be shown: in the first layer.
    patches : float32 [shape=(n_kernels, n_best, patch_bands, patch_frames)]
        Time to the right, bands upwards; scaled values in 0..1.
    strengths : float32 [shape=(n_kernels, n_best)]
        The strongest is written above each kernel; one that is 0 throughout is silent.
    title : str

    Returns
    -------
    matplotlib.figure.Figure
    """
    n_kernels, n_best = patches.shape[:2]
    n_rows = -(-n_kernels // COLUMNS)
    n_wide = n_best + (kernels is not None)
    figure = Figure(figsize=(0.62 * COLUMNS * (n_wide + 0.5), 0.72 * n_rows + 0.9))
    shares = [1.0] * n_wide + [0.5]
    grid = figure.add_gridspec(
        n_rows,
        COLUMNS * len(shares),
        width_ratios=shares * COLUMNS,
        left=0.02,
        right=0.99,
        bottom=0.02,
        top=1 - 0.75 / (0.72 * n_rows + 0.9),
        hspace=0.45,
        wspace=0.08,
    )
    for kernel in range(n_kernels):
        row, column = kernel % n_rows, kernel // n_rows * len(shares)
        shown = [] if kernels is None else [kernels[kernel]]
        is_silent = strengths[kernel, 0] <= 0
        label = f"{kernel}: silent" if is_silent else f"{kernel}: {strengths[kernel, 0]:.2f}"
        for place in range(n_wide):
            axes = figure.add_subplot(grid[row, column + place])
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
            if place == 0:
                axes.set_title(label, fontsize=7, pad=2, loc="left")
            if place < len(shown):
                _show_kernel(axes, shown[place])
            elif not is_silent:
                patch = patches[kernel, place - len(shown)]
                axes.imshow(patch, origin="lower", cmap="cividis", vmin=0, vmax=1)
    figure.suptitle(title, wrap=True, fontsize=11)
    return figure


def _show_kernel(axes: Axes, kernel: Float32Array) -> None:
    reach = float(np.abs(kernel).max()) or 1.0
    axes.imshow(kernel, origin="lower", cmap="PuOr_r", vmin=-reach, vmax=reach)
    axes.spines[:].set_visible(True)


def kernel_images(rows: Float32Array | Float64Array) -> Float32Array | None:
    """Give kernels as images where they read one image, otherwise none."""
    return rows.reshape(-1, 3, 3).astype(np.float32) if rows.shape[1] == 9 else None


N_COLUMNS = 8
PLAIN_NAMES = {"conv2d": "convolution", "max_pooling2d": "max pooling"}


def draw_images(images: Float32Array, title: str) -> Figure:
    """Draw the images of one layer side by side, on one scale of colours.

    Parameters
    ----------
    images : float32 [shape=(n_bands, n_frames, n_images)]
        Time to the right, bands upwards; the number above an image is that of its kernel.
    title : str

    Returns
    -------
    matplotlib.figure.Figure

    Notes
    -----
    Thesis figures 4.9, 4.10 and 4.11. There each image has colours of its own, and a weak image
    looks like a strong one; here the layer shares one scale, by the root so that weak ones show.
    """
    n_bands, n_frames, n_images = images.shape
    n_columns = min(N_COLUMNS, n_images)
    n_rows = -(-n_images // n_columns)
    side = 1.25
    height = side * max(0.45, min(1.0, 1.15 * n_bands / n_frames)) + 0.16
    figure = Figure(figsize=(side * n_columns + 1.0, height * n_rows + 0.9), layout="constrained")
    panels = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    highest = float(images.max()) or 1.0
    for number, axes in enumerate(panels):
        if number >= n_images:
            axes.set_axis_off()
            continue
        image = axes.imshow(
            images[:, :, number],
            origin="lower",
            aspect="auto",
            cmap="cividis",
            norm=PowerNorm(0.5, vmin=0, vmax=highest),
        )
        silent = not np.any(images[:, :, number] > 0)
        axes.set_title(f"{number} (silent)" if silent else str(number), fontsize=7, pad=2)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    add_bar(figure, image, list(panels), "activation")
    figure.supxlabel(f"time → ({n_frames} places)", fontsize=9)
    figure.supylabel(f"frequency → ({n_bands} places)", fontsize=9)
    figure.suptitle(title, wrap=True, fontsize=11)
    return figure


def plain_name(layer: str) -> str:
    """Give what a layer does by its name in Keras: ``conv2d_4`` is a convolution."""
    kind = re.sub(r"_\d+$", "", layer)
    return PLAIN_NAMES.get(kind, kind.replace("_", " "))


CONTOUR_SHARE = 0.5
"""The outline over a matrix encloses what costs this share of the largest loss, or more."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OccludedFragment:
    """A fragment and what it loses where it is silenced; both (n_bands, n_frames)."""

    matrix: Float32Array
    losses: Float64Array
    probability: float
    scales: Scales


def draw_occlusion(fragments: Sequence[OccludedFragment], genre: str, title: str) -> Figure:
    """Draw matrices above the probability that each loses where it is silenced.

    Parameters
    ----------
    fragments : sequence of OccludedFragment
        One at least; three fit well.
    genre : str
        Whose probability is lost.
    title : str

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = Figure(figsize=(3.9 * len(fragments) + 1.2, 6), layout="constrained")
    panels = figure.subplots(2, len(fragments), squeeze=False, sharey=True)
    reach = max(float(np.abs(fragment.losses).max()) for fragment in fragments) or 1.0
    for column, fragment in enumerate(fragments):
        above, below = panels[:, column]
        image = show_matrix(above, fragment.matrix, fragment.scales, (0, 1))
        _outline(above, fragment, reach)
        above.set_title(
            f"{fragment.scales.start_s:.1f} s, {genre} {fragment.probability:.2f}", fontsize=10
        )
        change = show_matrix(below, fragment.losses, fragment.scales, (-reach, reach), "PuOr_r")
        above.set_xlabel("")
        if column:
            above.set_ylabel("")
            below.set_ylabel("")
    _add_bars(figure, image, change, panels, genre)
    figure.suptitle(title, wrap=True)
    return figure


def draw_band_losses(losses: Float64Array, scales: Scales, genre: str, title: str) -> Figure:
    """Draw how much probability each band carries, over all fragments of a song.

    Parameters
    ----------
    losses : float64 [shape=(n_fragments, n_bands, n_frames)]
    scales : Scales
    genre : str
    title : str

    Returns
    -------
    matplotlib.figure.Figure
        A bar a band, the mean over fragments and frames; the thin line is the middle half of the
        fragments.
    """
    by_band = losses.mean(axis=2)  # (n_fragments, n_bands)
    n_bands = by_band.shape[1]
    figure = Figure(figsize=(6.4, 4.6), layout="constrained")
    axes = figure.subplots()
    places = np.arange(n_bands) + 0.5
    axes.barh(places, by_band.mean(axis=0), height=0.8, color=OKABE_ITO[4])
    low, high = np.quantile(by_band, (0.25, 0.75), axis=0)
    axes.hlines(places, low, high, color="#333333", linewidth=1)
    axes.axvline(0, color="#333333", linewidth=0.8)
    label_bands(axes, n_bands, scales)
    axes.set_ylim(0, n_bands)
    axes.set_xlabel(
        f"probability of {genre} lost when silenced\n"
        "bar: mean of the fragments; line: middle half of them"
    )
    declutter(axes)
    axes.grid(visible=False)
    figure.suptitle(title, wrap=True)
    return figure


def _outline(axes: Axes, fragment: OccludedFragment, reach: float) -> None:
    """Outline over the matrix what its probability hangs on most, where it hangs on anything."""
    level = CONTOUR_SHARE * float(fragment.losses.max())
    if level < 0.05 * reach:
        return
    n_bands, n_frames = fragment.losses.shape
    start_s, hop_s = fragment.scales.start_s, fragment.scales.hop_s
    frames = np.array([0, *(np.arange(n_frames) + 0.5), n_frames])
    bands = np.array([0, *(np.arange(n_bands) + 0.5), n_bands])
    closed = np.pad(fragment.losses, 1)  # so that an outline closes at the border
    axes.contour(
        start_s + frames * hop_s,
        bands,
        closed,
        levels=[level],
        colors=[OKABE_ITO[1]],
        linewidths=1.6,
    )


def _add_bars(
    figure: Figure,
    image: AxesImage,
    change: AxesImage,
    panels: npt.NDArray[np.object_],
    genre: str,
) -> None:
    add_bar(figure, image, list(panels[0]), "scaled value; outline: half\nof the largest loss")
    add_bar(figure, change, list(panels[1]), f"probability of {genre}\nlost when silenced")
